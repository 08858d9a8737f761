"""What a queue is expected to bring, so that hours are planned before they are spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from labelaudit.queue.item import Queue, QueueItem
from labelaudit.queue.select import QueueChoice, select_rows
from labelaudit.records import JsonDict
from labelaudit.report.metadata import Estimate, expected_precision, plain
from labelaudit.report.summary import QUEUE_HEAD
from labelaudit.report.table import Report

TEST_SPLIT = "test"


@dataclass(frozen=True)
class ClassOutlook:
    """One given class in a queue.

    Attributes:
        label: Class name; None for rows without one.
        rows: Rows with this label.
        expected_wrong: How many of them are expected to be wrong.
    """

    label: str | None
    rows: int
    expected_wrong: float


@dataclass(frozen=True)
class Outlook:
    """What a queue is expected to bring.

    Attributes:
        dataset: What people call it.
        rows: Rows to look at.
        fitting: Rows in question that fit what was asked for, before it was cut to so many.
        floor: The share of wrong labels down to which rows were asked for, or None.
        falls_after: After how many looks the expected share falls under the floor for good; None where there is no
            floor, or where these rows end before.
        expected: Share of the rows whose label is expected to be wrong: the mean of their ``p_mislabelled``, with an
            interval where the report knows one. None where no row has a probability.
        per_class: Given classes, those with most rows first.
        test_rows: Rows of a test split, which ``apply`` takes only when it is told to.
        names_tell: Rows whose id names the given label, which a blind queue cannot hide.
    """

    dataset: str
    rows: int
    fitting: int
    floor: float | None
    falls_after: int | None
    expected: Estimate | None
    per_class: tuple[ClassOutlook, ...]
    test_rows: int
    names_tell: int

    def to_json(self) -> JsonDict:
        """Plain values."""
        found: JsonDict = plain(asdict(self))
        return found


def look_out(queue: Queue, report: Report, choice: QueueChoice) -> Outlook:
    """Counts what a queue is expected to bring.

    Args:
        queue: Chosen from the report.
        report: With at least ``CHOICE_COLUMNS``.
        choice: What it was chosen by.
    """
    fitting = len(select_rows(report, replace(choice, top=None, until=None)))
    uncut = fitting if choice.until is None else len(select_rows(report, replace(choice, top=None)))
    return Outlook(
        dataset=queue.dataset,
        rows=len(queue),
        fitting=fitting,
        floor=choice.until,
        falls_after=uncut if len(queue) == uncut < fitting else None,
        expected=_expected(queue, report),
        per_class=_per_class(queue.items),
        test_rows=sum(item.split == TEST_SPLIT for item in queue.items),
        names_tell=sum(item.given_label in item.sample_id.split("/")[:-1] for item in queue.items),
    )


def _expected(queue: Queue, report: Report) -> Estimate | None:
    ranked = len(report) - report.table["queue_rank"].null_count
    ranks = {item.rank for item in queue.items}
    measured = report.metadata.queue_precision
    if measured is not None and ranks == set(range(1, min(QUEUE_HEAD, ranked) + 1)):
        return measured
    p = np.array([item.p_mislabelled for item in queue.items if item.p_mislabelled is not None], dtype=np.float32)
    return expected_precision(p, report.metadata.precision_levels) if len(p) else None


def _per_class(items: Sequence[QueueItem]) -> tuple[ClassOutlook, ...]:
    rows: dict[str | None, list[float]] = {}
    for item in items:
        rows.setdefault(item.given_label, []).append(item.p_mislabelled or 0.0)
    found = (ClassOutlook(label, len(p), round(sum(p), 2)) for label, p in rows.items())
    return tuple(sorted(found, key=lambda each: (-each.rows, each.label or "")))
