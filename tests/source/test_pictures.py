"""Reading pictures that are files: never outside the root, and every failure says which file and why."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from labelaudit.errors import PixelError
from labelaudit.source.pictures import FilePictures, crop, leaves_root


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a.png", "a/../../b.png", "..", "C:/a.png", "c:a.png", "a/b/../../.."]
)
def test_paths_that_leave(path: str) -> None:
    assert leaves_root(path)


@pytest.mark.parametrize("path", ["a.png", "a/../b.png", "..a.png", "a..b/c.png", "a/b/../../c.png", "ü b/c d.png"])
def test_paths_that_stay(path: str) -> None:
    assert not leaves_root(path)


@given(st.text(alphabet="ab./\\", max_size=12))
def test_what_stays_is_below_the_root(path: str) -> None:
    if not leaves_root(path):
        assert os.path.normpath(f"/root/{path}").startswith("/root")


def test_reads_bytes(write_pictures) -> None:
    root = write_pictures("a b/ü.png")
    assert FilePictures(root, ["a b/ü.png"]).read(0) == (root / "a b" / "ü.png").read_bytes()


def test_every_failure_is_said(write_pictures, tmp_path: Path) -> None:
    root = write_pictures("a/1.png")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "folder.png").mkdir()
    os.mkfifo(root / "pipe.png")
    cases = {
        "a/2.png": "file not found: a/2.png",
        "../secret.png": "../secret.png leaves the root",
        str(tmp_path / "secret.png"): "secret.png leaves the root",
        "out.png": "out.png is a link that leaves the root",
        "folder.png": "not a file: folder.png",
        "pipe.png": "not a file: pipe.png",
        "a/nul\0.png": "not a file's name",
        "a/1.png/b.png": "a/1.png/b.png cannot be read: Not a directory",
        None: "the row names no picture",
    }
    pictures = FilePictures(root, list(cases))
    for row, message in enumerate(cases.values()):
        with pytest.raises(PixelError) as caught:
            pictures.read(row)
        assert str(caught.value).startswith(message)
        assert str(tmp_path) not in str(caught.value)


def test_signature_follows_the_files(write_pictures) -> None:
    root = write_pictures("1.png", "2.png")
    first = FilePictures(root, ["1.png", "2.png"]).signature()
    assert FilePictures(root, ["1.png", "2.png"]).signature() == first
    assert FilePictures(root, ["2.png", "1.png"]).signature() != first
    assert FilePictures(root, ["1.png", "3.png"]).signature() != first
    assert FilePictures(root, ["1.png", None]).signature() != first
    os.utime(root / "1.png", ns=(1, 1))
    assert FilePictures(root, ["1.png", "2.png"]).signature() != first


def test_crop_cuts_the_box_out(tmp_path: Path) -> None:
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    boxes = np.array([[1, 0, 3, 2], [3, 2, 9, 9], [0, 0, 0, 0], [5, 0, 7, 2]])
    pictures = FilePictures(tmp_path, ["a.png"] * 4, boxes=boxes)
    assert pictures.read(0)[..., 0].tolist() == [[1, 2], [6, 7]]
    assert pictures.read(1)[..., 2].tolist() == [[13, 14], [18, 19]]  # what lies outside the picture is cut off
    assert pictures.read(2) == (tmp_path / "a.png").read_bytes()  # no box: the whole picture
    with pytest.raises(PixelError, match="lies outside the picture of 5 x 4"):
        pictures.read(3)


def test_crop_of_no_picture() -> None:
    with pytest.raises(PixelError, match="cannot be decoded to cut the face out: UnidentifiedImageError"):
        crop(b"no picture", np.array([0, 0, 2, 2]))


def test_boxes_change_the_signature(write_pictures) -> None:
    root = write_pictures("1.png")
    boxes = np.array([[0, 0, 2, 2]])
    first = FilePictures(root, ["1.png"], boxes=boxes).signature()
    assert FilePictures(root, ["1.png"], boxes=boxes + 1).signature() != first


def test_a_picture_that_would_start_a_program_is_not_opened(monkeypatch):
    started: list[object] = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *told, **_more: started.append(told))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n"
    with pytest.raises(PixelError, match="cannot be decoded to cut the face out"):
        crop(eps, np.array([0, 0, 10, 10]))
    assert not started


def test_a_file_without_an_end_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(64 << 30)
    with pytest.raises(PixelError, match="larger than 512 MiB"):
        FilePictures(tmp_path, ["huge.png"]).read(0)
