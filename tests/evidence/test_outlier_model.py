from __future__ import annotations

import numpy as np
import pytest
import torch

from labelaudit.evidence.features import HeadFeatures, fit_head_features
from labelaudit.evidence.outlier_model import OutlierModel, short_form, standing
from labelaudit.evidence.outliers import score_outliers
from labelaudit.faces import draw_dataset
from labelaudit.nets.features import trunk_features
from labelaudit.nets.registry import build_net


def test_a_score_is_how_far_both_numbers_lie_from_the_middle():
    """(3 - 1) / 2 + (0.5 - 0.3) / 0.1 = 3, and the middle itself is 0."""
    found = standing(np.array([3.0, 1.0]), np.array([0.5, 0.3]), np.array([1.0, 0.3]), np.array([2.0, 0.1]))
    np.testing.assert_allclose(found, [3.0, 0.0], atol=1e-12)


def test_new_pictures_are_scored_by_the_mean_of_all_regressions():
    """One feature, which is its own component: 2 in units of the first component's deviation, 3 * scale = 1.

    Log odds 0.5 * 2 + 1 and 1.5 * 2 + 1 have the mean 3; the spread is |2|.
    """
    one = torch.ones(1)
    components = HeadFeatures(torch.zeros(1), one, one[:, None], one / 3.0)
    model = OutlierModel(
        np.array([[0.5], [1.5]]), np.array([1.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 0.5]), 2.0
    )
    views = [np.array([[[1.0]], [[3.0]]], dtype=np.float16)]  # two views of one picture, mean 2
    short, spread = short_form(views, np.arange(1), components)
    assert short.tolist() == [[pytest.approx(2.0)]]
    assert spread.tolist() == [pytest.approx(2.0)]
    assert model.score(views, components).tolist() == [pytest.approx((3.0 - 1.0) / 1.0 + (2.0 - 1.0) / 0.5)]


def test_faces_that_were_not_there_look_like_those_that_were_and_noise_does_not():
    net = build_net("gradients", num_classes=2)
    pixels = draw_dataset(260, seed=2, size=48).images
    groups, new = trunk_features(net, pixels[:200]), trunk_features(net, pixels[200:])
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 48, 3), dtype=np.uint8)
    rows = np.arange(200)
    components = fit_head_features(groups, rows, seed=0)
    found = score_outliers(net, pixels[:200], groups, rows, components=components)
    fresh = found.model.score(new, components)
    assert np.median(fresh) == pytest.approx(np.median(found.score), abs=1.0)
    assert (found.model.score(trunk_features(net, noise), components) > np.quantile(fresh, 0.95)).mean() > 0.9
    assert found.model.threshold == found.threshold
