from __future__ import annotations

import numpy as np
import pytest
import torch

from labelaudit.evidence.drift import LEAST_ROWS, Reference, build_reference, draw_compared, measure_drift
from labelaudit.evidence.ridge import RidgeModel

CLASSES, LANDMARKS = 3, 12


def _sample(count: int, generator: np.random.Generator, *, classes: list[float] | None = None) -> tuple:
    """Coordinates and posteriors of made-up pictures, whose class moves their coordinates."""
    seen = generator.choice(CLASSES, size=count, p=classes)
    coordinates = 0.5 + 0.05 * generator.standard_normal((count, LANDMARKS))
    coordinates[np.arange(count), seen] += 0.2
    posterior = np.full((count, CLASSES), 0.0)
    top = generator.uniform(0.5, 1.0, count)
    posterior += ((1.0 - top) / (CLASSES - 1))[:, None]
    posterior[np.arange(count), seen] = top
    return coordinates.astype(np.float32), posterior.astype(np.float32)


@pytest.fixture(scope="module")
def reference() -> Reference:
    coordinates, posterior = _sample(600, np.random.default_rng(0))
    return Reference(np.arange(LANDMARKS), coordinates, posterior)


def test_clean_batches_are_seldom_called_odd_whatever_their_size(reference: Reference):
    generator = np.random.default_rng(1)
    for count in (25, 200):
        found = [measure_drift(*_sample(count, generator), reference, seed=trial) for trial in range(40)]
        chances = np.array([(each.p_features, each.p_confidence, each.p_classes) for each in found if each])
        assert len(chances) == 40
        assert (chances < 0.05).mean(axis=0).max() <= 0.15
        np.testing.assert_allclose(np.median(chances, axis=0), 0.5, atol=0.2)  # chances are even
        assert np.mean([each.found for each in found if each]) <= 0.05


@pytest.mark.parametrize("count", [25, 200, 2_000])
def test_pictures_elsewhere_are_odd(reference: Reference, count: int):
    coordinates, posterior = _sample(count, np.random.default_rng(2))
    found = measure_drift(coordinates - 0.2, posterior, reference, seed=0)
    assert found is not None
    assert found.found
    assert found.p_features == pytest.approx(1 / 500)
    assert found.p_confidence > 0.01
    assert found.strength > 0.95
    assert found.rows == count


def test_a_model_that_is_less_sure_is_odd(reference: Reference):
    coordinates, posterior = _sample(200, np.random.default_rng(3))
    found = measure_drift(coordinates, 0.5 * posterior + 0.5 / CLASSES, reference, seed=0)
    assert found is not None
    assert found.found
    assert found.p_confidence == pytest.approx(1 / 500)
    assert found.p_features > 0.01
    assert "confidence" in found.sentence


def test_a_batch_of_one_class_is_not_odd_but_has_other_shares(reference: Reference):
    batch = _sample(200, np.random.default_rng(4), classes=[1.0, 0.0, 0.0])
    found = measure_drift(*batch, reference, seed=0)
    assert found is not None
    assert not found.found
    assert found.other_shares
    assert "shares of classes" in found.sentence


def test_the_same_pictures_are_the_least_odd(reference: Reference):
    found = measure_drift(reference.coordinates, reference.posterior, reference, seed=0)
    assert found is not None
    assert (found.p_features, found.p_confidence, found.p_classes) == (1.0, 1.0, 1.0)
    assert found.strength < 0.1


def test_nothing_is_said_of_a_few_pictures(reference: Reference):
    few = _sample(LEAST_ROWS - 1, np.random.default_rng(5))
    assert measure_drift(*few, reference, seed=0) is None
    assert measure_drift(*_sample(200, np.random.default_rng(6)), Reference(reference.landmarks, *few), seed=0) is None


def test_the_same_seed_says_the_same(reference: Reference):
    batch = _sample(100, np.random.default_rng(7))
    assert measure_drift(*batch, reference, seed=3) == measure_drift(*batch, reference, seed=3)
    assert measure_drift(*batch, reference, seed=3) != measure_drift(*batch, reference, seed=4)


def test_of_a_large_batch_some_are_compared():
    assert draw_compared(5, seed=0).tolist() == [0, 1, 2, 3, 4]
    some = draw_compared(3_000, seed=0)
    assert len(np.unique(some)) == 2_000
    assert (np.diff(some) > 0).all()
    assert some.max() > 2_500


def test_the_reference_is_of_pictures_that_are_no_landmarks():
    """Four pictures on a line, in one group of one feature: their likeness is exp(-distance^2 / scale)."""
    group = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    one = torch.ones(1)
    ridge = RidgeModel((group,), np.array([3, 5, 6, 8]), (one,), (one,), (2.0,), torch.zeros(4, 2), torch.zeros(2))
    posterior = np.arange(18, dtype=np.float32).reshape(9, 2)
    found = build_reference(ridge, posterior, seed=0)
    (landmark,) = found.landmarks.tolist()
    others = [place for place in range(4) if place != landmark]
    expected = [[np.exp(-((place - landmark) ** 2) / 2.0)] for place in others]
    np.testing.assert_allclose(found.coordinates, expected, rtol=1e-6)
    np.testing.assert_array_equal(found.posterior, posterior[ridge.rows[others]])
