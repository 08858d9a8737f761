"""Counts over a report that is looked at a part after the other; what is held does not grow with its rows.

But for the copies: of every row with a ``duplicate_group`` the pair of group and label is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray, JsonDict, Reason, Verdict
from labelaudit.report.counts import (
    best_other,
    codes_among,
    differing_groups,
    distinct_names,
    floats,
    pair_counts,
    shared_by_class,
)

COLUMNS = (
    "sample_id",
    "given_label",
    "verdict",
    "reason",
    "suggested_label",
    "p_mislabelled",
    "confidence",
    "clean_threshold",
    "noisy_threshold",
    "posterior",
    "queue_rank",
    "duplicate_group",
)
"""Columns of a report that are counted."""
_WORST_COLUMNS = ("queue_rank", "sample_id", "given_label", "suggested_label", "p_mislabelled")
_MISLABELLED, _AMBIGUOUS = (list(Verdict).index(each) for each in (Verdict.MISLABELLED, Verdict.AMBIGUOUS))


@dataclass
class Mean:
    """A mean that grows.

    Attributes:
        rows: Rows in all.
        known: Those that have a value.
        total: Its sum over these.
    """

    rows: int = 0
    known: int = 0
    total: float = 0.0

    def add(self, values: FloatArray) -> None:
        """Takes values in, (n,); NaN = none."""
        some = values[~np.isnan(values)]
        self.rows += len(values)
        self.known += len(some)
        self.total += float(some.sum(dtype=np.float64))

    @property
    def value(self) -> float:
        """The mean; NaN where nothing is known."""
        return self.total / self.known if self.known else np.nan


class Tally:
    """The counts. ``add`` takes every part once, in any order.

    Args:
        classes: The K class names.
        head: Rows in the head of the queue.
        worst: Rows of it that are kept whole.

    Attributes:
        verdicts: By given label (the last row: none of the classes) and verdict, (K + 1, V).
        reasons: By reason, (R,).
        confused: Mislabelled rows by given and suggested class, (K, K).
        leaning: Rows of any verdict by given and suggested class, (K, K).
        between: Ambiguous rows by given and best other class, (K, K).
        confidence: Of each class.
        clean, noisy: The thresholds that each class's rows share, (K,); NaN = none.
        flagged, head: p_mislabelled of the mislabelled rows, and of the head of the queue.
        copies: Rows that show a picture that stands in the dataset more than once.
    """

    def __init__(self, classes: Sequence[str], *, head: int, worst: int) -> None:
        size = len(classes)
        self._classes, self._head, self._worst = classes, head, worst
        self._kept: list[pa.Table] = []
        self._group: list[NDArray[np.int64]] = []
        self._label: list[IntArray] = []
        self._names: dict[str, int] = {}
        self.verdicts = np.zeros((size + 1, len(Verdict)), dtype=np.int64)
        self.reasons = np.zeros(len(Reason), dtype=np.int64)
        self.confused = np.zeros((size, size), dtype=np.int64)
        self.leaning = np.zeros((size, size), dtype=np.int64)
        self.between = np.zeros((size, size), dtype=np.int64)
        self.confidence = [Mean() for _ in classes]
        self.clean = np.full(size, np.nan, dtype=np.float32)
        self.noisy = np.full(size, np.nan, dtype=np.float32)
        self.flagged, self.head = Mean(), Mean()
        self.copies = 0

    @property
    def rows(self) -> int:
        """Rows so far."""
        return int(self.verdicts.sum())

    def add(self, table: pa.Table) -> None:
        """Counts a part of the report.

        Args:
            table: With at least ``COLUMNS``.
        """
        size, kinds = len(self._classes), len(Verdict)
        verdict = codes_among(table["verdict"], list(Verdict))
        given = codes_among(table["given_label"], self._classes)
        suggested = codes_among(table["suggested_label"], self._classes)
        cells = np.where(given < 0, size, given) * kinds + verdict
        self.verdicts += np.bincount(cells, minlength=(size + 1) * kinds).reshape(size + 1, kinds)
        self.reasons += np.bincount(codes_among(table["reason"], list(Reason)), minlength=len(Reason))
        wrong, unsure = verdict == _MISLABELLED, verdict == _AMBIGUOUS
        self.confused += pair_counts(given[wrong], suggested[wrong], size)
        self.leaning += pair_counts(given, suggested, size)
        other = best_other(table["posterior"], given)
        self.between += pair_counts(given[unsure], other[unsure], size)
        confidence = floats(table["confidence"])
        for k, mean in enumerate(self.confidence):
            mean.add(confidence[given == k])
        for name, shared in (("clean_threshold", self.clean), ("noisy_threshold", self.noisy)):
            found = shared_by_class(floats(table[name]), given, size)
            np.copyto(shared, found, where=~np.isnan(found))
        p, rank = floats(table["p_mislabelled"]), floats(table["queue_rank"])
        self.flagged.add(p[wrong])
        self.head.add(p[rank <= self._head])  # NaN: not in the queue
        worst = np.flatnonzero(rank <= self._worst)
        if len(worst):
            self._kept.append(table.select(list(_WORST_COLUMNS)).take(pa.array(worst)))
        self._add_copies(table)

    def worst(self) -> list[JsonDict]:
        """The first rows of the queue, in its order."""
        rows: list[JsonDict] = [row for table in self._kept for row in table.to_pylist()]
        return sorted(rows, key=lambda row: int(row["queue_rank"]))

    def duplicates(self) -> tuple[int, int]:
        """Groups of copies, and those that carry different labels."""
        if not self._group:
            return 0, 0
        return differing_groups(np.concatenate(self._group), np.concatenate(self._label))

    def _add_copies(self, table: pa.Table) -> None:
        group = table["duplicate_group"]
        rows = np.flatnonzero(group.is_valid().to_numpy())
        if not len(rows):
            return
        for name in distinct_names(table["given_label"]):
            self._names.setdefault(name, len(self._names))
        self.copies += len(rows)
        self._group.append(group.drop_null().to_numpy())
        self._label.append(codes_among(table["given_label"], list(self._names))[rows])
