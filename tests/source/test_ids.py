"""Ids are unique, and writable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.errors import SourceError
from labelaudit.source.ids import unique_ids, writable


@given(st.lists(st.sampled_from(["a", "b", "a#2", "a#3", "a#2#2", "c"]), max_size=12))
def test_derived_ids_become_unique_and_first_ones_stay(ids: list[str]) -> None:
    said: list[str] = []
    unique = unique_ids(ids, derived=True, where="t", assumed=said)
    assert len(set(unique)) == len(ids)
    for row, sample_id in enumerate(ids):
        if sample_id not in ids[:row]:
            assert unique[row] == sample_id
        else:
            assert unique[row].startswith(f"{sample_id}#")
    assert bool(said) == (len(set(ids)) < len(ids))


def test_given_ids_are_refused_by_their_first_two_rows() -> None:
    with pytest.raises(SourceError, match=r"t gives rows 2 and 4 the same id 'b'"):
        unique_ids(["a", "b", "c", "b", "c"], derived=False, where="t", assumed=[])


def test_writable() -> None:
    assert writable(["ü", None, "a\udcff.png"]) == ["ü", None, "a\\xff.png"]
    assert writable([]) == []
