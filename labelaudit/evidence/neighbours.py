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

from labelaudit.evidence.nearest import find_nearest
from labelaudit.records import FloatArray, IntArray, Progress, no_progress

NEAREST = 50
"""Faces that vote."""
COMPONENTS = 256
"""Principal components that faces are compared by, at most."""
_PRIOR = 5.0
_BLOCK = 8_192


@dataclass(frozen=True)
class Neighbours:
    """The nearest faces of n faces.

    Attributes:
        nearest: Places among the n, nearest first, (n, M), M <= ``NEAREST``; -1 where there is none.
        posterior: What their given labels say, (n, K), rows sum to 1.
        note: How the nearest were found, where not by comparing all; None as a rule.
    """

    nearest: IntArray
    posterior: FloatArray
    note: str | None = None


def find_neighbours(
    components: Tensor,
    given: IntArray,
    *,
    num_classes: int,
    twins: NDArray[np.int64],
    device: torch.device | None = None,
    progress: Progress = no_progress,
) -> Neighbours:
    """Finds the nearest faces of every face, exactly or, of very many, by an index (``nearest``).

    Args:
        components: Principal components of each face, the largest first, (n, H).
        given: Given labels in [0, K), (n,).
        num_classes: K.
        twins: Copies share a number >= 0, -1 elsewhere, (n,).
        device: Where faces are compared; None = the CPU.
        progress: Told of faces done.
    """
    device = device or torch.device("cpu")
    white = components[:, :COMPONENTS].float()
    white = (white - white.mean(dim=0)) / (white.std(dim=0) + 1e-6)
    white = torch.nn.functional.normalize(white, dim=1)
    most = min(NEAREST, len(components) - 1)
    found = find_nearest(white, most=most, twins=twins, device=device, progress=progress)
    return Neighbours(found.places, _vote(found.places, given, num_classes), found.note)


def _vote(nearest: IntArray, given: IntArray, num_classes: int) -> FloatArray:
    shares = np.bincount(given, minlength=num_classes) / len(given)
    posterior = np.empty((len(given), num_classes), dtype=np.float32)
    for start in range(0, len(given), _BLOCK):
        near = nearest[start : start + _BLOCK]
        label = np.where(near >= 0, given[near], num_classes)  # (B, M)
        places = np.arange(len(near))[:, None] * (num_classes + 1) + label
        votes = np.bincount(places.ravel(), minlength=len(near) * (num_classes + 1)).reshape(len(near), -1)[:, :-1]
        weighed = votes + _PRIOR * shares
        posterior[start : start + _BLOCK] = weighed / weighed.sum(axis=1, keepdims=True)
    return posterior
