"""Cells as text and numbers, however a file had them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.errors import SourceError
from labelaudit.source.cells import as_column, is_picture, label_texts, looks_numeric, numbers, texts


def _column(values: object, kind: pa.DataType | None = None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (_column(["a", " b ", "", None, "  "]), ["a", "b", None, None, None]),
        (_column([3, None, -1]), ["3", None, "-1"]),
        (_column([3.0, float("nan"), None]), ["3", None, None]),
        (_column([3.5, 1.0]), ["3.5", "1"]),
        (_column([1e300, 1.0]), ["1e+300", "1"]),
        (_column([True, False]), ["true", "false"]),
        (_column(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (_column([None, None]), [None, None]),
        (_column(["007", "1,234"]), ["007", "1,234"]),
    ],
)
def test_texts(column: pa.ChunkedArray, expected: list[str | None]) -> None:
    assert texts(column) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["3.0", "0.0", "", "nan"], ["3", "0", None, None]),
        (["1,234", "7", "12,345,678"], ["1234", "7", "12345678"]),
        (["1,234", "a"], ["1,234", "a"]),  # not all are numbers: names that hold a comma
        (["007", "1,234"], ["007", "1,234"]),
        (["1,23", "4"], ["1,23", "4"]),  # no thousands: a decimal comma
        (["none", "None", "uncertain"], ["none", "None", "uncertain"]),  # AffectNet has a class code of that name
        (["NaN", "null", "N/A", "#N/A", "<NA>"], [None] * 5),
        (["3.5", "3.0"], ["3.5", "3.0"]),
    ],
)
def test_label_texts(written: list[str], expected: list[str | None]) -> None:
    assert label_texts(as_column(written)) == expected


@given(st.lists(st.integers(0, 10**7), min_size=1))
def test_every_way_to_write_a_number_is_the_same_label(codes: list[int]) -> None:
    plain = [str(code) for code in codes]
    assert label_texts(_column(codes)) == plain
    assert label_texts(_column([float(code) for code in codes])) == plain
    assert label_texts(as_column([f"{code:,}" for code in codes])) == plain
    assert label_texts(as_column([f"{code}.0" for code in codes])) == plain


def test_numbers() -> None:
    counted = numbers(as_column(["1,234", " 7", "", None, "0.5"]), name="v", where="t.csv")
    assert counted.dtype == np.float32
    assert counted.tolist() == [1234, 7, 0, 0, 0.5]
    assert numbers(_column([1, None], pa.uint8()), name="v", where="t").tolist() == [1, 0]


def test_numbers_that_are_none() -> None:
    with pytest.raises(SourceError, match=r"the column 'v' of t.csv holds a vote that is no number"):
        numbers(as_column(["1", "many"]), name="v", where="t.csv")
    with pytest.raises(SourceError, match=r"holds -2 votes in row 2"):
        numbers(_column([1, -2]), name="v", where="t.csv")
    with pytest.raises(SourceError, match=r"holds inf votes in row 1"):
        numbers(_column([float("inf")]), name="v", where="t.csv")


def test_kinds() -> None:
    assert is_picture(pa.binary())
    assert is_picture(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    assert not is_picture(pa.string())
    assert not is_picture(pa.struct([("path", pa.string())]))
    assert looks_numeric(as_column(["1", "1,000", "0.5", ""]))
    assert not looks_numeric(as_column(["1", "x"]))


def test_lists_are_no_names() -> None:
    with pytest.raises(SourceError, match="cannot be read as names"):
        texts(_column([["a"]]))
