"""The kernel that ridge regression compares faces by: a mean over feature groups of radial kernels.

    k(a, b) = mean over groups g of exp(-|a_g - b_g|^2 / s_g)

Each feature is standardised over the samples and clipped, and s_g is the median squared distance within the group, so
every group has the same say, whatever its length and its units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.records import FloatArray

Rows = NDArray[np.int64] | slice
"""Some of the samples, by number or from one to another."""

_BLOCK = 4_096
_SMALLEST = 1e-6
"""Added to a deviation and below a bandwidth, for features that are equal everywhere."""


def blocks(count: int) -> Iterator[slice]:
    """Rows 0 to ``count`` in pieces that fit into memory."""
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def moments(group: NDArray[np.floating]) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each feature of a group (N, D), each (D,), accumulated in blocks of rows."""
    total = np.zeros(group.shape[1])
    square = np.zeros(group.shape[1])
    for rows in blocks(len(group)):
        part = np.asarray(group[rows], dtype=np.float64)
        total += part.sum(axis=0)
        square += (part * part).sum(axis=0)
    mean = total / len(group)
    variance = np.maximum(square / len(group) - mean * mean, 0.0)
    return mean.astype(np.float32), (np.sqrt(variance) + _SMALLEST).astype(np.float32)


def bandwidth(group: Tensor) -> float:
    """Median squared distance between up to 1,000 samples and all, (N, D); a million pairs at most are looked at."""
    distance = _squared_distance(group[:1_000], group)
    return max(float(distance.flatten()[:: max(1, distance.numel() // 1_000_000)].median()), _SMALLEST)


def kernel(left: Sequence[Tensor], right: Sequence[Tensor], scale: Sequence[float]) -> Tensor:
    """The kernel between two sets of samples.

    Args:
        left: Standardised features of A samples, one (A, D_g) a group.
        right: Those of B samples, (B, D_g).
        scale: Bandwidth of each group.

    Returns:
        (A, B), in [0, 1].
    """
    total: Tensor | None = None
    for one, other, width in zip(left, right, scale, strict=True):
        part = _squared_distance(one, other).div_(-width).exp_()
        total = part if total is None else total.add_(part)
    assert total is not None
    return total.div_(len(scale))


def _squared_distance(left: Tensor, right: Tensor) -> Tensor:
    """(A, D), (B, D) -> (A, B), by the product form, which is fast and never negative after the clamp."""
    cross = left @ right.T
    return ((left * left).sum(1)[:, None] + (right * right).sum(1)[None, :] - 2.0 * cross).clamp_min_(0.0)
