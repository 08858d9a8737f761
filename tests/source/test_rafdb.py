"""RAF-DB in its original and its re-shipped form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions


def _original(write_pictures, folder: str = "Image/aligned/", suffix: str = "_aligned") -> Path:
    root = write_pictures(*(f"{folder}{name}{suffix}.jpg" for name in ("train_00001", "train_00002", "test_0001")))
    (root / "EmoLabel").mkdir()
    (root / "EmoLabel" / "list_patition_label.txt").write_bytes(
        b"\xef\xbb\xbftrain_00001.jpg 5\r\ntrain_00002.jpg 4\r\ntrain_00003.jpg 8\r\ntest_0001.jpg 1\r\n\r\n"
    )
    return root


def test_the_original(write_pictures) -> None:
    root = _original(write_pictures)
    for source in (open_source(root), open_source(root / "EmoLabel" / "list_patition_label.txt")):
        assert source.format == "rafdb"
        assert source.why.startswith("list_patition_label.txt found: RAF-DB basic")
        assert source.table.sample_id[0] == source.table.path[0] == "Image/aligned/train_00001_aligned.jpg"
        assert source.table.given_label == ["sad", "happy", "8", "surprise"]
        assert source.table.labels.names == ("surprise", "happy", "sad")
        assert source.table.split == ["train", "train", "train", "test"]
        assert source.read(3) == (root / "Image/aligned/test_0001_aligned.jpg").read_bytes()
        with pytest.raises(PixelError, match=r"file not found: Image/aligned/train_00003_aligned.jpg"):
            source.read(2)
        assert any("(8): kept, not audited" in said for said in source.assumed)


def test_named_from_above_and_from_within(write_pictures) -> None:
    root = _original(write_pictures)
    above = open_source(root.parent)
    assert above.table.path[0] == "set/Image/aligned/train_00001_aligned.jpg"
    within = open_source(root / "EmoLabel")
    assert within.table.path[0] == "Image/aligned/train_00001_aligned.jpg"
    for source in (above, within):
        assert source.read(3) == (root / "Image/aligned/test_0001_aligned.jpg").read_bytes()


def test_whole_photographs(write_pictures) -> None:
    source = open_source(_original(write_pictures, "Image/original/", ""))
    assert source.table.path[0] == "Image/original/train_00001.jpg"
    assert "faces are not aligned: the pictures in Image/original/ are whole photographs" in source.assumed


def test_distributions_are_votes(write_pictures) -> None:
    root = _original(write_pictures)
    (root / "EmoLabel" / "distribution_basic.txt").write_text(
        "train_00001.jpg 0.0 0.1 0.1 0.2 0.5 0.0 0.1\n"
        "train_00002.jpg 0.6 0.0 0.0 0.4 0.0 0.0 0.0\n"
        "test_0001.jpg 1 0 0 0 0 0 0\n"
    )
    source = open_source(root)
    assert source.table.given_label == ["sad", "surprise", "8", "surprise"]
    assert source.table.votes is not None
    assert np.allclose(source.table.votes, [[0, 0.5], [0.6, 0], [0, 0], [1, 0]])
    assert source.table.given.tolist() == [1, 0, -1, 0]
    assert "1 row has no votes: the dataset's own label is taken" in source.assumed
    assert any("differs from the plurality in 1 of 3 rows" in said for said in source.assumed)
    assert open_source(root, SourceOptions(votes=False)).table.given_label[1] == "happy"


def test_lines_that_are_wrong(write_pictures) -> None:
    root = _original(write_pictures)
    (root / "EmoLabel" / "list_patition_label.txt").write_text("train_00001.jpg 5\ntrain 00002.jpg 4\n")
    with pytest.raises(SourceError, match=r"list_patition_label.txt line 2: expected a file name and a label"):
        open_source(root)


def test_a_name_that_is_too_long_is_a_row(write_pictures) -> None:
    root = _original(write_pictures)
    lines = root / "EmoLabel" / "list_patition_label.txt"
    lines.write_text(f"train_{'9' * 500}.jpg 5\n{lines.read_text()}")
    with pytest.raises(PixelError, match="too long"):
        open_source(root).read(0)


def test_without_pictures(write_pictures) -> None:
    root = _original(write_pictures, "elsewhere/")
    with pytest.raises(SourceError, match=r"none of the pictures .* belong into Image/aligned/"):
        open_source(root)


def test_reshipped(write_pictures) -> None:
    root = write_pictures(
        "DATASET/train/5/train_00001_aligned.jpg",
        "DATASET/train/4/train_00002_aligned.jpg",
        "DATASET/train/4/train_00009_aligned.jpg",
        "DATASET/test/1/test_0001_aligned.jpg",
    )
    (root / "train_labels.csv").write_text(
        "image,label\ntrain_00001_aligned.jpg,5\ntrain_00002_aligned.jpg,1\ntrain_00003_aligned.jpg,7\n"
    )
    (root / "test_labels.csv").write_text("image,label\ntest_0001_aligned.jpg,1\n")
    source = open_source(root)
    assert source.format == "rafdb"
    assert "RAF-DB basic, re-shipped" in source.why
    assert [(sample.path, sample.given_label, sample.split) for sample in source.table] == [
        ("DATASET/train/5/train_00001_aligned.jpg", "sad", "train"),
        ("DATASET/train/4/train_00002_aligned.jpg", "surprise", "train"),
        ("DATASET/train/7/train_00003_aligned.jpg", "neutral", "train"),
        ("DATASET/test/1/test_0001_aligned.jpg", "surprise", "test"),
        ("DATASET/train/4/train_00009_aligned.jpg", "happy", "train"),
    ]
    assert "1 picture in no csv (DATASET/train/4/train_00009_aligned.jpg): labelled by folder" in source.assumed
    assert "1 picture lies in another class's folder: the csv counts" in source.assumed
    assert source.read(3) == (root / "DATASET/test/1/test_0001_aligned.jpg").read_bytes()


def test_numbered_folders_when_told(write_pictures) -> None:
    root = write_pictures("train/1/a.jpg", "train/7/b.jpg")
    assert open_source(root).table.labels.names == ("1", "7")
    assert open_source(root, SourceOptions(format="rafdb")).table.labels.names == ("surprise", "neutral")
