"""The two networks that check each other: one architecture, different initial weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from labelaudit.nets.dropout import BatchDropout

HIDDEN = 256
"""Width of a head's hidden layer."""


class Head(nn.Module):
    """A small classifier on the features of a frozen trunk.

    Args:
        features: Length D of a feature vector.
        num_classes: K.
    """

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            BatchDropout(0.2),
            nn.Linear(features, HIDDEN),
            nn.ReLU(),
            BatchDropout(0.5),
            nn.Linear(HIDDEN, num_classes),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, K) of standardised features (B, D)."""
        logits: Tensor = self.layers(features)
        return logits


class Peers(nn.Module):
    """Both networks as one module, so that one optimiser and one checkpoint hold them.

    Args:
        peer1, peer2: Networks of one architecture, (B, ...) -> logits (B, K).
    """

    def __init__(self, peer1: nn.Module, peer2: nn.Module) -> None:
        super().__init__()
        self.peer1 = peer1
        self.peer2 = peer2

    def forward(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of both peers for one view, each (B, K), float32."""
        return self.peer1(view).float(), self.peer2(view).float()


def build_peers(build: Callable[[], nn.Module], *, seed: int) -> Peers:
    """Builds both peers from one recipe, their new weights drawn from two seeds.

    Args:
        build: Makes one network; layers that are not pretrained draw their weights from torch's generator.
        seed: The peers' weights come from ``seed`` and ``seed + 1``. The caller's generators are left as they were.
    """
    with torch.random.fork_rng(devices=[]):
        # not torch.manual_seed, which would seed the GPUs' generators too, and those are not forked
        torch.default_generator.manual_seed(seed)
        peer1 = build()
        torch.default_generator.manual_seed(seed + 1)
        peer2 = build()
    return Peers(peer1, peer2)
