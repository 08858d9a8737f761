"""WebDataset: tar shards with labels as .cls or .json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from source.other_copies import write_tar

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions


def test_codes(tmp_path: Path) -> None:
    write_tar(
        tmp_path / "train-000001.tar",
        {"b/3.jpg": b"three", "b/3.cls": b"1\n", "4.cls": b"0"},
        link="5.jpg",
    )
    write_tar(
        tmp_path / "train-000000.tar", {"./1.v2.JPG": b"one", "1.cls": b"0", "2.cls": b"1", "2.png": b"two", "x/": b""}
    )
    source = open_source(tmp_path)
    assert source.format == "webdataset"
    assert source.table.sample_id == ["1", "2", "b/3", "4"]
    assert source.table.given_label == ["0", "1", "1", "0"]
    assert source.table.split == ["train"] * 4
    assert [source.read(row) for row in range(3)] == [b"one", b"two", b"three"]
    with pytest.raises(PixelError, match=r"train-000001.tar holds no picture of the key 4"):
        source.read(3)
    named = open_source(tmp_path, SourceOptions(label_map={"0": "sad", "1": "happy"}))
    assert named.table.labels.names == ("happy", "sad")
    assert source.signature() == named.signature()


def test_json(tmp_path: Path) -> None:
    labels = [{"label": "sad", "id": 7}, {"label": "happy", "id": 8}]
    files = {
        f"{row}.{kind}": b"x" if kind == "jpg" else json.dumps(labels[row]).encode()
        for row in (0, 1)
        for kind in ("jpg", "json")
    }
    source = open_source(write_tar(tmp_path / "set.tar", files))
    assert source.table.sample_id == ["7", "8"]
    assert source.table.given_label == ["sad", "happy"]


def test_keys_in_two_shards(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", {"a.jpg": b"0", "a.cls": b"x"})
    write_tar(tmp_path / "1.tar", {"a.jpg": b"1", "a.cls": b"y"})
    source = open_source(tmp_path)
    assert source.table.sample_id == ["a", "a#2"]
    assert source.read(1) == b"1"


def test_the_archive_that_a_folder_came_from_is_no_shard(write_pictures) -> None:
    root = write_pictures("a/1.png", "b/2.png")
    write_tar(root / "faces.tar", {"a/1.png": b"x", "b/2.png": b"x"})
    (root / "more.tar").write_bytes(b"no tar")
    assert open_source(root).format == "folder"
    write_tar(root / "faces.tar", {"1.png": b"x", "1.CLS": b"0"})
    with pytest.raises(SourceError, match=r"several ways: webdataset \(2 tar files found: .*\); folder \("):
        open_source(root)


def test_shards_that_are_broken(tmp_path: Path) -> None:
    file = write_tar(tmp_path / "set.tar", {"a.jpg": b"0" * 2000, "a.cls": b"x"})
    file.write_bytes(b"no tar at all, but long enough to be one" * 30)
    with pytest.raises(SourceError, match=r"set.tar cannot be read as an uncompressed tar file"):
        open_source(file)
    write_tar(file, {"a.json": b"{broken"})
    with pytest.raises(SourceError, match=r"set.tar: a.json cannot be read"):
        open_source(file)
    write_tar(file, {})
    with pytest.raises(SourceError, match=r"holds no files in its tar shards"):
        open_source(file)


def test_a_picture_that_is_larger_than_its_shard_can_say_is_a_row(tmp_path: Path) -> None:
    """Nothing is read, and no memory taken, for 8 GiB that a header tells of."""
    write_tar(tmp_path / "a.tar", {"1.cls": b"0", "2.png": b"two", "2.cls": b"1", "1.png": b"one"})
    content = bytearray((tmp_path / "a.tar").read_bytes())
    start = content.index(b"1.png")
    content[start + 124 : start + 136] = b"77777777777\0"
    content[start + 148 : start + 156] = b" " * 8
    content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises((SourceError, PixelError), match=r"a\.tar|larger"):
        open_source(tmp_path / "a.tar").read(0)
