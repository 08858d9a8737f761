from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy.stats import beta

from labelaudit.verdict.split import MOST, SPREAD, vote_chances


def chances(opinion: list[float], given: int, slip: float = 0.0) -> list[float]:
    return vote_chances(np.array([opinion], np.float32), np.array([given], np.int32), slip=slip)[0].tolist()


def test_two_classes_by_hand() -> None:
    # the shares of class 0 follow Beta(5 * 0.75 + 1, 5 * 0.25)
    shares = beta(SPREAD * 0.75 + 1, SPREAD * 0.25)
    agree, other = 1 - shares.cdf(MOST), shares.cdf(1 - MOST)
    assert chances([0.75, 0.25], 0) == pytest.approx([agree, 1 - agree - other, other], abs=1e-6)


def test_a_slip_says_nothing_of_the_picture() -> None:
    # e = 0.5 of two classes, q = (0.7, 0.3): people say (0.9, 0.1), and a label 1 is a slip with 0.25 / 0.3
    slipped, told = beta(SPREAD * 0.9, SPREAD * 0.1), beta(SPREAD * 0.9, SPREAD * 0.1 + 1)
    share = 0.25 / (0.5 * 0.1 + 0.25)
    other = share * (1 - slipped.cdf(MOST)) + (1 - share) * (1 - told.cdf(MOST))
    assert share == pytest.approx(0.25 / 0.3)
    assert chances([0.7, 0.3], 1, slip=0.5)[2] == pytest.approx(other, abs=1e-6)


def test_what_people_split_on_and_what_they_do_not() -> None:
    assert np.argmax(chances([0.9, 0.05, 0.05], 0)) == 0
    assert np.argmax(chances([0.4, 0.4, 0.2], 0)) == 1
    assert np.argmax(chances([0.05, 0.9, 0.05], 0)) == 2


@drawn(st.integers(2, 9), st.integers(0, 999), st.floats(0.0, 0.6))
@settings(max_examples=40, deadline=None)
def test_rows_sum_to_one_and_more_opinion_for_the_label_is_more_agreement(classes: int, seed: int, slip: float) -> None:
    rng = np.random.default_rng(seed)
    opinion = rng.dirichlet(np.full(classes, 0.5), 50).astype(np.float32)
    given = rng.integers(0, classes, 50).astype(np.int32)
    found = vote_chances(opinion, given, slip=slip)
    assert (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-5)
    rows = np.arange(50)
    firmer = 0.8 * opinion
    firmer[rows, given] += 0.2
    assert (vote_chances(firmer, given, slip=slip)[:, 0] >= found[:, 0] - 1e-5).all()


def test_long_sets_are_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    opinion = np.random.default_rng(0).dirichlet(np.ones(4), 25).astype(np.float32)
    given = np.zeros(25, np.int32)
    whole = vote_chances(opinion, given, slip=0.1)
    monkeypatch.setattr("labelaudit.verdict.split._ROWS_AT_ONCE", 10)
    assert (vote_chances(opinion, given, slip=0.1) == whole).all()
