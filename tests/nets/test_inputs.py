from __future__ import annotations

import pytest
import torch

from labelaudit.nets.inputs import fast_dtype, normalise, to_input
from labelaudit.nets.interface import NetSpec


def test_to_input_keeps_values_and_puts_channels_first():
    pixels = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).reshape(2, 4, 4, 3)
    found = to_input(pixels, size=4)
    assert found.shape == (2, 3, 4, 4)
    assert found[1, 2, 3, 0].item() == pytest.approx(pixels[1, 3, 0, 2].item() / 255)


@pytest.mark.parametrize("size", [3, 9])
def test_to_input_resizes_a_flat_picture_to_a_flat_picture(size: int):
    found = to_input(torch.full((1, 6, 6, 3), 51, dtype=torch.uint8), size=size)
    torch.testing.assert_close(found, torch.full((1, 3, size, size), 0.2))


def test_to_input_smooths_a_checkerboard_away_when_it_shrinks():
    board = (torch.arange(8).view(-1, 1) + torch.arange(8)) % 2 * 255
    pixels = board.to(torch.uint8).view(1, 8, 8, 1).expand(-1, -1, -1, 3)
    assert to_input(pixels, size=2).std().item() < 0.05


def test_normalise_takes_the_mean_off_and_divides_by_the_deviation():
    spec = NetSpec(name="any", size=2, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0), taps=())
    found = normalise(torch.ones(1, 3, 2, 2), spec)
    torch.testing.assert_close(found[0, :, 0, 0], torch.tensor([1.0, 3.0, 0.5]))
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("has", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_bfloat16_only_where_the_cpu_multiplies_it(monkeypatch, has: bool, expected: torch.dtype):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert fast_dtype(torch.device("cpu")) is expected
