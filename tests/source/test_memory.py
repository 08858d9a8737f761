"""What a program holds in memory: arrays and labels, data frames, tables, and anything else that is given."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.given import source_from
from labelaudit.source.interface import LabelSource
from labelaudit.source.memory import ArraySource
from labelaudit.source.options import SourceOptions

GREY = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)


def test_arrays() -> None:
    source = ArraySource(GREY, ["b", "a", None, float("nan")], ids=[3, 1, 4, 2], splits=["train", "dev", None, "x"])
    assert isinstance(source, LabelSource)
    assert source.table.sample_id == ["3", "1", "4", "2"]
    assert source.table.given_label == ["b", "a", None, None]
    assert source.table.split == ["train", "val", None, "x"]
    assert source.table.path == [None] * 4
    assert np.array_equal(source.read(2), GREY[2])
    assert source.why == "4 pictures in memory"


@pytest.mark.parametrize("names", [["sad", "happy", "fear"], {0: "sad", 1: "happy"}, {"0": "sad", "1": "happy"}])
def test_codes_with_names(names: object) -> None:
    for labels in ([1, 0, 1, 0], np.array([1, 0, 1, 0]), np.array([1.0, 0.0, 1.0, 0.0]), pd.Series([1, 0, 1, 0])):
        source = ArraySource(GREY, labels, class_names=names)  # type: ignore[arg-type]
        assert source.table.given_label == ["happy", "sad", "happy", "sad"]
        assert source.table.labels.names == ("sad", "happy")


def test_pictures_of_many_kinds() -> None:
    colour = np.zeros((2, 3, 3), dtype=np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(colour).save(encoded, "PNG")
    images = [colour, Image.fromarray(colour), Image.new("1", (3, 2)), encoded.getvalue(), bytearray(b"x"), "a.png"]
    source = ArraySource(images, list("aabbab"))  # type: ignore[arg-type]
    for row in (0, 1, 2):
        assert np.array_equal(source.read(row), colour)
    assert source.read(3) == encoded.getvalue()
    assert source.read(4) == b"x"
    with pytest.raises(PixelError, match="a str is no picture: give uint8 arrays"):
        source.read(5)
    assert len(source.signature()) == 64


def test_signature_is_the_content() -> None:
    labels = ["a", "b", "a", "b"]
    first = ArraySource(GREY, labels).signature()
    assert ArraySource(GREY.copy(), labels[::-1]).signature() == first
    assert ArraySource(GREY[::-1], labels).signature() != first
    assert ArraySource(GREY.reshape(4, 3, 2), labels).signature() != first


@pytest.mark.parametrize(
    ("images", "labels", "options", "message"),
    [
        (GREY, ["a", "b"], {}, "4 images and 2 labels: give one a picture"),
        (GREY, list("abab"), {"ids": [1]}, "4 images and 1 ids"),
        (GREY.astype(float), list("abab"), {}, r"images are float64 of shape \(4, 2, 3\): give uint8"),
        (GREY[:, None, :, :, None], list("abab"), {}, r"of shape \(4, 1, 2, 3, 1\): give uint8"),
        (GREY, list("aaaa"), {}, "one class only, 'a'"),
        (GREY[:0], [], {}, "the data in memory holds no rows"),
        (GREY, list("abab"), {"ids": [1, 2, 1, 3]}, "gives rows 1 and 3 the same id '1'"),
    ],
)
def test_arrays_that_are_refused(
    images: np.ndarray, labels: list[str], options: dict[str, object], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        ArraySource(images, labels, **options)  # type: ignore[arg-type]


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"image": [b"0", b"1", None], "emotion": ["a", None, "b"], "id": [10, 11, 12]}, index=[7, 8, 9])


@pytest.mark.parametrize(
    "make", [lambda: _frame(), lambda: pl.from_pandas(_frame()), lambda: pa.table(pl.from_pandas(_frame()))]
)
def test_tables_with_pictures(make) -> None:
    source = source_from(make())
    assert source.format == "table"
    assert source.table.sample_id == ["10", "11", "12"]
    assert source.table.given_label == ["a", None, "b"]
    assert source.read(1) == b"1"
    with pytest.raises(PixelError, match="the row holds no picture"):
        source.read(2)
    assert source.signature() == source_from(make()).signature()


def test_a_table_with_paths(write_pictures) -> None:
    root = write_pictures("a.png", "b.png")
    frame = pd.DataFrame({"path": ["a.png", "b.png"], "label": pd.Categorical(["x", "y"])})
    source = source_from(frame, SourceOptions(root=root))
    assert source.table.path == ["a.png", "b.png"]
    assert source.read(1) == (root / "b.png").read_bytes()
    with pytest.raises(SourceError, match=r"needs the folder .*: SourceOptions\(root=\.\.\.\)"):
        source_from(frame)


def test_a_frame_of_arrays_and_pillow_pictures() -> None:
    frame = pd.DataFrame({"image": [GREY[0], None, GREY[1]], "label": ["a", "a", "b"]})
    picture = source_from(frame).read(2)
    assert isinstance(picture, bytes)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture))), GREY[1])
    frame = pd.DataFrame({"image": [Image.fromarray(GREY[0]), Image.fromarray(GREY[1])], 5: ["a", "b"]})
    assert source_from(frame, SourceOptions(label_column="5")).table.given_label == ["a", "b"]


def test_votes_in_a_frame() -> None:
    frame = pd.DataFrame({"image": [b"0", b"1"], "votes_a": [3, 1], "votes_b": [1, 2]})
    table = source_from(frame).table
    assert table.given_label == ["a", "b"]
    assert table.votes is not None
    assert table.votes.tolist() == [[3, 1], [1, 2]]


def test_whatever_is_given(write_pictures) -> None:
    root: Path = write_pictures("a/1.png", "b/2.png")
    by_path = source_from(root)
    assert by_path.format == source_from(str(root)).format == "folder"
    assert source_from(by_path) is by_path
    pair = source_from((GREY, [1, 2, 1, 2]), SourceOptions(label_map={"1": "x"}))
    assert pair.table.given_label == ["x", "2", "x", "2"]
    for nothing in (3, [GREY], (GREY,), None):
        with pytest.raises(SourceError, match=r"is no dataset: give a path, a data frame"):
            source_from(nothing)
