from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy.special import softmax
from simulation import simulate

from labelaudit.verdict.opinion import second_opinion


def test_a_calibrated_posterior_stays_as_it_is() -> None:
    data = simulate(8_000, redrawn=True, sharp=2.0)
    assert np.abs(second_opinion(data.posterior, data.given) - data.posterior).mean() < 0.01


@pytest.mark.parametrize("heat", [0.4, 2.5])
def test_a_posterior_that_is_too_sure_or_too_shy_is_put_right(heat: float) -> None:
    data = simulate(8_000, redrawn=True, sharp=2.0)
    off = softmax(heat * np.log(data.posterior), axis=1).astype(np.float32)
    found = second_opinion(off, data.given)
    assert np.abs(found - data.posterior).mean() < 0.015 < 0.05 < np.abs(off - data.posterior).mean()


def test_offsets_follow_how_often_a_class_is_given() -> None:
    data = simulate(6_000, 3, redrawn=True, sharp=1.0)
    rare = data.given != 2
    rare |= np.arange(len(rare)) % 4 == 0  # three quarters of class 2 are gone
    found = second_opinion(data.posterior[rare], data.given[rare])
    shares = np.bincount(data.given[rare]) / rare.sum()
    assert found.mean(axis=0) == pytest.approx(shares, abs=0.01)


@drawn(st.integers(2, 6), st.integers(2, 40), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_rows_are_distributions_whatever_comes_in(classes: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    posterior = softmax(rng.normal(0, 20, (count, classes)), axis=1).astype(np.float32)  # zeros and ones among it
    found = second_opinion(posterior, rng.integers(0, classes, count).astype(np.int32))
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.sum(axis=1) == pytest.approx(np.ones(count), abs=1e-5)


def test_many_rows_are_fitted_by_an_even_sample() -> None:
    data = simulate(30_001, 3, redrawn=True, sharp=2.0)
    found = second_opinion(data.posterior, data.given)
    assert len(found) == 30_001
    assert np.abs(found - data.posterior).mean() < 0.01
