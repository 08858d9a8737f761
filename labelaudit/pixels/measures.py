"""Plain measures of a picture: no model, no labels.

Sharpness is the variance of the Laplacian (Pech-Pacheco et al., ICPR 2000), with the 4-neighbour kernel on the inner
pixels. Both measures are taken from the resized picture, so that files of different sizes can be compared.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THUMBNAIL_SIDE = 24
"""Side of the grey thumbnails by which near duplicates are found, in cells."""

_BLOCK = 16


@dataclass(frozen=True)
class Measures:
    """What plain measuring says of M pictures.

    Attributes:
        sharpness: As ``sharpness``, (M,).
        brightness: As ``brightness``, (M,).
        thumbnails: As ``thumbnails``, (M, 24, 24).
    """

    sharpness: NDArray[np.float32]
    brightness: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]


def measure(pixels: NDArray[np.uint8]) -> Measures:
    """Takes all measures, a few pictures at a time: what fits the processor's cache is measured twice as fast.

    Args:
        pixels: RGB, (M, S, S, 3).
    """
    count = len(pixels)
    measures = Measures(
        np.empty(count, dtype=np.float32),
        np.empty(count, dtype=np.float32),
        np.empty((count, THUMBNAIL_SIDE, THUMBNAIL_SIDE), dtype=np.uint8),
    )
    for start in range(0, count, _BLOCK):
        block = slice(start, start + _BLOCK)
        grey = grey_of(pixels[block])
        measures.sharpness[block] = sharpness(grey)
        measures.brightness[block] = brightness(grey)
        measures.thumbnails[block] = thumbnails(grey)
    return measures


def grey_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of RGB pixels, ITU-R 601 in 16-bit whole numbers: (77 R + 150 G + 29 B) / 256, rounded.

    Args:
        pixels: RGB, (..., 3).

    Returns:
        Grey values, (...); R = G = B gives that value unchanged.
    """
    # At most 255 * 256 + 128, so 16 bits hold it.
    total = pixels[..., 0] * np.uint16(77)
    total += pixels[..., 1] * np.uint16(150)
    total += pixels[..., 2] * np.uint16(29)
    total += np.uint16(128)
    return (total >> 8).astype(np.uint8)


def sharpness(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Variance of the Laplacian, higher = sharper; 0 where a side has fewer than three pixels.

    Args:
        grey: (..., H, W) in [0, 255].

    Returns:
        (...), at least 0.
    """
    if min(grey.shape[-2:]) < 3:
        return np.zeros(grey.shape[:-2], dtype=np.float32)
    values = grey.astype(np.int16)
    laplacian = (
        values[..., :-2, 1:-1]
        + values[..., 2:, 1:-1]
        + values[..., 1:-1, :-2]
        + values[..., 1:-1, 2:]
        - 4 * values[..., 1:-1, 1:-1]
    )
    return np.asarray(laplacian.var(axis=(-2, -1), dtype=np.float32))


def brightness(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean grey value in [0, 1].

    Args:
        grey: (..., H, W) in [0, 255].

    Returns:
        (...).
    """
    return np.asarray(grey.mean(axis=(-2, -1), dtype=np.float32) / np.float32(255.0))


def thumbnails(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean grey value of every cell of a 24 x 24 grid laid over square pictures.

    Args:
        grey: (N, S, S) in [0, 255], any side S.

    Returns:
        (N, 24, 24).
    """
    count, side = len(grey), grey.shape[-1]
    overlap = _cell_overlap(side).T  # (S, 24)
    # Two products of plain matrices: a batch of N small ones takes three times as long.
    columns = grey.reshape(-1, side).astype(np.float32) @ overlap  # (N * S, 24)
    columns = columns.reshape(count, side, THUMBNAIL_SIDE).transpose(0, 2, 1).reshape(-1, side)  # (N * 24, S)
    cells = (columns @ overlap).reshape(count, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    return np.rint(cells).astype(np.uint8).transpose(0, 2, 1)


@functools.cache
def _cell_overlap(side: int) -> NDArray[np.float32]:
    """Share of each cell that each of ``side`` pixels covers; rows sum to 1."""
    pixel = np.arange(side)
    edges = np.linspace(0.0, side, THUMBNAIL_SIDE + 1)
    left, right = edges[:-1, None], edges[1:, None]  # (24, 1)
    covered = np.clip(np.minimum(right, pixel + 1) - np.maximum(left, pixel), 0.0, None)
    return np.asarray(covered / (right - left), dtype=np.float32)
