from __future__ import annotations

import numpy as np
import torch
from torch import nn

from labelaudit.asm.batches import PixelBatches
from labelaudit.asm.stem import StemBatches
from labelaudit.nets.interface import NetSpec

CPU = torch.device("cpu")
SPEC = NetSpec(name="tiny", size=8, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), taps=())


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_views_go_through_the_stem_which_learns_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)
    plain = PixelBatches(pixels, spec=SPEC, device=CPU)
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4))
    through = StemBatches(plain, stem, device=CPU)
    before = {name: value.clone() for name, value in stem.state_dict().items()}
    rows = torch.tensor([4, 1, 9])
    taken = through.take(rows)
    for name in ("weak", "strong"):
        maps = getattr(through, name)(taken, _generator())
        assert maps.shape == (3, 4, 4, 4)
        assert not maps.requires_grad
        expected = stem(getattr(plain, name)(taken, _generator())).float()
        torch.testing.assert_close(maps.float(), expected, atol=0.05, rtol=0.02)  # bfloat16 where a CPU has it
    for maps, view in zip(through.plain(rows), plain.plain(rows), strict=True):
        torch.testing.assert_close(maps.float(), stem(view).float(), atol=0.05, rtol=0.02)
    assert not any(parameter.requires_grad for parameter in stem.parameters())
    assert all(torch.equal(value, before[name]) for name, value in stem.state_dict().items())
