from __future__ import annotations

import pytest
from scipy.stats import binomtest

from labelaudit.decision import Decision, Ruling
from labelaudit.review.precision import Tally, finds_wrong, wilson


@pytest.mark.parametrize(("part", "whole"), [(0, 1), (1, 1), (32, 37), (0, 200), (200, 200), (1, 3)])
def test_the_interval_is_wilsons(part: int, whole: int) -> None:
    expected = binomtest(part, whole).proportion_ci(0.95, method="wilson")
    found = wilson(part, whole)
    assert found.value == part / whole
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_thirty_two_of_thirty_seven() -> None:
    # p = 0.864865, z^2 = 3.841459, n = 37: middle (p + 0.051912) / 1.103823 = 0.830548, half 0.121774 / 1.103823
    found = wilson(32, 37)
    assert (found.low, found.high) == pytest.approx((0.720226, 0.940866), abs=2e-6)


def test_what_counts() -> None:
    def wrong(ruling: Ruling, label: str | None = None, given: str | None = "happy") -> bool | None:
        return finds_wrong(Decision("a", ruling, label), given)

    assert wrong(Ruling.LABEL, "sad") is True
    assert wrong(Ruling.LABEL, "happy") is False
    assert wrong(Ruling.NOT_A_FACE) is True
    assert wrong(Ruling.AMBIGUOUS) is False
    assert wrong(Ruling.SKIP) is None
    assert wrong(Ruling.WITHDRAWN) is None
    assert wrong(Ruling.LABEL, "sad", given=None) is None


def test_a_later_decision_takes_the_place_of_the_earlier() -> None:
    tally = Tally()
    assert tally.to_json() == {"counted": 0, "wrong": 0, "share": None, "low": None, "high": None}
    tally.note(Decision("a", Ruling.LABEL, "sad"), "happy")
    tally.note(Decision("b", Ruling.LABEL, "happy"), "happy")
    assert (tally.to_json()["wrong"], tally.to_json()["counted"]) == (1, 2)
    tally.note(Decision("a", Ruling.LABEL, "happy"), "happy")
    assert (tally.to_json()["wrong"], tally.to_json()["counted"]) == (0, 2)
    tally.note(Decision("b", Ruling.WITHDRAWN), "happy")
    tally.note(Decision("a", Ruling.NOT_A_FACE), "happy")
    assert (tally.to_json()["wrong"], tally.to_json()["counted"]) == (1, 1)
