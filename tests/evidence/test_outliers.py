import numpy as np
import pytest
import torch

from labelaudit.evidence.features import fit_head_features
from labelaudit.evidence.outliers import plant_non_faces, score_outliers
from labelaudit.faces import draw_dataset
from labelaudit.nets.features import trunk_features
from labelaudit.nets.registry import build_net
from labelaudit.pixels.decode import decode_face

SIDE = 48


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    drawn = draw_dataset(260, seed=3)
    return np.stack([decode_face(drawn.images[row], size=SIDE).pixels for row in range(260)])


def test_non_faces_are_made_of_the_faces_without_changing_them(faces):
    before = faces.copy()
    made = plant_non_faces(faces, np.arange(5), 30, np.random.default_rng(0))
    assert made.shape == (30, SIDE, SIDE, 3)
    assert np.array_equal(faces, before)
    assert np.array_equal(made, plant_non_faces(faces, np.arange(5), 30, np.random.default_rng(0)))
    assert all(not np.array_equal(one, face) for one in made for face in faces[:5])
    shuffled = made[0].mean()
    assert min(abs(shuffled - face.mean()) for face in faces[:5]) < 3  # tiles of a face keep its light
    assert (made[2] == made[2][..., :1]).all()  # noise is grey


def test_pictures_that_show_no_face_stand_out(faces):
    random = np.random.default_rng(1)
    foreign = random.integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)
    stripes = np.repeat((np.arange(SIDE) % 6 < 3)[None, :, None] * np.uint8(255), SIDE, axis=0).repeat(3, axis=2)
    foreign[3:] = [np.roll(stripes, shift, axis=1) for shift in range(3)]
    pixels = np.concatenate([faces, foreign])
    torch.manual_seed(0)
    net = build_net("gradients", num_classes=2, size=SIDE)
    groups = trunk_features(net, pixels)
    rows = np.arange(len(pixels))
    found = score_outliers(net, pixels, groups, rows, components=fit_head_features(groups, rows, seed=0))
    assert found.separation > 0.95
    assert found.score[260:].min() > np.quantile(found.score[:260], 0.98)
    assert np.median(found.score) == pytest.approx(0, abs=0.5)
    assert (found.score[:260] >= found.threshold).mean() < 0.02
    again = score_outliers(net, pixels, groups, rows, components=fit_head_features(groups, rows, seed=0))
    assert np.array_equal(found.score, again.score)


def test_where_non_faces_cannot_be_told_apart_none_is_marked():
    noise = np.random.default_rng(2).integers(0, 256, (120, SIDE, SIDE, 3), dtype=np.uint8)
    net = build_net("gradients", num_classes=2, size=SIDE)
    mixed = plant_non_faces(noise, np.arange(120), 120, np.random.default_rng(4))  # the dataset is what is planted
    groups = trunk_features(net, mixed)
    rows = np.arange(120)
    found = score_outliers(net, mixed, groups, rows, components=fit_head_features(groups, rows, seed=0))
    assert found.separation < 0.95
    assert found.threshold == np.inf
    assert "cannot be told apart" in found.note


def test_of_few_faces_none_is_called_no_face(faces):
    few = faces[:150]
    net = build_net("gradients", num_classes=2, size=SIDE)
    groups = trunk_features(net, few)
    rows = np.arange(150)
    found = score_outliers(net, few, groups, rows, components=fit_head_features(groups, rows, seed=0))
    assert found.threshold == np.inf
    assert found.note.endswith("that needs 200 faces")
