from __future__ import annotations

import numpy as np
import pytest

from labelaudit.evidence.combine import combine, combine_balanced


def test_the_pool_is_the_mean_of_its_sources():
    one = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]], dtype=np.float32)
    other = np.array([[0.0, 0.75, 0.25], [0.5, 0.5, 0.0]], dtype=np.float32)
    found = combine([one, other])
    assert found.dtype == np.float32
    assert found.tolist() == [[0.25, 0.5, 0.25], [0.75, 0.25, 0.0]]
    np.testing.assert_array_equal(combine([one]), one)


def test_what_one_source_does_not_know_the_pool_does_not_know():
    known, unknown = np.full((1, 2), 0.5, dtype=np.float32), np.full((1, 2), np.nan, dtype=np.float32)
    assert np.isnan(combine([known, unknown])).all()


def test_the_balanced_pool_takes_a_part_of_the_shares_back():
    peers = np.array([[0.6, 0.4], [0.5, 0.5]], dtype=np.float32)
    ridge = np.array([[0.8, 0.2], [0.5, 0.5]], dtype=np.float32)
    shares = np.array([16 / 17, 1 / 17], dtype=np.float32)  # sixteen to one: to the power 1/4, two to one
    found = combine_balanced(peers, ridge, shares=shares, frozen=True)
    assert found[0, 1] == pytest.approx(0.7 * 0.4 / 1.2 + 0.3 * 0.8 / 1.4, abs=1e-6)
    assert found[1] == pytest.approx([1 / 3, 2 / 3], abs=1e-6)
    assert found.sum(axis=1) == pytest.approx([1, 1], abs=1e-6)
    beside_networks = combine_balanced(peers, ridge, shares=shares, frozen=False)
    assert beside_networks[0, 1] == pytest.approx(0.5 * 0.4 / 1.2 + 0.5 * 0.8 / 1.4, abs=1e-6)


def test_equal_shares_change_nothing_and_a_class_nobody_was_given_is_let_be():
    peers = ridge = np.array([[0.5, 0.3, 0.2]], dtype=np.float32)
    found = combine_balanced(peers, ridge, shares=np.full(3, 1 / 3, dtype=np.float32), frozen=True)
    assert found == pytest.approx(peers, abs=1e-6)
    found = combine_balanced(peers, ridge, shares=np.array([1.0, 0.0, 0.0], dtype=np.float32), frozen=True)
    assert found == pytest.approx(peers, abs=1e-6)
