from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from labelaudit.nets.features import trunk_features
from labelaudit.nets.gradients import BINS, GRIDS, WIDTH, GradientHistograms
from labelaudit.nets.registry import build_net

SIDE = 48


def _picture(grey: Tensor) -> Tensor:
    return grey.expand(1, 3, SIDE, SIDE)


def _ramp(degrees: float, *, steep: float = 0.01) -> Tensor:
    """Grows evenly towards one direction, as seen with y down."""
    place = torch.arange(SIDE).float()
    return _picture(
        steep * (math.cos(math.radians(degrees)) * place[None, :] + math.sin(math.radians(degrees)) * place[:, None])
    )


def _grids(picture: Tensor) -> list[Tensor]:
    """The histograms of each grid, (BINS, cells, cells)."""
    (found,) = GradientHistograms()(picture)
    sizes = [BINS * grid * grid for grid in GRIDS]
    return [part.view(BINS, grid, grid) for part, grid in zip(torch.split(found, sizes), GRIDS, strict=True)]


def _noise() -> Tensor:
    smooth = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(smooth, size=SIDE, mode="bicubic")[0].clamp(0.1, 0.8)


@pytest.mark.parametrize("bin_number", range(BINS))
def test_a_direction_falls_into_its_bin(bin_number: int):
    for grid in _grids(_ramp(360.0 / BINS * bin_number)):
        middle = grid[:, 1:-1, 1:-1]
        assert (middle.argmax(dim=0) == bin_number).all()
        others = [number for number in range(BINS) if number != bin_number]
        assert middle[others].max() < 0.05 * middle[bin_number].min()


def test_a_direction_between_two_bins_is_shared():
    for degrees, share in ((15.0, 0.5), (352.5, 0.75)):  # bins are 30 degrees apart; a root is taken in the end
        first, second = (1, 0) if degrees == 15.0 else (0, 11)
        middle = _grids(_ramp(degrees))[2][:, 1:-1, 1:-1]
        squared = middle.square()
        torch.testing.assert_close(squared[first], squared[second] * share / (1.0 - share), rtol=0.02, atol=0)


def test_every_grid_has_the_same_say():
    for grid in _grids(_noise()):
        assert grid.square().norm().item() == pytest.approx(1.0, abs=1e-5)


def test_light_and_shade_do_not_matter():
    plain = GradientHistograms()(_picture(_noise()))
    torch.testing.assert_close(GradientHistograms()(_picture(_noise() + 0.1)), plain, atol=2e-3, rtol=0)
    steep, gentle = _grids(_ramp(40.0, steep=0.02)), _grids(_ramp(40.0, steep=0.01))
    for one, other in zip(steep, gentle, strict=True):
        torch.testing.assert_close(one, other, atol=0.02, rtol=0)


def test_colour_does_not_matter_but_its_mean():
    grey = _noise()
    coloured = torch.stack([grey[0] + 0.1, grey[0] - 0.1, grey[0]])[None]
    torch.testing.assert_close(GradientHistograms()(coloured), GradientHistograms()(_picture(grey)), atol=2e-3, rtol=0)


def test_a_mirrored_picture_has_mirrored_cells_and_directions():
    picture = _picture(_noise())
    turned = [(BINS // 2 - number) % BINS for number in range(BINS)]
    for plain, mirrored in zip(_grids(picture), _grids(picture.flip(-1)), strict=True):
        expected = plain[turned].flip(-1)  # squares, as a root makes much of a rounding error near 0
        torch.testing.assert_close(mirrored.square(), expected.square(), atol=1e-3, rtol=0)


def test_a_picture_without_an_edge_is_no_accident():
    found = GradientHistograms()(_picture(torch.full((1, 1), 0.5)))
    assert found.shape == (1, WIDTH)
    assert torch.isfinite(found).all()


def test_it_is_a_trunk_by_name_with_nothing_to_learn():
    net = build_net("gradients", num_classes=3)
    assert net.spec.size == SIDE
    assert not list(net.trunk.parameters())
    pixels = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3), dtype=np.uint8)
    (found,) = trunk_features(net, pixels)
    assert found.shape == (2, 3, WIDTH)
    assert np.isfinite(found).all()
