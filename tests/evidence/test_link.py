from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn_from
from hypothesis import strategies as st

from labelaudit.evidence.link import CHANCE_Z, Link, link, shown_alike

GIVEN = np.array([0, 0, 1, 1], dtype=np.int32)


def _two(first: list[float]) -> np.ndarray:
    return np.stack([first, [1 - p for p in first]], axis=1).astype(np.float32)


def test_perfect_answers_know_all():
    """T = 4, E T = 2, d = 1/2 everywhere: Var T = 1/3 * 4 * 2 * 2 / 4 = 4/3, so r = 2 / sqrt(4/3 * 3 * 1) = 1."""
    found = link(_two([1, 1, 0, 0]), GIVEN)
    assert found.r == pytest.approx(1.0)
    assert found.z == pytest.approx(2 / np.sqrt(2 * 4 / 3))


def test_answers_worked_out_by_hand():
    """p(first class) .9 .4 .3 .2, mean .45: T = .9 + .4 + .7 + .8 = 2.8, E T = 2, d = +-(.45 -.05 -.15 -.25).

    Var T = 1/3 * 2 * 2 * (.2025 + .0025 + .0225 + .0625) = .38667.
    """
    found = link(_two([0.9, 0.4, 0.3, 0.2]), GIVEN)
    assert found.r == pytest.approx(0.8 / np.sqrt(0.386667 * 3), rel=1e-4)
    assert found.z == pytest.approx(0.8 / np.sqrt(2 * 0.386667), rel=1e-4)


def test_the_mean_and_variance_are_those_of_all_orders_of_the_labels():
    generator = np.random.default_rng(3)
    posterior = generator.dirichlet(np.ones(3), 40).astype(np.float32)
    labels = np.repeat([0, 1, 2], [25, 10, 5]).astype(np.int32)
    hits = [posterior[np.arange(40), generator.permutation(labels)].sum() for _ in range(4_000)]
    mine = posterior[np.arange(40), labels].sum()
    expected = (mine - np.mean(hits)) / np.std(hits) / np.sqrt(2)
    assert link(posterior, labels).z == pytest.approx(expected, abs=0.05)


@drawn_from(st.integers(0, 1000), st.floats(0.01, 1.0))
def test_flatter_posteriors_know_as_much(seed: int, share: float):
    generator = np.random.default_rng(seed)
    posterior = generator.dirichlet(np.ones(4), 60)
    labels = generator.integers(0, 4, 60).astype(np.int32)
    flat = share * posterior + (1 - share) * posterior.mean(axis=0)
    assert link(flat.astype(np.float32), labels).z == pytest.approx(link(posterior, labels).z, abs=1e-3)


def test_one_answer_or_one_class_is_nothing():
    assert link(np.full((4, 2), 0.5, dtype=np.float32), GIVEN) == Link(0.0, 0.0)
    assert link(_two([0.9, 0.4, 0.3, 0.2]), np.zeros(4, dtype=np.int32)) == Link(0.0, 0.0)
    assert Link(0.0, 0.0).is_chance


def test_surely_next_to_nothing_is_chance_too():
    assert Link(z=50.0, r=0.01).is_chance
    assert Link(z=1.9, r=0.5).is_chance
    assert not Link(z=2.1, r=0.03).is_chance


def test_a_left_out_label_is_put_back():
    """Of 4 rows the models of the first class's rows have seen it once in 3, not twice in 4: 1/3 + 1/2 / 3 = 1/2."""
    alone = _two([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    np.testing.assert_allclose(shown_alike(alone, GIVEN), 0.5, atol=1e-7)


def test_shuffled_labels_are_chance():
    """Nearest-neighbour smoothing learned from the very labels that it is tested on, each left out of its own."""
    generator = np.random.default_rng(1)
    zs = []
    for _ in range(200):
        points, labels = generator.normal(size=(80, 8)), generator.permutation(np.arange(80) % 4).astype(np.int32)
        near = np.exp(-((points[:, None] - points) ** 2).sum(axis=2) / 16)
        np.fill_diagonal(near, 0.0)
        posterior = near @ np.eye(4)[labels] / near.sum(axis=1, keepdims=True)
        zs.append(link(shown_alike(posterior.astype(np.float32), labels), labels).z)
    assert abs(np.mean(zs)) < 0.25
    assert 0.85 < np.std(zs) < 1.15
    assert np.mean(np.array(zs) >= CHANCE_Z) <= 0.05
