"""What peers say of samples as they are: the evidence pass, in eval mode and without augmentation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labelaudit.asm.batches import Batches
from labelaudit.nets.memory import AtOnce

JUDGE_BATCH = 512
"""Samples a forward pass, at most."""


@torch.no_grad()
def ask(
    peers: nn.Module, batches: Batches, rows: Tensor, *, views: int | None, classes: int, at_once: AtOnce
) -> Tensor:
    """Each peer's softmax, the mean over its plain views.

    Args:
        peers: A view (B, ...) -> logits of both peers; left in eval mode.
        batches: Views of samples by row.
        rows: Rows, (n,), on the CPU.
        views: How many of the plain views count; None = all.
        classes: K.
        at_once: How many samples go together.

    Returns:
        (2, n, K), float32, on the device.
    """
    peers.eval()

    def say(some: slice) -> Tensor:
        following = slice(some.stop, min(some.stop + at_once.samples, len(rows)))
        if some.start == 0:
            batches.expect(rows[some])
        if following.start < following.stop:
            batches.expect(rows[following])
        both = [torch.stack(peers(view)).float().softmax(dim=-1) for view in batches.plain(rows[some])[:views]]
        return torch.stack(both).mean(dim=0)

    found = [said for _, said in at_once.over(len(rows), say)]
    return torch.cat(found, dim=1) if found else torch.zeros(2, 0, classes)
