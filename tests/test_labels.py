from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.errors import SourceError
from labelaudit.labels import NO_CLASS, LabelSpace

NAMES = st.text(min_size=1, max_size=5)


def test_numbers_stand_by_value_and_before_words() -> None:
    assert LabelSpace.from_labels(["10", "sad", "9", None, "angry", "9", "007"]).names == (
        "007",
        "9",
        "10",
        "angry",
        "sad",
    )


def test_the_order_that_is_given_stays() -> None:
    labels = LabelSpace(("sad", "angry"))
    assert (labels.index("sad"), labels.index("angry"), labels.index(None), labels.index("?")) == (0, 1, -1, -1)
    assert "sad" in labels
    assert "happy" not in labels
    assert len(labels) == 2


@pytest.mark.parametrize(("names", "said"), [(("a", "b", "a"), "'a' twice"), (("a", ""), "must not be empty")])
def test_unfit_names_are_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        LabelSpace(names)


@given(st.lists(st.none() | NAMES))
@settings(deadline=None)
def test_index_and_name_are_inverse(labels: list[str | None]) -> None:
    space = LabelSpace.from_labels(labels)
    indices = space.indices(labels)
    assert [None if k == NO_CLASS else space.names[k] for k in indices.tolist()] == labels
    assert set(space.names) == {label for label in labels if label is not None}


@given(st.lists(NAMES), st.randoms())
@settings(deadline=None)
def test_the_order_does_not_depend_on_the_rows(labels: list[str], random) -> None:
    shuffled = labels.copy()
    random.shuffle(shuffled)
    assert LabelSpace.from_labels(shuffled) == LabelSpace.from_labels(labels)


def test_a_name_of_five_thousand_digits_is_a_name() -> None:
    assert LabelSpace.from_labels(["9" * 5_000, "10", "9", "a"]).names == ("9", "10", "9" * 5_000, "a")
