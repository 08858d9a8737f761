"""Weak and strong views of a whole batch, on its device, in a handful of tensor operations.

Every sample draws its own parameters. Intensities are changed and patches erased at the pictures' own resolution, where
they cost least; then one ``grid_sample`` mirrors, turns, shifts, scales and resizes to the network's input at once.

- **weak**: mirror, turn to 10 degrees, shift to 6 %, zoom to 10 %, brightness, contrast and colour to 15 %, and for one
  sample in four a small patch erased.
- **strong**: a crop of the picture padded by an eighth, mirror, RandAugment(2, 10), and a square cut out.

RandAugment(2, 10) (Cubuk et al., arXiv 1909.13719) draws two of 14 operations a sample at a third of their full
strength. What differs from a picture-by-picture one: operations act in a fixed order, one drawn twice acts twice as
strongly, autocontrast stands in for equalize, and posterize, which at this strength keeps 7 of 8 bits, is left out as
invisible. Turn, shear and translate join the crop in the one resampling.

Views are inputs and need no gradient, so only the forward pass of ``grid_sample`` runs, which is deterministic on
CUDA too: the same generator state on the same device gives the same views. Pixels that a move brings in from outside
repeat the picture's edge; erased patches take the picture's mean.
"""

from __future__ import annotations

import math
from enum import IntEnum

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from labelaudit.asm.parts import Part, whole
from labelaudit.nets.inputs import constant, resample, resize, to_input

__all__ = ["strong_view", "to_input", "weak_view"]

_FLIP_SHARE = 0.5
_TURN = math.radians(10.0)
_SHIFT = 0.06
_ZOOM = math.log(1.1)
_JITTER = 0.15
_ERASE_SHARE = 0.25
_ERASE_SIDES = (0.1, 0.3)

_CROP = 0.125
_CUT_OUT_SIDES = (0.3, 0.3)
_DRAWS = 2
_STRENGTH = 10.0 / 30.0
_MAX_TURN = math.radians(30.0)
_MAX_SHEAR = 0.3
_MAX_TRANSLATE = 0.45
_MAX_FACTOR = 0.9

_WEAK_DRAWS = 13
_STRONG_DRAWS = 24
"""Random numbers that a view takes a sample."""

_GRAY = (0.299, 0.587, 0.114)  # ITU-R BT.601


class _Operation(IntEnum):
    """RandAugment's operations; a row of the drawn table each."""

    IDENTITY = 0
    POSTERIZE = 1  # drawn like the others and then invisible, see above
    AUTOCONTRAST = 2
    EQUALIZE = 3  # drawn like the others and then autocontrast, see above
    SOLARIZE = 4
    BRIGHTNESS = 5
    CONTRAST = 6
    COLOR = 7
    SHARPNESS = 8
    TURN = 9
    SHEAR_X = 10
    SHEAR_Y = 11
    TRANSLATE_X = 12
    TRANSLATE_Y = 13


@torch.no_grad()
def weak_view(x: Tensor, generator: torch.Generator, *, size: int, part: Part | None = None) -> Tensor:
    """A lightly changed view of every picture, in which a person would still give the same label.

    Args:
        x: float32, (B, 3, S, S), in [0, 1].
        generator: On the same device as ``x``.
        size: Side of the result.
        part: Which part of a batch the pictures are; None = they are all of it.

    Returns:
        float32, (B, 3, size, size), in [0, 1].
    """
    draw = _Draw(_WEAK_DRAWS, whole(len(x)) if part is None else part, generator)
    if not len(x):  # of a part, which has drawn its random numbers nevertheless
        return x.new_zeros(0, 3, size, size)
    x = _shrink(x, size)
    x = _adjust(x, *(1.0 + draw.between(-_JITTER, _JITTER) for _ in range(3)))
    x = _erase(x, draw, sides=_ERASE_SIDES, share=_ERASE_SHARE)
    theta = _affine(
        flip=draw.sign(_FLIP_SHARE),
        turn=draw.between(-_TURN, _TURN),
        zoom=draw.between(-_ZOOM, _ZOOM).exp(),
        shift_x=draw.between(-_SHIFT, _SHIFT),
        shift_y=draw.between(-_SHIFT, _SHIFT),
        shear_x=draw.zeros(),
        shear_y=draw.zeros(),
    )
    return resample(x, theta, size)


@torch.no_grad()
def strong_view(x: Tensor, generator: torch.Generator, *, size: int, part: Part | None = None) -> Tensor:
    """A heavily changed view of every picture: padded crop, mirror, RandAugment(2, 10), cut-out.

    Args:
        x: float32, (B, 3, S, S), in [0, 1].
        generator: On the same device as ``x``.
        size: Side of the result.
        part: Which part of a batch the pictures are; None = they are all of it.

    Returns:
        float32, (B, 3, size, size), in [0, 1].
    """
    draw = _Draw(_STRONG_DRAWS, whole(len(x)) if part is None else part, generator)
    if not len(x):  # of a part, which has drawn its random numbers nevertheless
        return x.new_zeros(0, 3, size, size)
    drawn = draw.operations()  # (operations, B)
    signed = drawn * draw.signs(len(_Operation))  # half of the time the other way round

    x = _shrink(x, size)
    x = _autocontrast(x, (drawn[_Operation.AUTOCONTRAST] + drawn[_Operation.EQUALIZE]) > 0)
    factors = 1.0 + _STRENGTH * _MAX_FACTOR * signed  # (operations, B)
    x = _adjust(x, factors[_Operation.BRIGHTNESS], factors[_Operation.CONTRAST], factors[_Operation.COLOR])
    x = _solarize(x, drawn[_Operation.SOLARIZE] > 0)
    x = _sharpen(x, factors[_Operation.SHARPNESS])
    x = _erase(x, draw, sides=_CUT_OUT_SIDES, share=1.0)
    theta = _affine(
        flip=draw.sign(_FLIP_SHARE),
        turn=_STRENGTH * _MAX_TURN * signed[_Operation.TURN],
        zoom=1.0 + draw.zeros(),
        shift_x=draw.between(-_CROP, _CROP) + _STRENGTH * _MAX_TRANSLATE * signed[_Operation.TRANSLATE_X],
        shift_y=draw.between(-_CROP, _CROP) + _STRENGTH * _MAX_TRANSLATE * signed[_Operation.TRANSLATE_Y],
        shear_x=_STRENGTH * _MAX_SHEAR * signed[_Operation.SHEAR_X],
        shear_y=_STRENGTH * _MAX_SHEAR * signed[_Operation.SHEAR_Y],
    )
    return resample(x, theta, size)


class _Draw:
    """Random numbers for every sample of a part of a batch, each (B,) unless said otherwise.

    All are drawn at once, for the whole batch: a GPU takes as long for one row of a few numbers as for all of them.
    """

    def __init__(self, count: int, part: Part, generator: torch.Generator) -> None:
        unit = torch.rand(count, part.total, generator=generator, device=generator.device)
        self._unit = iter(unit[:, part.rows])
        self._zeros = torch.zeros(len(part), device=generator.device)

    def between(self, low: float, high: float) -> Tensor:
        unit: Tensor = next(self._unit)
        return low + (high - low) * unit

    def zeros(self) -> Tensor:
        return self._zeros

    def happens(self, share: float) -> Tensor:
        """True for about this share of the samples."""
        return self.between(0.0, 1.0) < share

    def sign(self, share: float) -> Tensor:
        """-1 for about this share of the samples, 1 for the others."""
        return 1.0 - 2.0 * self.happens(share).float()

    def signs(self, rows: int) -> Tensor:
        """-1 or 1, (rows, B)."""
        return torch.stack([self.sign(0.5) for _ in range(rows)])

    def operations(self) -> Tensor:
        """How often each sample drew each operation, float, (operations, B); columns sum to 2."""
        picks = torch.stack([self.between(0.0, len(_Operation)).floor() for _ in range(_DRAWS)])
        kinds = torch.arange(len(_Operation), device=picks.device).unsqueeze(1)  # (operations, 1)
        return (picks.unsqueeze(1) == kinds).sum(dim=0).float()


def _adjust(x: Tensor, brightness: Tensor, contrast: Tensor, color: Tensor) -> Tensor:
    """Multiplies brightness, distance from the picture's mean gray, and distance from each pixel's gray."""
    x = (x * _column(brightness)).clamp_(0.0, 1.0)
    mean = _gray(x).mean(dim=(2, 3), keepdim=True)  # (B, 1, 1, 1)
    x = torch.lerp(mean, x, _column(contrast)).clamp_(0.0, 1.0)
    return torch.lerp(_gray(x), x, _column(color)).clamp_(0.0, 1.0)


def _autocontrast(x: Tensor, chosen: Tensor) -> Tensor:
    """Stretches each channel of the chosen pictures (B,) to [0, 1]; a flat channel stays."""
    low, high = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)  # (B, 3, 1, 1)
    stretched = _column(chosen) & (high > low)
    low, high = torch.where(stretched, low, 0.0), torch.where(stretched, high, 1.0)
    return (x - low) / (high - low)


def _solarize(x: Tensor, chosen: Tensor) -> Tensor:
    """Inverts the bright pixels of the chosen pictures (B,)."""
    return torch.where(_column(chosen) & (x >= 1.0 - _STRENGTH), 1.0 - x, x)


def _sharpen(x: Tensor, factor: Tensor) -> Tensor:
    """Multiplies each pixel's distance from the mean around it, (B,); below 1 it blurs."""
    smooth = F.avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False)
    return torch.lerp(smooth, x, _column(factor)).clamp_(0.0, 1.0)


def _erase(x: Tensor, draw: _Draw, *, sides: tuple[float, float], share: float) -> Tensor:
    """Fills a rectangle with the picture's mean colour in this share of the pictures; sides as shares of the side."""
    half_width, half_height = 0.5 * draw.between(*sides), 0.5 * draw.between(*sides)
    centre_x, centre_y = draw.between(0.0, 1.0), draw.between(0.0, 1.0)
    erased = draw.happens(share)
    place = (torch.arange(x.shape[-1], device=x.device) + 0.5) / x.shape[-1]  # (S,)
    columns = (place - centre_x.unsqueeze(1)).abs() < half_width.unsqueeze(1)  # (B, S)
    rows = (place - centre_y.unsqueeze(1)).abs() < half_height.unsqueeze(1)
    patch = rows[:, None, :, None] & columns[:, None, None, :] & _column(erased)  # (B, 1, S, S)
    return torch.where(patch, x.mean(dim=(2, 3), keepdim=True), x)


def _affine(
    *, flip: Tensor, turn: Tensor, zoom: Tensor, shift_x: Tensor, shift_y: Tensor, shear_x: Tensor, shear_y: Tensor
) -> Tensor:
    """Where each pixel of the view comes from, as ``affine_grid`` wants it, (B, 2, 3).

    The matrix is mirror * rotation * shear / zoom. Angles in radians, shifts as shares of the side.
    """
    cos, sin = turn.cos() / zoom, turn.sin() / zoom
    row_x = torch.stack([flip * (cos - sin * shear_y), flip * (cos * shear_x - sin), 2.0 * shift_x], dim=1)  # (B, 3)
    row_y = torch.stack([sin + cos * shear_y, sin * shear_x + cos, 2.0 * shift_y], dim=1)
    return torch.stack([row_x, row_y], dim=1)


def _shrink(x: Tensor, size: int) -> Tensor:
    """Smooths and shrinks pictures that are larger than the view; ``grid_sample`` alone would alias."""
    return resize(x, size) if x.shape[-1] > size else x


def _gray(x: Tensor) -> Tensor:
    return (x * constant(_GRAY, x.device).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)  # (B, 1, S, S)


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
