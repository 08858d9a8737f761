from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.jsontext import check_kinds, parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=8,
)


@given(VALUES, st.booleans(), st.sampled_from(["utf-8", "utf-16", "utf-32", None]))
def test_it_reads_what_the_standard_library_writes(value: Any, plain: bool, encoding: str | None) -> None:
    text = json.dumps(value, ensure_ascii=plain)
    assert parse_json(text if encoding is None else text.encode(encoding)) == value


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_whatever_is_wrong_is_a_value_error(content: bytes | str) -> None:
    try:
        parse_json(content)
    except ValueError as error:
        assert str(error)


def test_halves_of_a_character_are_none_and_two_of_them_are_one() -> None:
    assert parse_json(r'"\ud83d\ude00"') == "\N{GRINNING FACE}"
    for half in (r'"\ud83d"', r'["\uDE00"]', r'{"\ud83d": 1}', b'"\xed\xa0\xbd"'):
        with pytest.raises(ValueError, match=r"half a character|codec"):
            parse_json(half)


def test_what_is_nested_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json("[" * 100_000)


@dataclass
class Inner:
    share: float
    note: str | None = None


@dataclass
class Outer:
    name: str
    count: int
    parts: tuple[Inner, ...]
    pair: tuple[int, str]
    open: dict[str, Any]
    matrix: tuple[tuple[float | None, ...], ...] | None = None


def outer(**other: Any) -> Outer:
    whole = {"name": "x", "count": 2, "parts": (Inner(0.5), Inner(1, "y")), "pair": (1, "z"), "open": {"a": [1]}}
    return Outer(**{**whole, **other})


@pytest.mark.parametrize("matrix", [None, (), ((0.5, None), (1, 0.0))])
def test_what_fits_is_let_through(matrix: Any) -> None:
    check_kinds(outer(matrix=matrix))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"name": 3}, "name is 3"),
        ({"count": True}, "count is True"),
        ({"count": 1.5}, "count is 1.5"),
        ({"parts": [Inner(1.0)]}, "parts is"),
        ({"parts": (Inner("high"),)}, "share is 'high'"),  # type: ignore[arg-type]
        ({"parts": (None,)}, "parts is"),
        ({"pair": (1, "z", 2)}, "pair is"),
        ({"open": [1]}, "open is"),
        ({"matrix": ((0.5, "x"),)}, "matrix is"),
        ({"name": ["x" * 500]}, r"name is .{50,70}\.\.\.$"),
    ],
)
def test_what_does_not_fit_is_named(other: dict[str, Any], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        check_kinds(outer(**other))
