from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from labelaudit.asm.batches import FeatureBatches, PixelBatches, standardise
from labelaudit.nets.interface import NetSpec

CPU = torch.device("cpu")
SPEC = NetSpec(name="tiny", size=8, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), taps=())


def _generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pixels(tmp_path: Path) -> np.ndarray:
    """Ten pictures on disk, read-only as the pixel store maps them."""
    np.save(tmp_path / "pixels.npy", np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), dtype=np.uint8))
    return np.load(tmp_path / "pixels.npy", mmap_mode="r")


def test_a_picture_is_judged_as_it_is_and_mirrored(pixels: np.ndarray):
    rows = torch.tensor([7, 0])
    plain, mirrored = PixelBatches(pixels, spec=SPEC, device=CPU).plain(rows)
    expected = (pixels[[7, 0]].transpose(0, 3, 1, 2) / 255 - 0.5) / 0.25
    np.testing.assert_allclose(plain.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(mirrored.numpy(), expected[..., ::-1], atol=1e-5)


def test_views_of_pictures_come_from_the_generator_alone(pixels: np.ndarray):
    batches = PixelBatches(pixels, spec=SPEC, device=CPU)
    rows = torch.arange(10)
    for make in (batches.weak, batches.strong):
        first = make(batches.take(rows), _generator())
        assert first.shape == (10, 3, 8, 8)
        assert first.dtype == torch.float32
        assert torch.equal(first, make(batches.take(rows), _generator()))
        assert not torch.equal(first, make(batches.take(rows), _generator(4)))


def test_pixels_go_to_whatever_device_there_is(pixels: np.ndarray):
    """The meta device stands for one that is neither CPU nor CUDA, such as Apple's."""
    batches = PixelBatches(pixels, spec=SPEC, device=torch.device("meta"))
    assert {view.device.type for view in batches.plain(torch.tensor([1]))} == {"meta"}


def test_features_are_standardised_and_clipped():
    found = standardise(
        torch.tensor([[3.0, 1.0, -90.0]]).half(), torch.tensor([1.0, 1.0, 0.0]), torch.tensor([2.0, 1.0, 3.0])
    )
    assert found.dtype == torch.float32
    assert found.tolist() == [[1.0, 0.0, -5.0]]


def _feature_batches(views: int = 3, **options: float) -> tuple[FeatureBatches, torch.Tensor]:
    features = torch.arange(views * 4 * 2).view(views, 4, 2).half() / 8.0  # every value its own, none clipped
    return FeatureBatches(features, device=CPU, **options), features.float()


def test_a_weak_view_of_features_is_one_of_the_cached_views():
    batches, features = _feature_batches()
    rows = torch.tensor([2, 0, 1]).repeat(20)
    found = batches.weak(rows, _generator())
    which = [int((features[:, row] == view).all(dim=1).nonzero()) for row, view in zip(rows, found, strict=True)]
    assert set(which) == {0, 1, 2}


def test_a_strong_view_of_features_loses_a_share_and_scales_the_rest():
    features = torch.ones(1, 1, 1000)
    batches = FeatureBatches(features, device=CPU, strong_drop=0.2)
    (found,) = batches.strong(torch.tensor([0]), _generator())
    assert found.unique().tolist() == pytest.approx([0.0, 1.25])
    assert (found == 0).float().mean().item() == pytest.approx(0.2, abs=0.05)


def test_features_are_judged_by_the_picture_and_its_mirror_image():
    batches, features = _feature_batches()
    plain, mirrored = batches.plain(torch.tensor([3, 1]))
    assert torch.equal(plain, features[0, [3, 1]])
    assert torch.equal(mirrored, features[1, [3, 1]])
    alone, single = _feature_batches(views=1)
    assert [view.tolist() for view in alone.plain(torch.tensor([2]))] == [single[0, [2]].tolist()]
