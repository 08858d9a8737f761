from __future__ import annotations

import numpy as np
import pytest

from labelaudit.bench.scores import (
    area_scores,
    best_other,
    cleanlab_issues,
    cleanlab_scores,
    confidence_scores,
    margin_scores,
    mixture_scores,
    neighbour_scores,
    neighbour_votes,
)

POSTERIOR = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], dtype=np.float32)
GIVEN = np.array([0, 1, 2], dtype=np.int32)


def test_confidence_and_margin_by_hand() -> None:
    np.testing.assert_allclose(confidence_scores(POSTERIOR, GIVEN).score, [0.3, 0.8, 0.4], atol=1e-6)
    np.testing.assert_allclose(margin_scores(POSTERIOR, GIVEN).score, [0.25, 0.75, 0.35], atol=1e-6)
    np.testing.assert_array_equal(best_other(POSTERIOR, GIVEN), [1, 0, 1])


def test_cleanlab_says_the_same_by_its_own_code() -> None:
    for method, ours in (("self_confidence", confidence_scores), ("normalized_margin", margin_scores)):
        theirs = cleanlab_scores(POSTERIOR, GIVEN, method=method)
        np.testing.assert_allclose(theirs.score, ours(POSTERIOR, GIVEN).score, atol=1e-6)
        np.testing.assert_allclose(theirs.p, theirs.score)


def test_what_cleanlab_flags_stands_first() -> None:
    given = np.tile(np.arange(3), 20).astype(np.int32)
    posterior = np.full((60, 3), 0.05, dtype=np.float32)
    posterior[np.arange(60), given] = 0.9
    posterior[7] = posterior[7, [1, 2, 0]]
    found = cleanlab_issues(posterior, given)
    np.testing.assert_array_equal(np.flatnonzero(found.flagged), [7])
    assert found.score.argmax() == 7
    np.testing.assert_array_equal(found.p, found.flagged.astype(np.float32))
    assert found.suggested[7] == posterior[7].argmax()


def test_the_area_under_the_margin_has_no_probability() -> None:
    found = area_scores(np.array([2.0, -1.0, 0.5], dtype=np.float32), POSTERIOR, GIVEN)
    np.testing.assert_array_equal(found.score, [-2.0, 1.0, -0.5])
    assert found.p is None


def test_the_mixture_parts_small_losses_from_large_ones() -> None:
    """Two heaps of losses, 0.1 and 2.0: the chance of the large heap is 0 and 1; a network that sees none says half."""
    generator = np.random.default_rng(0)
    loss = np.concatenate([generator.normal(0.1, 0.02, 80), generator.normal(2.0, 0.1, 20)])
    losses = np.stack([loss, loss[::-1]]).astype(np.float32)
    posterior = np.full((100, 3), 1 / 3, dtype=np.float32)
    given = np.zeros(100, dtype=np.int32)
    alone = mixture_scores(np.stack([loss, loss]), posterior, given, seed=0)
    np.testing.assert_allclose(alone.score, np.repeat([0.0, 1.0], [80, 20]), atol=1e-3)
    np.testing.assert_array_equal(alone.flagged, np.repeat([False, True], [80, 20]))
    both = mixture_scores(losses, posterior, given, seed=0)
    np.testing.assert_allclose(both.score, np.repeat([0.5, 0.0, 0.5], [20, 60, 20]), atol=1e-3)


def test_neighbours_vote_by_hand() -> None:
    given = np.array([0, 0, 1, 1], dtype=np.int32)
    nearest = np.array([[1, 2], [0, 3], [3, 0], [2, 1]])
    votes = neighbour_votes(nearest, given, np.array([0.5, 0.5]))
    np.testing.assert_allclose(votes, [[1.5 / 3, 1.5 / 3]] * 4, atol=1e-6)
    votes = neighbour_votes(nearest[:, :1], given, np.array([0.5, 0.5]))
    np.testing.assert_allclose(votes, [[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.25, 0.75]], atol=1e-6)


def test_nobody_is_a_neighbour_of_himself() -> None:
    """Two bundles of directions; one label of the first is wrong. Copies of a face do not push it out of its place."""
    generator = np.random.default_rng(0)
    features = np.repeat(np.eye(2, 5), 40, axis=0) + 0.05 * generator.normal(size=(80, 5))
    features[1] = features[0]
    given = np.repeat([0, 1], 40).astype(np.int32)
    given[0] = 1
    found = neighbour_scores(features.astype(np.float32), given, num_classes=2)
    assert found.score.argmax() == 0
    assert found.score[0] > 0.9
    assert found.score[2:].max() < 0.2
    assert found.suggested[0] == 0


def test_probabilities_are_within_bounds() -> None:
    for found in (confidence_scores(POSTERIOR, GIVEN), margin_scores(POSTERIOR, GIVEN)):
        assert found.p.min() >= 0.0
        assert found.p.max() <= 1.0
        assert found.score == pytest.approx(found.p)
