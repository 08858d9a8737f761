from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.errors import GateError
from labelaudit.gate.limits import (
    DEFAULT_LIMITS,
    Count,
    Kind,
    Limit,
    Share,
    Trained,
    merged,
    parse_bound,
    parse_limit,
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2%", Share(0.02)),
        ("0.5 %", Share(0.005)),
        ("100%", Share(1.0)),
        ("0.02", Share(0.02)),
        (".02", Share(0.02)),
        ("1.0", Share(1.0)),
        ("0", Count(0)),
        ("1", Count(1)),
        ("25", Count(25)),
        ("trained", Trained()),
        (25, Count(25)),
        (0.02, Share(0.02)),
        (1.0, Share(1.0)),
    ],
)
def test_a_bound_is_a_share_or_a_number_of_files(written, read):
    assert parse_bound(written, name="--max-mislabelled") == read


@pytest.mark.parametrize("written", ["", "2 percent", "101%", "-1", "1.5", "nan", "1e3", -1, 1.5, True, None, []])
def test_anything_else_is_refused(written):
    with pytest.raises(GateError, match="--max-mislabelled cannot be"):
        parse_bound(written, name="--max-mislabelled")


@given(st.integers(0, 10_000))
def test_shares_read_back(hundredths):
    bound = parse_bound(str(Share(hundredths / 10_000)), name="x")
    assert isinstance(bound, Share)
    assert bound.share == pytest.approx(hundredths / 10_000)


@given(st.text())
def test_no_text_breaks_the_parser(text):
    try:
        limit = parse_limit(Kind.AMBIGUOUS, text, name="x")
    except GateError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(limit.bound, Count | Share)


def test_a_class_stands_before_the_last_equals_sign():
    assert parse_limit(Kind.MISLABELLED, "happy=1%", name="x") == Limit(Kind.MISLABELLED, Share(0.01), "happy")
    assert parse_limit(Kind.MISLABELLED, "a=b = 3", name="x") == Limit(Kind.MISLABELLED, Count(3), "a=b")
    with pytest.raises(GateError, match="names no class"):
        parse_limit(Kind.MISLABELLED, "=1%", name="x")


@pytest.mark.parametrize(
    ("kind", "bound", "label"),
    [
        (Kind.AMBIGUOUS, Trained(), None),
        (Kind.MISLABELLED, Trained(), "happy"),
        (Kind.DRIFT, Count(3), None),
        (Kind.DRIFT, Share(0.3), "happy"),
        (Kind.LEAKAGE, Count(3), "happy"),
        (Kind.CLASS_COUNT, Share(0.1), None),
    ],
)
def test_limits_that_mean_nothing_are_refused(kind, bound, label):
    with pytest.raises(GateError, match=f"a limit on {kind}"):
        Limit(kind, bound, label)


def test_the_last_word_on_a_kind_and_class_holds():
    file = (Limit(Kind.MISLABELLED, Share(0.02)), Limit(Kind.MISLABELLED, Share(0.01), "happy"))
    flag = (Limit(Kind.MISLABELLED, Count(5)),)
    assert merged(DEFAULT_LIMITS, file, flag) == (
        Limit(Kind.UNREADABLE, Count(0)),
        Limit(Kind.CONFLICTS, Count(0)),
        Limit(Kind.MISLABELLED, Count(5)),
        Limit(Kind.MISLABELLED, Share(0.01), "happy"),
    )
