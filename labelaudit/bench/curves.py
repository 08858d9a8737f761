"""What the figures of a bench show, as numbers: means over seeds, and the lowest and highest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.bench.folder import Result
from labelaudit.bench.metrics import CALIBRATION_BINS

_POINTS = 201


@dataclass(frozen=True)
class Band:
    """A line over seeds. Arrays have equal length.

    Attributes:
        x: Where.
        y: Mean over seeds.
        low, high: Over seeds.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def precision_recall(results: Sequence[Result]) -> Band:
    """Precision at each recall: mislabelled against clean, ambiguous rows left out, as AP has it."""
    from sklearn.metrics import precision_recall_curve  # slow to import

    recall = np.linspace(0.0, 1.0, _POINTS)
    lines = []
    for each in results:
        precision, reached, _ = precision_recall_curve(each.wrong[each.firm], _ranked(each)[each.firm])
        lines.append(np.interp(recall, reached[::-1], precision[::-1]))
    return _band(recall, lines)


def found_by_looks(results: Sequence[Result]) -> Band:
    """Wrong labels found, of any kind, after so many looks down the ranking."""
    looks = np.linspace(0, min(len(each.wrong) for each in results), _POINTS).astype(np.int64)
    lines = []
    for each in results:
        order = np.argsort(-_ranked(each), kind="stable")
        lines.append(np.concatenate([[0], np.cumsum(each.wrong[order])])[looks].astype(np.float64))
    return _band(looks.astype(np.float64), lines)


def reliability(results: Sequence[Result]) -> Band | None:
    """Share of wrong labels by what the method's own probability says, 15 bins of equal size; None without one."""
    said, lines = [], []
    for each in results:
        p = np.nan_to_num(each.p.astype(np.float64), nan=0.0)
        if np.isnan(each.p).all() or len(p) < CALIBRATION_BINS:
            return None
        bins = np.array_split(np.argsort(p, kind="stable"), CALIBRATION_BINS)
        said.append([p[rows].mean() for rows in bins])
        lines.append(np.array([each.wrong[rows].mean() for rows in bins]))
    return _band(np.mean(said, axis=0), lines)


def _ranked(result: Result) -> NDArray[np.float64]:
    score = result.score.astype(np.float64)
    known = np.isfinite(score)
    return np.where(known, score, score[known].min(initial=0.0) - 1.0)


def _band(x: NDArray[np.float64], lines: Sequence[NDArray[np.float64]]) -> Band:
    values = np.stack(lines)
    return Band(x, values.mean(axis=0), values.min(axis=0), values.max(axis=0))
