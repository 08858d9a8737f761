"""ExpW: several faces a picture, each with its box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set" / "image").mkdir(parents=True)
    for name in ("angry actor_1.jpg", "b.jpg"):
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "set" / "image" / name, "PNG")
    (tmp_path / "set" / "label.lst").write_bytes(
        b"\xef\xbb\xbfangry actor_1.jpg 0 1 2 4 3 45.1 0\r\nangry actor_1.jpg 1 0 0 8 8 30 3\r\n"
        b"b.jpg 0 0 0 8 8 30 9\r\nc.jpg 0 0 0 8 8 30 6\r\n\r\n"
    )
    return tmp_path / "set"


def test_faces(folder: Path) -> None:
    for source in (open_source(folder), open_source(folder / "label.lst")):
        assert source.format == "expw"
        assert source.why.startswith("label.lst found: ExpW")
        assert source.table.sample_id == [
            "image/angry actor_1.jpg#0",
            "image/angry actor_1.jpg#1",
            "image/b.jpg#0",
            "image/c.jpg#0",
        ]
        assert source.table.path[:2] == ["image/angry actor_1.jpg"] * 2
        assert source.table.given_label == ["angry", "happy", "9", "neutral"]
        assert source.table.given.tolist() == [0, 1, -1, 2]
        face = source.read(0)
        assert isinstance(face, np.ndarray)
        assert face[..., 0].tolist() == [[10, 11], [18, 19]]  # rows 1 to 2, columns 2 to 3
        with pytest.raises(PixelError, match=r"file not found: image/c.jpg"):
            source.read(3)


@pytest.mark.parametrize("line", ["a.jpg 0 1 x 4 3 45.1 0", "a.jpg 0 1", "a.jpg 0 1 2 inf 3 45.1 0"])
def test_a_line_that_is_wrong(folder: Path, line: str) -> None:
    (folder / "label.lst").write_text(f"b.jpg 0 0 0 8 8 30 3\n{line}\n")
    with pytest.raises(SourceError, match=r"label.lst line 2: expected a name, a face's number, its box"):
        open_source(folder)


def test_the_list_of_another_program(write_pictures) -> None:
    root = write_pictures("a/1.jpg", "b/2.jpg")
    (root / "label.lst").write_text("0\t1.000000\ta/1.jpg\n1\t2.000000\tb/2.jpg\n")
    assert open_source(root).format == "folder"
