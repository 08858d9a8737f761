"""MobileFaceNet: a small trunk for faces (Chen et al., arXiv 1804.07573), 0.9 M parameters.

A convolution and a depthwise-separable one at half resolution, 15 inverted residuals (Sandler et al., arXiv
1801.04381) that end at a sixteenth, and a 1x1 convolution to 512 channels. Names of layers follow the published
face-recognition weights (``weights.FACE_WEIGHTS``), whose last part, a depthwise 7x7 over the whole map and a 128-d
embedding, is not here: it fixes the input to 112 pixels and keeps who a person is, not what the face shows. A global
average takes its place, so that any input from 32 pixels up will do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from labelaudit.errors import SettingsError
from labelaudit.nets.interface import Net

_WIDTH = 512
_STEM = 64
_STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Expansion, channels out, blocks, stride of the first block."""
BLOCKS = sum(count for _, _, count, _ in _STAGES)
"""Inverted residuals of the network."""


class MobileFaceNet(nn.Module):
    """The trunk: (B, 3, S, S) normalised with ImageNet's mean and deviation -> (B, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, _STEM, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(_STEM),
            nn.ReLU(inplace=True),
        )
        self.dw_conv: nn.Module = _DepthwiseSeparable(_STEM)
        blocks: list[nn.Module] = []
        channels = _STEM
        for expansion, out, count, stride in _STAGES:
            for index in range(count):
                blocks.append(_InvertedResidual(channels, out, expansion=expansion, stride=stride if index == 0 else 1))
                channels = out
        self.features = nn.Sequential(*blocks)
        self.conv2 = nn.Sequential(
            nn.Conv2d(channels, _WIDTH, kernel_size=1, bias=False), nn.BatchNorm2d(_WIDTH), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The pooled features (B, 512)."""
        x = self.dw_conv(self.conv1(x))  # (B, 64, S/2, S/2)
        x = self.conv2(self.features(x))  # (B, 512, S/16, S/16)
        return x.mean(dim=(2, 3))

    def take_stem(self, blocks: int) -> nn.Sequential:
        """Takes the first layers off, up to and with this many inverted residuals; the rest expects what they give.

        Args:
            blocks: Up to ``BLOCKS``.

        Returns:
            The layers that were taken: (B, 3, S, S) -> maps.
        """
        stem = nn.Sequential(self.conv1, self.dw_conv, *self.features[:blocks])
        self.conv1, self.dw_conv = nn.Sequential(), nn.Sequential()
        for index in range(blocks):
            self.features[index] = nn.Sequential()
        return stem


def take_stem(net: Net, blocks: int | None) -> nn.Module | None:
    """Takes a MobileFaceNet's first layers off, which leaves a network that expects the maps they give.

    Args:
        net: Changed in place.
        blocks: As for ``MobileFaceNet.take_stem``; None or 0 = take nothing.

    Raises:
        SettingsError: The network is another one.
    """
    if not blocks:
        return None
    if not isinstance(net.trunk, MobileFaceNet):
        raise SettingsError(f"frozen_blocks is for mobilefacenet; {net.spec.name} learns whole: set it to 0")
    return net.trunk.take_stem(blocks)


class _DepthwiseSeparable(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, kernel_size=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.depthwise(x)), inplace=True)
        return F.relu(self.bn2(self.pointwise(x)), inplace=True)


class _InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; no activation after the last, and the input added where shapes allow."""

    def __init__(self, channels: int, out: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.conv = nn.Sequential(
            _conv_bn_relu6(channels, hidden, kernel=1),
            _conv_bn_relu6(hidden, hidden, kernel=3, stride=stride, groups=hidden),
            nn.Conv2d(hidden, out, kernel_size=1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.adds_input = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.conv(x)
        return x + change if self.adds_input else change


class _StridedDepthwise(nn.Conv2d):
    """A 3x3 depthwise convolution with stride 2 that a CPU learns in float32.

    In bfloat16 the CPU's library takes a slow path backwards: these three of the network's 49 convolutions were 40 % of
    a training step.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, kernel_size=3, stride=2, padding=1, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)


def _conv_bn_relu6(channels: int, out: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv: nn.Module
    if stride == 2:
        conv = _StridedDepthwise(channels)
    else:
        conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU6(inplace=True))
