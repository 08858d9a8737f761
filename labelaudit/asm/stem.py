"""Views that have been through a network's first layers, which do not learn.

The first layers of a network that was pretrained on faces see edges and textures, and little is won by learning them
anew; but they work at the highest resolution and cost half of every step. Where they stay as they came (a *stem*) they
need no gradient, and the two peers, whose stems are equal, share one pass through it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from labelaudit.asm.batches import Batches
from labelaudit.asm.parts import Part
from labelaudit.nets.inputs import fast_dtype


class StemBatches:
    """What a stem makes of views: ``Batches`` for peers without their first layers.

    Args:
        views: Of pixels.
        stem: (B, 3, size, size), normalised -> maps; kept in eval mode.
        device: Where both are.
    """

    def __init__(self, views: Batches, stem: nn.Module, *, device: torch.device) -> None:
        self._views = views
        self._stem = stem.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        self._device = device

    def expect(self, rows: Tensor) -> None:
        """Passed on."""
        self._views.expect(rows)

    def take(self, rows: Tensor) -> Tensor:
        """Passed on."""
        return self._views.take(rows)

    def weak(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        """Maps of one weakly transformed view a sample, (B, C, H, W)."""
        return self._maps(self._views.weak(taken, generator, part=part))

    def strong(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        """Maps of one strongly transformed view a sample, (B, C, H, W)."""
        return self._maps(self._views.strong(taken, generator, part=part))

    def plain(self, rows: Tensor) -> Sequence[Tensor]:
        """Maps of the picture and of its mirror image, each (B, C, H, W)."""
        return [self._maps(view) for view in self._views.plain(rows)]

    @torch.no_grad()
    def _maps(self, view: Tensor) -> Tensor:
        dtype = fast_dtype(self._device)
        with torch.autocast(self._device.type, dtype, enabled=dtype != torch.float32):
            maps: Tensor = self._stem(view)
        return maps
