"""The numbers behind the figures of the page, reduced so that a million rows draw as quickly as a thousand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray
from labelaudit.report.counts import codes_among, floats
from labelaudit.report.table import Report

_POINTS = 200
CONFIDENCE_BINS = 40
MARGIN_BINS = 40


@dataclass(frozen=True)
class QueueCurve:
    """How many wrong labels to expect in the head of the queue, by how long that head is.

    Attributes:
        length: Rows worked through, rising, the whole queue last, (P,).
        share: Expected share of wrong labels among them, in [0, 1], (P,).
    """

    length: NDArray[np.int64]
    share: FloatArray

    def at(self, length: int) -> float:
        """The expected share at some length, linear between points."""
        return float(np.interp(length, self.length, self.share))


@dataclass(frozen=True)
class MarginCurve:
    """From margin to p_mislabelled as the report has it, and how many rows have which margin.

    Attributes:
        margin: Lead of the best other class over the given one, rising, in [-1, 1], (P,).
        p: p_mislabelled there, in [0, 1], (P,).
        rows: Rows in ``MARGIN_BINS`` equal bins of [-1, 1], (B,).
    """

    margin: FloatArray
    p: FloatArray
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class EpochCurves:
    """Thresholds and partitions through the epochs: thresholds are means over folds, samples are sums.

    Attributes:
        epoch: Rising, (E,).
        folds: How many.
        mean_confidence, clean, noisy: Of each class, in [0, 1], NaN where a class has none, (K, E).
        held: Samples held clean, ambiguous and noisy, (3, E).
    """

    epoch: IntArray
    folds: int
    mean_confidence: FloatArray
    clean: FloatArray
    noisy: FloatArray
    held: NDArray[np.int64]


def queue_curve(report: Report) -> QueueCurve | None:
    """Follows p_mislabelled down the queue; None where the queue is empty."""
    rank = floats(report.table["queue_rank"])
    queued = np.flatnonzero(~np.isnan(rank))
    if len(queued) == 0:
        return None
    p = floats(report.table["p_mislabelled"])[queued[np.argsort(rank[queued])]].astype(np.float64)
    length = np.unique(np.linspace(1, len(p), _POINTS).astype(np.int64))
    return QueueCurve(length, (np.cumsum(p)[length - 1] / length).astype(np.float32))


def margin_curve(report: Report) -> MarginCurve | None:
    """The calibration that the rows went through; None where no row was judged.

    The margin is what label_score holds: label_score = (1 - margin) / 2.
    """
    margin, p = 1.0 - 2.0 * floats(report.table["label_score"]), floats(report.table["p_mislabelled"])
    known = ~np.isnan(margin) & ~np.isnan(p)
    if not known.any():
        return None
    margin, p = margin[known], p[known]
    order = np.argsort(margin, kind="stable")
    some = order[np.unique(np.linspace(0, len(order) - 1, _POINTS).astype(np.int64))]
    rows, _ = np.histogram(margin, bins=MARGIN_BINS, range=(-1.0, 1.0))
    return MarginCurve(margin[some], p[some], rows)


def confidence_counts(report: Report) -> NDArray[np.int64]:
    """Rows of each given class in ``CONFIDENCE_BINS`` equal bins of confidence, (K, B)."""
    size = len(report.classes)
    given = codes_among(report.table["given_label"], report.classes)
    confidence = floats(report.table["confidence"])
    known = (given >= 0) & ~np.isnan(confidence)
    bins = np.minimum((confidence[known] * CONFIDENCE_BINS).astype(np.int64), CONFIDENCE_BINS - 1)
    return np.bincount(given[known] * CONFIDENCE_BINS + bins, minlength=size * CONFIDENCE_BINS).reshape(size, -1)


def epoch_curves(history: pa.Table, classes: tuple[str, ...]) -> EpochCurves | None:
    """Gathers ``thresholds.parquet``; None where no epoch was mined.

    Args:
        history: Columns of ``THRESHOLDS_SCHEMA``.
        classes: The K class names.
    """
    counts = [history[name].to_numpy() for name in ("clean", "ambiguous", "noisy")]
    trained = np.sum(counts, axis=0) > 0  # a class without samples has the thresholds of the others
    if not trained.any():
        return None
    epochs, at = np.unique(history["epoch"].to_numpy(), return_inverse=True)
    k = codes_among(history["class"], classes)
    cells, shape = k * len(epochs) + at, (len(classes), len(epochs))

    def mean(name: str) -> FloatArray:
        values = floats(history[name])
        known = ~np.isnan(values) & (k >= 0) & trained
        total = np.bincount(cells[known], weights=values[known], minlength=shape[0] * shape[1])
        count = np.bincount(cells[known], minlength=shape[0] * shape[1])
        found = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return found.reshape(shape).astype(np.float32)

    held = [np.bincount(at, weights=count) for count in counts]
    return EpochCurves(
        epoch=epochs.astype(np.int32),
        folds=len(np.unique(history["fold"].to_numpy())),
        mean_confidence=mean("mean_confidence"),
        clean=mean("clean_threshold"),
        noisy=mean("noisy_threshold"),
        held=np.stack(held).astype(np.int64),
    )
