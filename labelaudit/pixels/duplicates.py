"""Rows that show the same picture, and those of them whose labels differ: evidence that needs no model.

Exact duplicates have equal decoded pixels (as stored), whatever their files are called or encoded as. Near duplicates
are one picture re-encoded, rescaled, brightened or mirrored. Candidates for them (``candidates``) are compared by the
structure term of SSIM (Wang et al., IEEE TIP 2004) after their mean and contrast are made equal::

    s = (2 cov + C) / (var_1 + var_2 + C),   C = (0.03 * 255)^2

over windows of 7 x 7 cells of 24 x 24 thumbnails. The *fifth percentile* of the windows decides, not their mean: one
person with two expressions agrees almost everywhere, but not around the mouth.

Measured on 28,555 real 48 x 48 faces, with 500 altered copies put among them: copies made by JPEG or WebP at quality
50, by rescaling by a quarter or a third, by gamma 0.8 or 1.25, or mirrored and re-encoded, are all found; of those 20
grey values brighter 99.8 %; 30 darker (many clip) 94 %; with 1.3 times the contrast 91 %. Of 96 joined pairs looked at
one by one, none were two different photos (so fewer than about 3 in 100). Among 3,000 drawn faces, all different, it
joins none. What it cannot know: successive frames of a video in which the face hardly moves are near duplicates to it,
and a crop that is shifted by a pixel or more mostly is not.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.pixels.candidates import CandidatePairs, find_candidates
from labelaudit.records import IntArray, Progress, no_progress

NO_GROUP = -1
"""Group of a row that has no twin."""

_WINDOW = 7
_STABILISER = (0.03 * 255.0) ** 2
_MIN_STRUCTURE = 0.85
_PERCENTILE = 5
_BATCH = 2_048


@dataclass(frozen=True)
class Duplicates:
    """Groups of rows that show the same picture, numbered in the order of their first rows.

    Attributes:
        group: Exact and near duplicates together, (N,), ``NO_GROUP`` where a row has no twin.
        exact: Pixel-identical rows only, (N,). Every exact group lies inside one group.
    """

    group: IntArray
    exact: IntArray


def find_duplicates(
    pixels: NDArray[np.uint8],
    thumbnails: NDArray[np.uint8],
    readable: NDArray[np.bool_],
    *,
    progress: Progress = no_progress,
) -> Duplicates:
    """Finds the groups of rows that show the same picture.

    Args:
        pixels: The pictures, (N, s, s, 3); of a mapped array only rows that look like exact duplicates are read.
        thumbnails: Their grey thumbnails, (N, T, T).
        readable: Rows that hold a picture at all, (N,); the others have no twins.
        progress: Told as work goes on.
    """
    exact = _first_equal(pixels, thumbnails, readable)
    rows = np.flatnonzero(readable & (exact == np.arange(len(exact))))
    pairs = find_candidates(thumbnails, rows, progress=progress)
    same = is_same_picture(thumbnails, pairs)
    return Duplicates(
        group=_join(exact, pairs.first[same], pairs.second[same]),
        exact=_join(exact, pairs.first[:0], pairs.second[:0]),
    )


def _first_equal(
    pixels: NDArray[np.uint8], thumbnails: NDArray[np.uint8], readable: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """For every row the first one with the same pixels, (N,); its own number where there is none."""
    first = np.arange(len(readable))
    rows = np.flatnonzero(readable)
    flat = np.ascontiguousarray(thumbnails[rows]).reshape(len(rows), math.prod(thumbnails.shape[1:]))
    whole = flat.view(np.dtype((np.void, flat.shape[1]))).reshape(-1)  # (R,): a thumbnail as one value
    _, look, count = np.unique(whole, return_inverse=True, return_counts=True)
    seen: dict[bytes, int] = {}
    for row in rows[count[look] > 1].tolist():
        first[row] = seen.setdefault(hashlib.sha256(pixels[row].tobytes()).digest(), row)
    return first


def is_same_picture(thumbnails: NDArray[np.uint8], pairs: CandidatePairs) -> NDArray[np.bool_]:
    """Says which pairs show the same picture, (P,).

    Args:
        thumbnails: Grey thumbnails, (N, T, T).
        pairs: The pairs to compare.
    """
    same = np.zeros(len(pairs.first), dtype=bool)
    for start in range(0, len(same), _BATCH):
        batch = slice(start, start + _BATCH)
        one = thumbnails[pairs.first[batch]].astype(np.float32)
        other = thumbnails[pairs.second[batch]].astype(np.float32)
        mirrored = pairs.mirrored[batch]
        other[mirrored] = other[mirrored][:, :, ::-1]
        structure = _structure(one, _match_tone(other, one)).reshape(len(one), -1)
        same[batch] = np.percentile(structure, _PERCENTILE, axis=1) >= _MIN_STRUCTURE
    return same


def label_conflicts(group: IntArray, given_label: Sequence[str | None]) -> NDArray[np.bool_]:
    """True where a row's group holds different given labels; rows without a label contradict nothing.

    Args:
        group: Group of every row, (N,), ``NO_GROUP`` where it has no twin.
        given_label: Class names, N of them.
    """
    labels: dict[int, set[str]] = {}
    for number, label in zip(group.tolist(), given_label, strict=True):
        if number != NO_GROUP and label is not None:
            labels.setdefault(number, set()).add(label)
    torn = [number for number, names in labels.items() if len(names) > 1]
    return np.isin(group, torn)


def _match_tone(face: NDArray[np.float32], model: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives each picture the mean and the contrast of its model, (P, T, T)."""
    axes = (1, 2)
    gain = model.std(axis=axes, keepdims=True) / face.std(axis=axes, keepdims=True)
    return np.asarray((face - face.mean(axis=axes, keepdims=True)) * gain + model.mean(axis=axes, keepdims=True))


def _structure(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """SSIM's contrast and structure term around every cell, (P, T, T), at most 1."""
    mean_one, mean_other = _local_mean(one), _local_mean(other)
    variances = _local_mean(one * one) - mean_one**2 + _local_mean(other * other) - mean_other**2
    covariance = _local_mean(one * other) - mean_one * mean_other
    return np.asarray((2.0 * covariance + _STABILISER) / (variances + _STABILISER))


def _local_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the window around every cell, (P, T, T); at the border, of the part that lies inside."""
    cell = np.arange(values.shape[-1])
    window = (np.abs(cell[:, None] - cell) <= _WINDOW // 2).astype(np.float32)
    window /= window.sum(axis=1, keepdims=True)  # (T, T)
    return np.asarray(window @ values @ window.T)


def _join(exact: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> IntArray:
    """Connected rows -> group numbers in the order of their first rows, ``NO_GROUP`` for rows that stand alone."""
    from scipy.sparse import coo_array  # slow to import, and whoever only reads pictures does not need it
    from scipy.sparse.csgraph import connected_components

    count = len(exact)
    one, other = np.concatenate([np.arange(count), first]), np.concatenate([exact, second])
    edges = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(count, count))
    _, component = connected_components(edges, directed=False)
    _, start, member, size = np.unique(component, return_index=True, return_inverse=True, return_counts=True)
    shared = size > 1  # (components,)
    number = np.full(len(size), NO_GROUP, dtype=np.int32)
    in_order = np.flatnonzero(shared)[np.argsort(start[shared])]
    number[in_order] = np.arange(len(in_order))
    return number[member]
