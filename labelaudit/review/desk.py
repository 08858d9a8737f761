"""What lies on the desk: the faces to decide, in order, with everything that the page may show of each.

A face is called by its row of the report, here and in every address that the page asks for. What is not on the desk
cannot be asked for: only the rows of the queue, and the rows that are shown beside them because they look alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.errors import ReportError
from labelaudit.queue.item import QueueItem
from labelaudit.queue.select import CHOICE_COLUMNS, QUEUE_COLUMNS, QueueChoice, items_at, select_rows
from labelaudit.queue.spot_check import kept_spot_check, shuffled_rows
from labelaudit.records import IntArray, JsonDict
from labelaudit.report.file import open_report
from labelaudit.report.gallery import REASON_COLUMNS, reason_in_words
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.neighbours import read_neighbours
from labelaudit.report.table import Report, read_report
from labelaudit.rundir import RunDir

SIMILAR = 6
"""Faces shown beside the one to decide."""

_SHARES = ("confidence", "confidence_peer1", "confidence_peer2", "confidence_ridge", "confidence_neighbours")
_COLUMNS = tuple(dict.fromkeys((*QUEUE_COLUMNS, *REASON_COLUMNS, *_SHARES)))
_DIGITS = 4

FindSimilar = Callable[[RunDir, IntArray], IntArray | None]
"""Rows -> rows of the faces most like each, (n, S), -1 = no more; None where the run does not know."""


@dataclass(frozen=True, slots=True)
class Similar:
    """A face of the same set that looks like the one to decide.

    Attributes:
        row: Of the report.
        label: Its given label, or None.
    """

    row: int
    label: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A row whose picture the page may show.

    Attributes:
        sample_id: Its id.
        content_sha256: Of the picture that was audited, or None.
    """

    sample_id: str
    content_sha256: str | None


@dataclass(frozen=True, slots=True)
class Face:
    """One face to decide.

    Attributes:
        row: Of the report.
        item: What every annotator's tool is told.
        reason: Why it is in the queue, in words.
        shares: What each source of evidence gives the given label, by its column of the report; None = not run.
        clean, noisy: Thresholds of the given class, or None.
        similar: Faces that look like it, the nearest first.
    """

    row: int
    item: QueueItem
    reason: str
    shares: Mapping[str, float | None]
    clean: float | None
    noisy: float | None
    similar: tuple[Similar, ...]

    @property
    def shown(self) -> Shown:
        """What its picture must be."""
        return Shown(self.item.sample_id, self.item.content_sha256)

    def to_json(self) -> JsonDict:
        """Everything that a page shows which is not blind."""
        item = self.item
        return {
            "row": self.row,
            "name": item.path or item.sample_id,
            "split": item.split,
            "given": item.given_label,
            "suggested": item.suggested_label,
            "verdict": item.verdict,
            "p": item.p_mislabelled,
            "reason": self.reason,
            "posterior": item.posterior and [round(each, _DIGITS) for each in item.posterior],
            "shares": dict(self.shares),
            "clean": self.clean,
            "noisy": self.noisy,
            "similar": [{"row": each.row, "label": each.label} for each in self.similar],
        }


@dataclass(frozen=True)
class Desk:
    """Everything that there is to decide.

    Attributes:
        faces: Row -> face, in the order in which they are asked about.
        pictures: Row -> what may be shown: the faces, and those like them.
        classes: Class names, in the report's order.
        dataset: What people call the dataset.
        report: Short digest of what was audited; what a browser keeps for one report is not sent to another.
        blind: Whether a page shows the picture and nothing else.
    """

    faces: Mapping[int, Face]
    pictures: Mapping[int, Shown]
    classes: tuple[str, ...]
    dataset: str
    report: str
    blind: bool

    def __len__(self) -> int:
        return len(self.faces)


def open_desk(
    run: RunDir, choice: QueueChoice, *, spot_check: bool = False, find_similar: FindSimilar = read_neighbours
) -> Desk:
    """Chooses the faces to decide and reads what is to be shown of them, and no other row.

    Args:
        run: A finished run.
        choice: What to ask about.
        spot_check: Ask about the rows of the run's spot check instead, in random order; let ``choice`` be blind then.
        find_similar: Finds faces that look alike.

    Raises:
        ReportError: The report cannot be read, or nothing in it is asked about.
        QueueError: The run has no spot check.
        SettingsError: A class that was named is not in the report.
    """
    report = read_report(run, columns=CHOICE_COLUMNS)
    rows = shuffled_rows(kept_spot_check(run, report.metadata)) if spot_check else select_rows(report, choice, run=run)
    if not len(rows):
        raise ReportError(f"{run.root} has nothing to review with these options; ask for more classes, or less --min-p")
    metadata = report.metadata
    del report  # its columns are as long as the dataset
    similar = None if choice.blind else find_similar(run, rows.astype(np.int32))
    beside = _read_beside(run, similar)
    faces = _read_faces(run, rows, metadata, similar=_similar(rows, similar, beside))
    pa.default_memory_pool().release_unused()  # what the long columns took
    return Desk(
        faces=faces,
        pictures={row: face.shown for row, face in faces.items()} | {row: shown for row, (shown, _) in beside.items()},
        classes=metadata.classes,
        dataset=metadata.dataset,
        report=_digest(metadata),
        blind=choice.blind,
    )


def _read_beside(run: RunDir, similar: IntArray | None) -> dict[int, tuple[Shown, str | None]]:
    """What may be shown of every row that looks like a face, and its given label."""
    wanted = np.unique(np.empty(0, dtype=np.int32) if similar is None else similar[similar >= 0]).astype(np.int64)
    table = open_report(run).take(wanted, ("sample_id", "content_sha256", "given_label"))
    return {
        row: (Shown(each["sample_id"], each["content_sha256"]), each["given_label"])
        for row, each in zip(wanted.tolist(), table.to_pylist(), strict=True)
    }


def _similar(
    rows: NDArray[np.int64], similar: IntArray | None, beside: Mapping[int, tuple[Shown, str | None]]
) -> list[tuple[Similar, ...]]:
    """The faces to show beside each row, nearest first."""
    if similar is None:
        return [()] * len(rows)
    return [
        tuple(Similar(near, beside[near][1]) for near in nearest if near not in (-1, row))[:SIMILAR]
        for row, nearest in zip(rows.tolist(), similar.tolist(), strict=True)
    ]


def _read_faces(
    run: RunDir, rows: NDArray[np.int64], metadata: ReportMetadata, *, similar: Sequence[tuple[Similar, ...]]
) -> dict[int, Face]:
    table = open_report(run).take(rows, _COLUMNS)
    items = items_at(Report(table, metadata), range(len(rows)))
    evidence = table.select(list(dict.fromkeys((*REASON_COLUMNS, *_SHARES)))).to_pylist()
    return {
        row: Face(
            row=row,
            item=item,
            reason=reason_in_words(values),
            shares={name: values[name] for name in _SHARES},
            clean=values["clean_threshold"],
            noisy=values["noisy_threshold"],
            similar=alike,
        )
        for row, item, values, alike in zip(rows.tolist(), items, evidence, similar, strict=True)
    }


def _digest(metadata: ReportMetadata) -> str:
    named = f"{metadata.dataset_fingerprint} {metadata.model_hash}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]
