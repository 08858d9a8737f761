"""Histograms of oriented gradients: what can be said of a face without any pretrained network.

After Dalal and Triggs (CVPR 2005), on whole batches: the direction of every grey-level gradient is shared between its
two nearest of 12 bins, weighted by the gradient's strength over the strength around it; bins are averaged over grids of
12x12, 8x8 and 4x4 cells, each grid scaled to length 1 and its square root taken. There is nothing to train and nothing
to download: it is the anchor and the ridge's eye where a run has no weights.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

BINS = 12
GRIDS = (12, 8, 4)
WIDTH = BINS * sum(grid * grid for grid in GRIDS)
_NEIGHBOURHOOD = 9
_FLAT = 0.02
"""Strength, of 1, below which a gradient counts as flat skin rather than as an edge."""


class GradientHistograms(nn.Module):
    """A trunk without weights: RGB in [0, 1], (B, 3, S, S) -> (B, WIDTH)."""

    def forward(self, x: Tensor) -> Tensor:
        """Histograms of all cells, those of the finest grid first; the squares of each grid have length 1."""
        grey = x.float().mean(dim=1, keepdim=True)  # (B, 1, S, S)
        across = F.pad(grey, (1, 1, 0, 0), mode="replicate")
        down = F.pad(grey, (0, 0, 1, 1), mode="replicate")
        dx = across[..., 2:] - across[..., :-2]
        dy = down[..., 2:, :] - down[..., :-2, :]
        strength = (dx.square() + dy.square() + 1e-8).sqrt()
        place = torch.atan2(dy, dx) * (BINS / (2.0 * math.pi))  # in bins, (-BINS/2, BINS/2]
        bins = torch.arange(BINS, device=x.device).view(1, BINS, 1, 1)
        away = ((place - bins + BINS / 2) % BINS - BINS / 2).abs()
        maps = strength * F.relu(1.0 - away)  # (B, BINS, S, S)
        around = F.avg_pool2d(
            maps.sum(dim=1, keepdim=True).square(), _NEIGHBOURHOOD, 1, _NEIGHBOURHOOD // 2, count_include_pad=False
        )
        maps = maps / (around.sqrt() + _FLAT)
        grids = [F.normalize(F.adaptive_avg_pool2d(maps, grid).flatten(1), dim=1).sqrt() for grid in GRIDS]
        return torch.cat(grids, dim=1)
