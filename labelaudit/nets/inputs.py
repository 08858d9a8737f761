"""Stored pixels -> what a network is fed: scaled, resized, moved, normalised, in whole batches on one device."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from labelaudit.nets.interface import NetSpec


def to_input(pixels: Tensor, *, size: int) -> Tensor:
    """Stored pixels as a network's input before normalisation.

    Args:
        pixels: uint8, (B, S, S, 3), on any device.
        size: Side of the result.

    Returns:
        float32, (B, 3, size, size), in [0, 1].
    """
    return resize(pixels.permute(0, 3, 1, 2).float().div_(255.0), size)


def resize(x: Tensor, size: int) -> Tensor:
    """Square pictures (B, C, S, S) at another side: bilinear, and smoothed first where they shrink."""
    if x.shape[-1] == size:
        return x
    shrinks = x.shape[-1] > size
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False, antialias=shrinks)


def resample(x: Tensor, theta: Tensor, size: int) -> Tensor:
    """Pictures moved and resized in one pass; what comes in from outside repeats the picture's edge.

    Args:
        x: (B, C, S, S), S at most about ``size``: larger ones alias and should be resized first.
        theta: For each picture the map from places in the result to places in ``x``, both in [-1, 1], (B, 2, 3).
        size: Side of the result.
    """
    grid = F.affine_grid(theta, [len(x), x.shape[1], size, size], align_corners=False)  # (B, size, size, 2)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def normalise(x: Tensor, spec: NetSpec) -> Tensor:
    """Pictures (B, 3, S, S) in [0, 1] less the network's mean, over its deviation; channels last in memory."""
    mean = constant(spec.mean, x.device).view(1, 3, 1, 1)
    std = constant(spec.std, x.device).view(1, 3, 1, 1)
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


@functools.lru_cache
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """A few numbers on a device, float32, not to be changed. Made once: to send them, the host waits for a GPU."""
    with torch.inference_mode(False):  # of use in training, too
        return torch.tensor(values, device=device)


def fast_dtype(device: torch.device) -> torch.dtype:
    """The type that autocast should use on a device: bfloat16 where the hardware multiplies it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    # not every torch we run on has a public question for this; without the instructions bfloat16 is slower
    if device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return torch.bfloat16
    return torch.float32
