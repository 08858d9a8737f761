"""FER2013's csv in its variants, with and without FER+ votes beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from source.expression_copies import FERPLUS_HEADER

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.fer2013 import parse_pixels
from labelaudit.source.options import SourceOptions

Text = Callable[[int], str]


def _fer(folder: Path, text: Text, name: str = "fer2013.csv", header: str = "emotion,pixels,Usage") -> Path:
    rows = [(0, 10, "Training"), (3, 20, "Training"), (3, 30, "PublicTest"), (6, 40, "PrivateTest")]
    cells = [{"emotion": str(code), "pixels": text(grey), "usage": usage} for code, grey, usage in rows]
    lines = [",".join(row[column.strip().lower()] for column in header.split(",")) for row in cells]
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(("\r\n".join([header, *lines]) + "\r\n\r\n").encode())
    return folder / name


def test_the_original(tmp_path: Path, pixels_text: Text) -> None:
    source = open_source(_fer(tmp_path / "set", pixels_text))
    assert source.format == "fer2013"
    assert source.why == "fer2013.csv with a column of pixels: FER2013"
    assert source.table.sample_id == ["row-00000", "row-00001", "row-00002", "row-00003"]
    assert source.table.given_label == ["angry", "happy", "happy", "neutral"]
    assert source.table.labels.names == ("angry", "happy", "neutral")
    assert source.table.split == ["train", "train", "val", "test"]
    assert list(source.assumed) == [
        "Usage PublicTest is called val here, PrivateTest test",
        "no row is labelled disgust, fear, sad and 1 more",
    ]
    picture = source.read(1)
    assert isinstance(picture, np.ndarray)
    assert (picture.dtype, picture.shape, picture.max()) == (np.uint8, (48, 48), 20)


def test_kaggle_with_spaces_in_the_header(tmp_path: Path, pixels_text: Text) -> None:
    _fer(tmp_path / "set", pixels_text, "icml_face_data.csv", "emotion, Usage, pixels")
    _fer(tmp_path / "set", pixels_text, "train.csv", "emotion,pixels")
    source = open_source(tmp_path / "set")
    assert source.table.split == ["train", "train", "val", "test"]
    assert "train.csv left aside: the same rows as icml_face_data.csv" in source.assumed


def test_kaggle_train_and_test(tmp_path: Path, pixels_text: Text) -> None:
    _fer(tmp_path / "set", pixels_text, "train.csv", "emotion,pixels")
    _fer(tmp_path / "set", pixels_text, "test.csv", "pixels")
    source = open_source(tmp_path / "set")
    assert source.table.split == ["train"] * 4 + ["test"] * 4
    assert source.table.given_label[4:] == [None] * 4
    assert "4 rows have no label: kept, not audited" in source.assumed
    alone = open_source(tmp_path / "set" / "train.csv")
    assert alone.table.split == [None] * 4


def test_two_of_them_are_a_question(tmp_path: Path, pixels_text: Text) -> None:
    _fer(tmp_path / "set", pixels_text, "mine.csv")
    _fer(tmp_path / "set", pixels_text, "yours.csv")
    with pytest.raises(SourceError, match=r"mine.csv, yours.csv look like FER2013: give the path"):
        open_source(tmp_path / "set")


def test_rows_that_are_wrong_stay_rows(tmp_path: Path, pixels_text: Text) -> None:
    grey = pixels_text(1)
    lines = [f"0,{grey}", f"3,{grey} 1", "3,", f"0,{grey[:-1]}x", f"3,{grey[:-1]}999", f"9,{grey}", f",{grey}"]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels", *lines]))
    source = open_source(tmp_path / "fer2013.csv")
    assert source.table.given_label == ["angry", "happy", "happy", "angry", "happy", "9", None]
    assert source.table.given.tolist() == [0, 1, 1, 0, 1, -1, -1]
    assert (
        "1 row carries a label that is no class here (9): kept, not audited; --label-map makes it one" in source.assumed
    )
    for row, message in {
        1: "2,305 pixels where",
        2: "0 pixels where",
        3: "the pixel '[0-9]*x' is no whole number",
        4: r"the pixel [0-9]*999 is not in 0 to 255",
    }.items():
        with pytest.raises(PixelError, match=message):
            source.read(row)
    mapped = open_source(tmp_path / "fer2013.csv", SourceOptions(label_map={"9": "contempt", "angry": "anger"}))
    assert mapped.table.labels.names == ("anger", "happy", "contempt")


def test_parse_pixels() -> None:
    values = np.arange(48 * 48) % 256
    assert parse_pixels(" ".join(map(str, values))).ravel().tolist() == values.tolist()
    with pytest.raises(PixelError, match="the pixel -1 is not in 0 to 255"):
        parse_pixels(" ".join(["-1"] * 48 * 48))


def _votes(folder: Path, *rows: str) -> None:
    (folder / "fer2013new.csv").write_text(FERPLUS_HEADER + "\n".join(rows) + "\n\n")


def test_votes_beside_it(tmp_path: Path, pixels_text: Text) -> None:
    file = _fer(tmp_path / "set", pixels_text)
    _votes(
        file.parent,
        "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
        "Training,,0,0,0,0,0,0,0,0,0,10",
        "PublicTest,fer0000002.png,0,5,5,0,0,0,0,0,0,0",
        "PrivateTest,fer0000003.png,6,0,0,0,0,0,0,0,4,0",
    )
    source = open_source(file)
    assert source.why.endswith("FER2013, with the votes of fer2013new.csv")
    assert source.table.given_label == ["neutral", "NF", "happiness", "neutral"]
    assert source.table.labels.names == ("neutral", "happiness")
    assert source.table.votes is not None
    assert source.table.votes_outside is not None
    assert source.table.votes.tolist() == [[4, 0], [0, 0], [0, 5], [6, 0]]
    assert source.table.votes_outside.tolist() == [6, 10, 5, 4]
    said = "\n".join(source.assumed)
    assert "own label differs from the plurality in 2 of 4 rows" in said  # happy is FER+'s happiness
    assert "no row is labelled" not in said  # angry and so on are no names that could be voted for
    assert open_source(file.parent, SourceOptions(votes=False)).table.given_label == [
        "angry",
        "happy",
        "happy",
        "neutral",
    ]
    told = open_source(file, SourceOptions(label_column="emotion"))
    assert told.table.given_label[0] == "angry"
    with pytest.raises(SourceError, match=r"--label-column usage: the label of FER2013 is 'emotion'"):
        open_source(file, SourceOptions(label_column="usage"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["Training,a.png,4,0,0,1,3,2,0,0,0,0"], r"fer2013new.csv has 1 rows and FER2013 4: votes belong to rows"),
        (["Training,a.png,4,0,0,1,3,2,0,0,0,0"] * 4, r"row 3 is train in fer2013new.csv and PublicTest in FER2013"),
    ],
)
def test_votes_of_other_rows_are_refused(tmp_path: Path, pixels_text: Text, rows: list[str], message: str) -> None:
    file = _fer(tmp_path / "set", pixels_text)
    _votes(file.parent, *rows)
    with pytest.raises(SourceError, match=message):
        open_source(file)
    assert len(open_source(file, SourceOptions(votes=False)).table) == 4


def test_votes_without_a_column(tmp_path: Path, pixels_text: Text) -> None:
    file = _fer(tmp_path / "set", pixels_text)
    (file.parent / "fer2013new.csv").write_text(FERPLUS_HEADER.replace("contempt", "Contemt"))
    with pytest.raises(SourceError, match=r"no column 'contempt'; did you mean 'contemt'\?"):
        open_source(file)
