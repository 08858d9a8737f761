"""Dropout that does not care in how many parts a batch is shown.

A mask is drawn for the whole batch and cut, so a batch that goes through in parts, because memory holds no more or
because several processes share it, loses the same features as in one piece. Every part has to begin with the same state
of torch's generator.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn


@dataclass(frozen=True)
class Share:
    """Which samples of a whole batch are shown.

    Attributes:
        places: Their places, (B,), on the device.
        total: Samples of the whole batch.
    """

    places: Tensor
    total: int


class BatchDropout(nn.Module):
    """``nn.Dropout``, and the same for a part of a batch as for the whole.

    Args:
        p: Share of features that is dropped while training, in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.share: Share | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, ...) with some set to 0 and the others scaled up; unchanged in eval mode."""
        if not self.training or self.share is None:
            return F.dropout(x, self.p, self.training)
        whole = x.new_ones(self.share.total, *x.shape[1:])
        return x * F.dropout(whole, self.p)[self.share.places]


@contextlib.contextmanager
def shown_in_part(net: nn.Module, share: Share | None) -> Iterator[None]:
    """Tells a network's dropout layers which part of a batch they see; None = the whole."""
    layers = [each for each in net.modules() if isinstance(each, BatchDropout)] if share is not None else []
    for layer in layers:
        layer.share = share
    try:
        yield
    finally:
        for layer in layers:
            layer.share = None
