"""The two networks that check each other: one architecture, different initial weights."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from labelaudit.nets.dropout import BatchDropout
from labelaudit.settings import AsmSettings

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

    Attributes:
        side_by_side: On a GPU, work on both at once, the second on a stream of its own: of use where one network does
            not fill the GPU. ``examples/benchmarks/device_check.py`` times both ways.
    """

    side_by_side = False

    def __init__(self, peer1: nn.Module, peer2: nn.Module) -> None:
        super().__init__()
        self.peer1 = peer1
        self.peer2 = peer2

    def forward(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of both peers for one view, each (B, K), float32."""
        if not (self.side_by_side and view.is_cuda):
            return self.peer1(view).float(), self.peer2(view).float()
        here, beside = torch.cuda.current_stream(view.device), _second_stream(view.device)
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            logits2 = self.peer2(view).float()
        logits1 = self.peer1(view).float()
        here.wait_stream(beside)
        view.record_stream(beside)  # the allocator may not give their memory away while the other stream uses it
        logits2.record_stream(here)
        return logits1, logits2


@functools.lru_cache
def _second_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


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


def build_optimizer(peers: Peers, settings: AsmSettings) -> torch.optim.Optimizer:
    """AdamW over both peers, as one kernel where they are on a GPU.

    Args:
        peers: On the device that trains them.
        settings: Learning rate, decided, and weight decay.
    """
    assert settings.learning_rate is not None
    on_gpu = next(peers.parameters()).is_cuda
    return torch.optim.AdamW(
        peers.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True if on_gpu else None,
    )
