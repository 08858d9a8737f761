"""The nearest faces of every face in the trunk's features, and what their given labels say of it.

Faces are compared by the cosine of their whitened principal components: without whitening the light and the pose,
which most of the variance is about, would decide. A face's copies are no neighbours of it: they would confirm its label
by themselves. The vote of the nearest is a posterior that never saw the face's own label:

    p(k | x) = (votes for k among the nearest + s * share of k) / (number of nearest + s)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.records import FloatArray, IntArray, Progress, Stage, no_progress

NEAREST = 50
"""Faces that vote."""
COMPONENTS = 256
"""Principal components that faces are compared by, at most."""
_PRIOR = 5.0
_PAIRS_AT_ONCE = 1 << 26


@dataclass(frozen=True)
class Neighbours:
    """The nearest faces of n faces.

    Attributes:
        nearest: Places among the n, nearest first, (n, M), M <= ``NEAREST``; -1 where there is none.
        posterior: What their given labels say, (n, K), rows sum to 1.
    """

    nearest: IntArray
    posterior: FloatArray


def find_neighbours(
    components: Tensor,
    given: IntArray,
    *,
    num_classes: int,
    twins: NDArray[np.int64],
    device: torch.device | None = None,
    progress: Progress = no_progress,
) -> Neighbours:
    """Finds the nearest faces of every face. Exact: the cost is n^2, in blocks that fit into memory.

    Args:
        components: Principal components of each face, the largest first, (n, H).
        given: Given labels in [0, K), (n,).
        num_classes: K.
        twins: Copies share a number >= 0, -1 elsewhere, (n,).
        device: Where faces are compared; None = the CPU.
        progress: Told of faces done.
    """
    device = device or torch.device("cpu")
    count = len(components)
    white = components[:, :COMPONENTS].float()
    white = (white - white.mean(dim=0)) / (white.std(dim=0) + 1e-6)
    white = torch.nn.functional.normalize(white, dim=1).to(device)
    copies = torch.from_numpy(twins).to(device)
    most = min(NEAREST, count - 1)
    nearest = np.empty((count, most), dtype=np.int32)
    step = max(1, _PAIRS_AT_ONCE // count)
    for start in range(0, count, step):
        own = torch.arange(start, min(start + step, count), device=device)
        likeness = white[own] @ white.T  # (B, n)
        likeness[own - start, own] = -torch.inf
        copied = torch.nonzero(copies[own] >= 0).squeeze(1)
        if len(copied):
            likeness[copied] = likeness[copied].masked_fill(copies[own[copied], None] == copies[None, :], -torch.inf)
        values, places = likeness.topk(most, dim=1)
        nearest[start : start + step] = places.masked_fill(values == -torch.inf, -1).cpu().numpy()
        progress(Stage("neighbours", int(own[-1]) + 1, count, "faces"))
    return Neighbours(nearest, _vote(nearest, given, num_classes))


def _vote(nearest: IntArray, given: IntArray, num_classes: int) -> FloatArray:
    shares = np.bincount(given, minlength=num_classes) / len(given)
    label = np.where(nearest >= 0, given[nearest], num_classes)  # (n, M)
    places = np.arange(len(given))[:, None] * (num_classes + 1) + label
    votes = np.bincount(places.ravel(), minlength=len(given) * (num_classes + 1)).reshape(len(given), -1)[:, :-1]
    weighed = votes + _PRIOR * shares
    posterior: FloatArray = (weighed / weighed.sum(axis=1, keepdims=True)).astype(np.float32)
    return posterior
