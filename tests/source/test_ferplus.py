"""FER+ as folders with a label.csv each."""

from __future__ import annotations

from pathlib import Path

import pytest
from source.expression_copies import FERPLUS_HEADER

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions


@pytest.fixture
def folder(write_pictures) -> Path:
    root = write_pictures("FER2013Train/fer0000000.png", "FER2013Train/fer0000001.png", "FER2013Valid/fer0000002.png")
    (root / "FER2013Train" / "label.csv").write_bytes(
        b'fer0000000.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0\r\n'
        b'fer0000001.png,"(0, 0, 48, 48)",0,9,1,0,0,0,0,0,0,0\r\n\r\n'
    )
    (root / "FER2013Valid" / "label.csv").write_text(
        "fer0000002.png,1,0,0,0,0,0,0,0,0,9\nfer0000009.png,6,4,0,0,0,0,0,0,0,0\n"
    )
    return root


def test_folders_with_votes(folder: Path) -> None:
    source = open_source(folder)
    assert source.format == "ferplus"
    assert source.why == "FER2013Train/label.csv found: FER+ with its votes (--format folder would fit too)"
    assert source.table.sample_id[2:] == ["FER2013Valid/fer0000002.png", "FER2013Valid/fer0000009.png"]
    assert source.table.given_label == ["neutral", "happiness", "NF", "neutral"]
    assert source.table.split == ["train", "train", "val", "val"]
    assert source.table.votes is not None
    assert source.table.votes.tolist() == [[4, 0], [0, 9], [1, 0], [6, 4]]
    assert source.read(2) == (folder / "FER2013Valid" / "fer0000002.png").read_bytes()
    with pytest.raises(PixelError, match=r"file not found: FER2013Valid/fer0000009.png"):
        source.read(3)


def test_there_is_no_single_label(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"FER\+ has votes and no single label"):
        open_source(folder, SourceOptions(votes=False))


@pytest.mark.parametrize("line", ["a.png,1,2,3\n", "a.png,1,2,3,4,5,6,7,8,nan,0\n", "a.png,1,2,3,4,5,6,7,8,-9,0\n"])
def test_a_line_that_is_wrong(folder: Path, line: str) -> None:
    (folder / "FER2013Train" / "label.csv").write_text(line)
    with pytest.raises(SourceError, match=r"FER2013Train/label.csv line 1: expected a file name, a box and 10 counts"):
        open_source(folder)


def test_pictures_of_two_sets_are_a_question(write_pictures) -> None:
    root = write_pictures("one/FER2013Train/a.png", "two/FER2013Train/a.png")
    (root / "fer2013new.csv").write_text(f"{FERPLUS_HEADER}Training,a.png,9,1,0,0,0,0,0,0,0,0\n")
    with pytest.raises(SourceError, match=r"FER\+ pictures more than once \(one/FER2013Train, two/FER2013Train\)"):
        open_source(root)


def test_votes_alone_have_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "fer2013new.csv").write_text("x\n")
    with pytest.raises(SourceError, match=r"fer2013new.csv alone has none: put fer2013.csv beside it"):
        open_source(tmp_path, SourceOptions(format="ferplus"))
