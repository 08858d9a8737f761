"""What every network here is: a trunk, a small head, and the facts one needs to feed it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from labelaudit.nets.dropout import BatchDropout

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_DROPOUT = 0.2


@dataclass(frozen=True)
class Tap:
    """Where a trunk's middle-layer features are taken.

    Attributes:
        module: Name of a module inside the trunk whose output is a map (B, C, H, W).
        grid: The map is averaged to (C, grid, grid).
    """

    module: str
    grid: int


@dataclass(frozen=True)
class NetSpec:
    """Facts about a network.

    Attributes:
        name: As ``build_net`` knows it.
        size: Side of its square input in pixels.
        mean, std: Normalisation a channel, for RGB in [0, 1].
        taps: Layers for ``trunk_features``, shallow to deep; empty = only the trunk's own output.
    """

    name: str
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    taps: tuple[Tap, ...]


class Net(nn.Module):
    """A classifier: trunk, dropout, one linear layer.

    Pretrained weights go into ``trunk``; ``head`` always starts new.

    Args:
        trunk: (B, 3, size, size), normalised -> (B, D).
        width: D.
        num_classes: K.
        spec: Facts about the trunk.
    """

    def __init__(self, trunk: nn.Module, width: int, *, num_classes: int, spec: NetSpec) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Sequential(BatchDropout(_DROPOUT), nn.Linear(width, num_classes))
        self.width = width
        self.spec = spec

    def features(self, x: Tensor) -> Tensor:
        """The trunk's output (B, D) for normalised pictures (B, 3, size, size)."""
        features: Tensor = self.trunk(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) for normalised pictures (B, 3, size, size)."""
        logits: Tensor = self.head(self.features(x))
        return logits
