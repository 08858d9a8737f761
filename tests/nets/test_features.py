from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from labelaudit.nets.features import LIGHT_CROPS, MIRRORED, PLAIN, FeatureView, apply_view, trunk_features
from labelaudit.nets.inputs import normalise, to_input
from labelaudit.nets.interface import Net, NetSpec, Tap
from labelaudit.nets.registry import build_net
from labelaudit.records import Stage

SIZE = 8


class _Tiny(nn.Module):
    """Its map is the picture itself, so that features can be worked out by hand."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.middle = nn.Identity()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * self.middle(x).mean(dim=(2, 3))


def _net(taps: tuple[Tap, ...] = (), factor: float = 1.0) -> Net:
    spec = NetSpec(name="tiny", size=SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), taps=taps)
    return Net(_Tiny(factor), 3, num_classes=2, spec=spec)


def _pixels(count: int = 5, side: int = SIZE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_maps_are_averaged_to_the_grid():
    pixels = _pixels()
    (found,) = trunk_features(_net((Tap("middle", 2),)), pixels, views=[PLAIN], dtype=torch.float32)
    blocks = pixels.reshape(5, 2, 4, 2, 4, 3).mean(axis=(2, 4)) / 255  # (N, 2, 2, 3)
    assert found.shape == (1, 5, 12)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found[0], blocks.transpose(0, 3, 1, 2).reshape(5, 12), atol=1e-3)


def test_views_rows_and_batches_stand_where_they_should():
    pixels = _pixels()
    rows = np.array([4, 0, 3])
    net = _net((Tap("middle", 2),))
    (found,) = trunk_features(net, pixels, rows=rows, views=[PLAIN, MIRRORED], batch=2, dtype=torch.float32)
    assert found.shape == (2, 3, 12)
    (whole,) = trunk_features(net, pixels, views=[PLAIN], batch=64, dtype=torch.float32)
    np.testing.assert_array_equal(found[0], whole[0, rows])
    grid = found.reshape(2, 3, 3, 2, 2)
    np.testing.assert_allclose(grid[1], grid[0][..., ::-1], atol=1e-3)


def test_without_taps_the_trunks_output_is_the_only_group():
    pixels = _pixels()
    (found,) = trunk_features(_net(), pixels, views=[PLAIN], dtype=torch.float32)
    np.testing.assert_allclose(found[0], pixels.mean(axis=(1, 2)) / 255, atol=1e-3)


def test_values_past_float16_are_clipped():
    (found,) = trunk_features(_net(factor=1e8), _pixels(), dtype=torch.float32)
    assert np.isfinite(found).all()
    assert found.max() == np.finfo(np.float16).max


def test_arrays_come_from_the_caller_and_progress_is_told():
    made: dict[str, np.ndarray] = {}
    told: list[Stage] = []

    def allocate(name: str, shape: tuple[int, ...]) -> np.ndarray:
        made[name] = np.zeros(shape, dtype=np.float16)
        return made[name]

    net = _net((Tap("middle", 1),))
    found = trunk_features(net, _pixels(), batch=2, allocate=allocate, progress=told.append)
    assert list(made) == ["middle"]
    assert found[0] is made["middle"]
    assert [(stage.done, stage.total) for stage in told] == [(2, 5), (4, 5), (5, 5)]


def test_no_rows_give_empty_groups_of_the_right_width():
    (found,) = trunk_features(_net((Tap("middle", 2),)), _pixels(), rows=np.zeros(0, dtype=np.int64))
    assert found.shape == (2, 0, 12)


@pytest.mark.parametrize("name", ["mobilefacenet", "resnet-small"])
def test_a_real_trunk_gives_what_its_layers_give(name: str):
    net = build_net(name, num_classes=2, size=48)
    pixels = _pixels(3, 48)
    found = trunk_features(net, pixels, views=[PLAIN], dtype=torch.float32)
    caught: list[Tensor] = []
    for tap in net.spec.taps:
        module = net.trunk.get_submodule(tap.module)
        module.register_forward_hook(lambda _module, _inputs, output: caught.append(output.clone()))
    with torch.inference_mode():
        net.eval()(normalise(to_input(torch.from_numpy(pixels), size=48), net.spec))
    for group, output, tap in zip(found, caught, net.spec.taps, strict=True):
        assert group.shape == (1, 3, output.shape[1] * tap.grid**2)
        pooled = nn.functional.adaptive_avg_pool2d(output, tap.grid).flatten(1).numpy()
        np.testing.assert_allclose(group[0], pooled, rtol=2e-3, atol=2e-3)


def test_the_network_is_left_as_it_was():
    net = build_net("resnet-small", num_classes=2, size=32)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    trunk_features(net, _pixels(2, 32))
    assert net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_bfloat16_is_close_to_float32():
    torch.manual_seed(0)
    net = build_net("resnet-small", num_classes=2, size=32)
    exact = trunk_features(net, _pixels(8, 32), dtype=torch.float32)
    fast = trunk_features(net, _pixels(8, 32), dtype=torch.bfloat16)
    for one, other in zip(exact, fast, strict=True):
        gap = np.linalg.norm(one.astype(np.float32) - other) / np.linalg.norm(one.astype(np.float32))
        assert 0 < gap < 0.05


def test_plain_and_mirrored_views_are_the_resized_picture():
    pixels = torch.from_numpy(_pixels())
    plain = to_input(pixels, size=12)
    assert torch.equal(apply_view(pixels, PLAIN, size=12), plain)
    assert torch.equal(apply_view(pixels, MIRRORED, size=12), plain.flip(-1))


def test_a_shifted_view_shows_what_lies_to_the_right_and_below():
    pixels = torch.from_numpy(_pixels())
    plain = apply_view(pixels, PLAIN, size=SIZE)
    shifted = apply_view(pixels, FeatureView(shift_x=0.25, shift_y=0.125), size=SIZE)  # 2 and 1 of 8 pixels
    torch.testing.assert_close(shifted[..., :7, :6], plain[..., 1:, 2:])
    mirrored = apply_view(pixels, FeatureView(flip=True, shift_x=0.25, shift_y=0.125), size=SIZE)
    torch.testing.assert_close(mirrored, shifted.flip(-1))


def test_zoom_magnifies_the_middle():
    pixels = torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
    pixels[:, 2:6, 2:6] = 255
    zoomed = apply_view(pixels, FeatureView(zoom=2.0), size=SIZE)
    torch.testing.assert_close(zoomed[..., 1:-1, 1:-1], torch.ones(1, 3, SIZE - 2, SIZE - 2))


def test_light_crops_differ_from_the_picture_and_stay_near_it():
    smooth = torch.nn.functional.interpolate(torch.rand(4, 3, 4, 4), size=24, mode="bilinear")
    pixels = (255 * smooth).to(torch.uint8).permute(0, 2, 3, 1)
    for view, like in zip(LIGHT_CROPS, (PLAIN, MIRRORED), strict=True):
        gap = (apply_view(pixels, view, size=24) - apply_view(pixels, like, size=24)).abs().mean().item()
        assert 0.005 < gap < 0.15
