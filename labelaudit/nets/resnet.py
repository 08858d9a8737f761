"""Residual networks (He et al., arXiv 1512.03385) for faces of a few dozen pixels.

torchvision's ResNets halve a picture four times before the second stage is done, which leaves nothing of a 48-pixel
face; ``fit_stem`` takes the early halvings away where the input is small. ``ResNetSmall`` is a light one for training
from scratch on CPUs: plain 3x3 convolutions, which run faster there than the depthwise ones of mobile networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

if TYPE_CHECKING:
    from torchvision.models import ResNet  # slow to import

_SMALL = 64
_ORDINARY = 112
_STAGES = ((32, 1), (64, 1), (128, 2), (256, 1))
"""Channels and blocks; every stage but the first halves the picture."""


def fit_stem(net: ResNet, size: int) -> None:
    """Fits a torchvision ResNet's first layers to the side of its input, in place.

    Up to 64 pixels: a 3x3 convolution with stride 1 and no pooling, the usual stem for small pictures. Below 112: the
    ordinary 7x7 convolution with stride 2, no pooling. From 112 on nothing changes.
    """
    if size <= _SMALL:
        net.conv1 = nn.Conv2d(3, net.conv1.out_channels, kernel_size=3, padding=1, bias=False)
        _initialise(net.conv1)
    if size < _ORDINARY:
        net.maxpool = nn.Identity()


class ResNetSmall(nn.Module):
    """A trunk of 11 convolutions in four stages: (B, 3, S, S) -> (B, 256).

    1.5 M parameters and 47 million multiply-adds at 48 pixels.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = _STAGES[0][0]
        self.stem = _conv_bn(3, channels, kernel=3, stride=2)
        stages: list[nn.Module] = []
        for index, (out, count) in enumerate(_STAGES):
            first = _Block(channels, out, stride=1 if index == 0 else 2)
            stages.append(nn.Sequential(first, *(_Block(out, out, stride=1) for _ in range(count - 1))))
            channels = out
        self.stages = nn.Sequential(*stages)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """The pooled features (B, 256)."""
        x = F.relu(self.stem(x), inplace=True)  # (B, 32, S/2, S/2)
        x = self.stages(x)  # (B, 256, S/16, S/16)
        return x.mean(dim=(2, 3))


class _Block(nn.Module):
    def __init__(self, channels: int, out: int, *, stride: int) -> None:
        super().__init__()
        self.first = _conv_bn(channels, out, kernel=3, stride=stride)
        self.second = _conv_bn(out, out, kernel=3, stride=1)
        same = stride == 1 and channels == out
        self.shortcut = nn.Identity() if same else _conv_bn(channels, out, kernel=1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        change = self.second(F.relu(self.first(x), inplace=True))
        return F.relu(change + self.shortcut(x), inplace=True)


def _conv_bn(channels: int, out: int, *, kernel: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(channels, out, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
