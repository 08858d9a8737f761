"""Pairs of pictures that may be the same one, found without comparing all with all.

A thumbnail, its mean taken off and scaled to unit length so that brightness and contrast fall out, is described by its
coordinates along the strongest principal components. Random hyperplanes turn the description into a key of 24 bits
(locality-sensitive hashing: Charikar, STOC 2002); pictures that differ by little share it. A dozen such tables are
sorted, and only neighbours with equal keys are looked at, so the work grows as N log N.

All faces of one dataset look alike. So most tables hash what sets a face apart from the mean face, half whitened to
spread it over the keys; where a dataset shows one picture over and over that is only noise, so some tables hash the
faces as they are.

On 28,555 real 48 x 48 faces, twins made by re-encoding, rescaling by a quarter or changing brightness and contrast
share a key in at least one table in more than 99 of 100 cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import Progress, Stage

_COMPONENTS = 32
_TABLES = 12
_PLAIN_TABLES = 3
_BITS = 24
_WINDOW = 8
"""Neighbours looked at in a table: bounds the work where many pictures share one key, as frames of a video do."""

_MAX_DISTANCE = 0.25
"""Between the descriptions of two twins: a correlation of the thumbnails of about 0.97."""

_MIN_CONTRAST = 4.0
"""Pictures whose cells deviate by less, in grey values, show nothing to compare."""

_MIN_SPREAD = 1e-3
_FIT_ROWS = 20_000
_BATCH = 8_192


@dataclass(frozen=True)
class CandidatePairs:
    """Pairs that may show the same picture, each once.

    Attributes:
        first, second: Rows, first < second, (P,).
        mirrored: True where the second is to be compared mirrored, (P,).
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


def find_candidates(thumbnails: NDArray[np.uint8], rows: NDArray[np.int64], *, progress: Progress) -> CandidatePairs:
    """Finds the pairs that are worth a closer look.

    Args:
        thumbnails: Of all pictures, (N, T, T).
        rows: The rows to compare, (M,).
        progress: Told after each table.
    """
    rows = _with_contrast(thumbnails, rows)
    if len(rows) < 2:
        empty = np.zeros(0, dtype=np.int64)
        return CandidatePairs(empty, empty, empty.astype(bool))
    described = _describe(thumbnails, rows)  # (2M, C): plain, then mirrored
    apart = described - described[: len(rows)].mean(axis=0)
    spread = apart[: len(rows)].std(axis=0)
    apart /= np.sqrt(np.maximum(spread, _MIN_SPREAD * spread.max()))  # half whitened
    planes = np.random.default_rng(0).standard_normal((_TABLES, described.shape[1], _BITS)).astype(np.float32)
    found = np.zeros(0, dtype=np.int64)
    for table, normals in enumerate(planes):
        hashed = described if table < _PLAIN_TABLES else apart
        keys = (hashed @ normals > 0) @ (1 << np.arange(_BITS))  # (2M,)
        found = np.union1d(found, _neighbours(keys, described, len(rows)))
        progress(Stage("duplicates", table + 1, _TABLES, "tables"))
    pair, mirrored = np.divmod(found, 2)
    first, second = np.divmod(pair, len(rows))
    return CandidatePairs(rows[first], rows[second], mirrored.astype(bool))


def _neighbours(keys: NDArray[np.int64], described: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Near pairs with equal keys, each packed into one number: (first * count + second) * 2 + mirrored."""
    order = np.lexsort((described[:, 1], keys))  # within a key, by the strongest component after the mean face
    packed = []
    for step in range(1, min(_WINDOW, len(order) - 1) + 1):
        one, other = order[:-step], order[step:]
        same_key = keys[one] == keys[other]
        low, high = np.minimum(one[same_key], other[same_key]), np.maximum(one[same_key], other[same_key])
        # Two mirrored entries say what their plain ones say; a picture is no twin of its own mirror image.
        meant = (low < count) & (low != high - count)
        low, high = low[meant], high[meant]
        near = ((described[low] - described[high]) ** 2).sum(axis=1) <= _MAX_DISTANCE**2
        low, high, mirrored = low[near], high[near] % count, high[near] >= count
        packed.append((np.minimum(low, high) * count + np.maximum(low, high)) * 2 + mirrored)
    return np.unique(np.concatenate(packed))


def _describe(thumbnails: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Coordinates of thumbnails and then of their mirror images, (2M, C), along the components of a sample."""
    sample = _unit_length(thumbnails[rows[:: -(-len(rows) // _FIT_ROWS)]])
    _, directions = np.linalg.eigh(sample.T @ sample)
    components = np.ascontiguousarray(directions[:, ::-1][:, :_COMPONENTS])  # strongest first; the mean face is in
    described = np.empty((2 * len(rows), components.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _BATCH):
        batch = thumbnails[rows[start : start + _BATCH]]
        for offset, faces in ((0, batch), (len(rows), batch[:, :, ::-1])):
            place = slice(offset + start, offset + start + len(batch))
            described[place] = _unit_length(faces) @ components
    return described


def _unit_length(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Thumbnails as vectors of mean 0 and length 1, (M, T * T)."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True))


def _with_contrast(thumbnails: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    deviation = [thumbnails[rows[start : start + _BATCH]].std(axis=(1, 2)) for start in range(0, len(rows), _BATCH)]
    return rows[np.concatenate(deviation) >= _MIN_CONTRAST] if deviation else rows
