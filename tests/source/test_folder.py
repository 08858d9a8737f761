"""Class-per-folder pictures: classes, splits, wrappers and what is said about the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions


def test_class_folders(write_pictures) -> None:
    source = open_source(write_pictures("happy/1.jpg", "angry/2.PNG", "angry/deep/er/3.tiff"))
    assert isinstance(source, LabelSource)
    assert source.format == "folder"
    assert source.table.sample_id == ["angry/2.PNG", "angry/deep/er/3.tiff", "happy/1.jpg"]
    assert source.table.path == source.table.sample_id
    assert source.table.given_label == ["angry", "angry", "happy"]
    assert source.table.split == [None, None, None]
    assert source.table.labels.names == ("angry", "happy")
    assert "a folder a class" in source.why
    assert list(source.assumed) == []


def test_split_folders_in_any_case(write_pictures) -> None:
    paths = ["Train/a/1.png", "Train/b/1.png", "VALID/a/1.png", "dev/b/1.png", "Test/b/1.png"]
    source = open_source(write_pictures(*paths))
    by_id = {sample.sample_id: (sample.split, sample.given_label) for sample in source.table}
    assert by_id == {
        "Train/a/1.png": ("train", "a"),
        "Train/b/1.png": ("train", "b"),
        "VALID/a/1.png": ("val", "a"),
        "dev/b/1.png": ("val", "b"),
        "Test/b/1.png": ("test", "b"),
    }


def test_a_test_folder_without_classes_is_rows_without_label(write_pictures) -> None:
    source = open_source(write_pictures("train/a/1.png", "train/b/1.png", "test/9.png"))
    assert source.table[0] == source.table[0].__class__("test/9.png", None, "test/9.png", "test")
    assert "1 row has no label: kept, not audited" in source.assumed


def test_a_class_called_test(write_pictures) -> None:
    source = open_source(write_pictures("test/1.png", "rest/1.png"))
    assert source.table.given_label == ["rest", "test"]
    assert source.table.split == [None, None]


def test_one_folder_around_everything(write_pictures) -> None:
    source = open_source(write_pictures("DATASET/in/train/a/1.png", "DATASET/in/train/b/1.png"))
    assert source.table.given_label == ["a", "b"]
    assert source.table.split == ["train", "train"]
    assert "everything lies in the folder DATASET/in: classes are the folders in it" in source.assumed


def test_case_twins_are_two_rows(write_pictures) -> None:
    root = write_pictures("a/1.jpg", "a/1.JPG", "b/2.jpg")
    source = open_source(root)
    assert source.table.sample_id == ["a/1.JPG", "a/1.jpg", "b/2.jpg"]
    assert [source.read(row) for row in range(3)] == [(root / path).read_bytes() for path in source.table.sample_id]


def test_what_is_aside_is_said(write_pictures, tmp_path: Path) -> None:
    root = write_pictures("a/1.png", "b/1.png", "stray.png")
    (root / "empty" / "in").mkdir(parents=True)
    (root / "a" / "notes.txt").write_text("x")
    (root / "a" / "more.txt").write_text("x")
    (root / "README").write_text("x")
    (root / "away").symlink_to(tmp_path)
    source = open_source(root)
    assert source.table[2].given_label is None
    said = "\n".join(source.assumed)
    assert "3 files are no pictures (2 .txt, 1 no ending): left aside" in said
    assert "2 folders hold no pictures (empty, empty/in): no class" in said
    assert "1 link to a folder leaves the root or leads back into it (away): not followed" in said
    assert "1 row has no label" in said


def test_a_link_that_leaves_is_a_row_that_cannot_be_read(write_pictures, tmp_path: Path) -> None:
    root = write_pictures("a/1.png", "b/1.png")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "a" / "2.png").symlink_to(tmp_path / "secret.png")
    source = open_source(root)
    assert source.table.sample_id == ["a/1.png", "a/2.png", "b/1.png"]
    with pytest.raises(PixelError, match=r"a/2.png is a link that leaves the root"):
        source.read(1)


def test_names_that_are_no_utf8(write_pictures) -> None:
    root = write_pictures("a/1.png", "b/1.png")
    name = os.fsencode(root / "a") + b"/\xff.png"
    with open(name, "wb") as file:
        file.write(b"raw")
    source = open_source(root)
    assert source.table.sample_id[1] == source.table.path[1] == "a/\\xff.png"
    assert source.read(1) == b"raw"
    assert source.signature() == open_source(root).signature()


def test_numbered_folders_and_a_map(write_pictures) -> None:
    root = write_pictures("train/1/x.png", "train/2/x.png", "train/10/x.png")
    plain = open_source(root)
    assert plain.table.labels.names == ("1", "2", "10")
    assert "classes are numbers (1, 2, 10); --label-map 1=NAME,... names them" in plain.assumed
    named = open_source(root, SourceOptions(label_map={"1": "happy", "2": "sad", "10": "happy"}))
    assert named.table.given_label == ["happy", "happy", "sad"]
    assert named.table.labels.names == ("happy", "sad")


@pytest.mark.parametrize(("first", "name"), [(0, "AffectNet"), (1, "RAF-DB")])
def test_numbers_that_known_datasets_have(write_pictures, first: int, name: str) -> None:
    root = write_pictures(*(f"train/{code}/x.png" for code in range(first, 8)))
    source = open_source(root)
    assert source.table.labels.names == tuple(map(str, range(first, 8)))
    option = f"--format {name.lower().replace('-', '')}"
    assert f"some copies of {name} have such folders {first} to 7: {option} names them" in source.assumed
    told = open_source(root, SourceOptions(format=option.split()[1]))
    assert not any("some copies" in said for said in told.assumed)


def test_two_spellings_of_a_class(write_pictures) -> None:
    source = open_source(write_pictures("Happy/1.png", "happiness/1.png", "sad/1.png"))
    assert "'Happy' and 'happiness' look like two spellings of one class; --label-map happiness=Happy joins them" in (
        source.assumed
    )
    assert len(source.table.labels) == 3


def test_splits_can_be_chosen(write_pictures) -> None:
    root = write_pictures("train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/4.png")
    source = open_source(root, SourceOptions(splits=("Testing",)))
    assert source.table.sample_id == ["test/a/3.png", "test/b/4.png"]
    assert source.read(1) == (root / "test/b/4.png").read_bytes()
    assert source.signature() != open_source(root).signature()
    with pytest.raises(SourceError, match=r"--split val: the folder set has only test, train"):
        open_source(root, SourceOptions(splits=("val",)))


def test_splits_where_there_are_none(write_pictures) -> None:
    with pytest.raises(SourceError, match=r"--split train: the folder set has no splits"):
        open_source(write_pictures("a/1.png", "b/1.png"), SourceOptions(splits=("train",)))


def test_refused(write_pictures, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds one class only, 'a'"):
        open_source(write_pictures("a/1.png", "a/2.png", root=tmp_path / "one"))
    with pytest.raises(SourceError, match="has a label"):
        open_source(write_pictures("1.png", "2.png", root=tmp_path / "flat"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"the folder empty holds no pictures"):
        open_source(tmp_path / "empty")
    with pytest.raises(SourceError, match=r"the folder empty holds no pictures"):
        open_source(tmp_path / "empty", SourceOptions(format="folder"))


def test_signature_changes_with_a_picture(write_pictures) -> None:
    root = write_pictures("a/1.png", "b/1.png")
    before = open_source(root).signature()
    (root / "a" / "1.png").write_bytes(b"other content")
    assert open_source(root).signature() != before
