"""Counting over a report's columns with numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray


def codes_among(column: pa.ChunkedArray, names: Sequence[str]) -> IntArray:
    """Index of each value of a dictionary column among the names, (N,); -1 for null and for other values."""
    position = {name: index for index, name in enumerate(names)}
    parts = [np.empty(0, dtype=np.int32)]
    for chunk in column.chunks:
        lookup = np.array([*(position.get(name, -1) for name in chunk.dictionary.to_pylist()), -1], dtype=np.int32)
        parts.append(lookup[chunk.indices.fill_null(-1).to_numpy()])  # -1 picks the last, which is -1
    return np.concatenate(parts)


def floats(column: pa.ChunkedArray) -> FloatArray:
    """The numbers of a column, (N,), NaN where null."""
    found: FloatArray = column.to_numpy()
    return found


def counts_by_name(codes: IntArray, names: Sequence[str]) -> dict[str, int]:
    """How often each name's index occurs."""
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return {str(name): count for name, count in zip(names, counts, strict=True)}


def shared_by_class(values: FloatArray, given: IntArray, size: int) -> FloatArray:
    """The value that every audited row of a class shares, (K,); NaN where no row has one."""
    found = np.full(size, np.nan, dtype=np.float32)
    known = (given >= 0) & ~np.isnan(values)
    found[given[known]] = values[known]
    return found


def pair_counts(first: IntArray, second: IntArray, size: int) -> NDArray[np.int64]:
    """How often each pair stands together, (K, K); pairs with an index below 0 are left out."""
    both = (first >= 0) & (second >= 0)
    pairs = first[both].astype(np.int64) * size + second[both]
    return np.bincount(pairs, minlength=size * size).reshape(size, size)


def best_other(posterior: pa.ChunkedArray, given: IntArray) -> IntArray:
    """The likeliest class but the given one, (N,); -1 where the posterior is null or no class was given."""
    found = np.full(len(given), -1, dtype=np.int32)
    start = 0
    for chunk in posterior.chunks:
        rows = np.flatnonzero(chunk.is_valid().to_numpy(zero_copy_only=False))
        values = chunk.flatten().to_numpy().reshape(-1, chunk.type.list_size).copy()  # (n, K); nulls are passed over
        rows += start
        values[np.arange(len(rows)), given[rows]] = -1.0
        found[rows] = np.where(given[rows] >= 0, values.argmax(axis=1), -1)
        start += len(chunk)
    return found


def distinct_names(column: pa.ChunkedArray) -> list[str]:
    """All names that a dictionary column may hold."""
    return list(dict.fromkeys(name for chunk in column.chunks for name in chunk.dictionary.to_pylist()))


def differing_groups(group: NDArray[np.int64], codes: IntArray) -> tuple[int, int]:
    """Groups in all, and those whose rows hold different codes.

    Args:
        group: Number of each row's group, at least 0, (n,).
        codes: What is compared, (n,); -1 = nothing, differs from nothing.
    """
    size = int(codes.max(initial=0)) + 2
    pairs = np.unique(group * size + codes + 1)
    _, names = np.unique(pairs[pairs % size > 0] // size, return_counts=True)
    return len(np.unique(pairs // size)), int((names > 1).sum())
