"""Which rows of a report are asked about, and in what order.

The report's ``queue_rank`` sets the order. Rows that show the same picture are not asked about one after another: the
first of each ``duplicate_group`` keeps its place and the others come after all other rows, so that a cut takes them
last and the whole queue still holds every row. Faces that look alike are asked about apart (``diversity``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.errors import SettingsError
from labelaudit.queue.diversity import alike_apart
from labelaudit.queue.item import Queue, QueueItem
from labelaudit.queue.ways import Suspicion
from labelaudit.records import FloatArray, IntArray, JsonDict, Verdict
from labelaudit.report.counts import codes_among, distinct_names, floats
from labelaudit.report.file import Report, open_report
from labelaudit.report.neighbours import read_neighbours
from labelaudit.rundir import RunDir
from labelaudit.source.words import did_you_mean

DEFAULT_TOP = 200
"""Rows of a first sitting."""
_DIGITS = 6
_BLOCK = 4_096

_ITEM_COLUMNS = (
    "sample_id",
    "path",
    "split",
    "given_label",
    "verdict",
    "reason_detail",
    "suggested_label",
    "suggested_confidence",
    "p_mislabelled",
    "posterior",
    "queue_rank",
    "content_sha256",
)
QUEUE_COLUMNS = (*_ITEM_COLUMNS, "duplicate_group")
"""Columns of a report that choosing needs."""
CHOICE_COLUMNS = ("queue_rank", "p_mislabelled", "given_label", "verdict", "split", "duplicate_group")
"""The few of them that say which rows are chosen; a long report is read with these first."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class QueueChoice:
    """What to ask about.

    Attributes:
        top: So many rows at most; None = all.
        classes: Only rows whose given label is one of these; empty = any.
        min_p: Only rows that are at least so likely to be wrong, in [0, 1]; None = any.
        quota: So many rows at most of each given class; None = no limit.
        until: The longest queue of whose labels at least this share is expected to be wrong, in (0, 1]; None = do not
            look at it.
        verdicts: Only rows with one of these verdicts; empty = any.
        splits: Only rows of these splits; empty = any.
        blind: Against anchoring: the order is shuffled, and writers leave out what the audit thinks.
        seed: Of the shuffle.

    Raises:
        SettingsError: A number is out of its range.
    """

    top: int | None = DEFAULT_TOP
    classes: tuple[str, ...] = ()
    min_p: float | None = None
    quota: int | None = None
    until: float | None = None
    verdicts: tuple[Suspicion, ...] = ()
    splits: tuple[str, ...] = ()
    blind: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, count, least in (("top", self.top, 1), ("quota", self.quota, 1), ("seed", self.seed, 0)):
            if count is not None and count < least:
                raise SettingsError(f"{name} is {count}; it must be at least {least}")
        if self.min_p is not None and not 0 <= self.min_p <= 1:
            raise SettingsError(f"min_p is {self.min_p:g}; it is a probability, between 0 and 1")
        if self.until is not None and not 0 < self.until <= 1:
            raise SettingsError(f"until is {self.until:g}; it is a share, above 0 and up to 1")


def select_queue(report: Report, choice: QueueChoice, *, run: RunDir | None = None) -> Queue:
    """Chooses rows and puts them in the order in which they are asked about.

    Args:
        report: With at least ``QUEUE_COLUMNS``.
        choice: What to ask about.
        run: Of the report, which knows the faces that look alike; None = they are not asked about apart.

    Raises:
        SettingsError: A class or split that was named is not in the report.
    """
    rows = select_rows(report, choice, run=run)
    return _with_copies(queue_of(report, rows, blind=choice.blind), report, rows)


def read_queue(run: RunDir | Path | str, choice: QueueChoice) -> tuple[Queue, Report]:
    """``select_queue`` of a report on disk: of all rows a few columns are read, and the others of the chosen ones.

    Args:
        run: A run, its folder, or the path of a ``report.parquet``.
        choice: What to ask about.

    Returns:
        The queue, and the report's ``CHOICE_COLUMNS``.

    Raises:
        ReportError: The report cannot be read.
        SettingsError: As ``select_queue``.
    """
    file = open_report(run)
    report = file.read(CHOICE_COLUMNS)
    folder = run if isinstance(run, RunDir) else RunDir(Path(run))
    rows = select_rows(report, choice, run=folder)
    chosen = Report(file.take(rows, _ITEM_COLUMNS), file.metadata)
    return _with_copies(queue_of(chosen, range(len(rows)), blind=choice.blind), report, rows), report


def queue_of(report: Report, rows: Iterable[int] | Rows, *, blind: bool) -> Queue:
    """Any rows of a report as a queue, in the order in which they are named.

    Args:
        report: With at least ``QUEUE_COLUMNS``.
        rows: Row numbers in [0, N).
        blind: Leave out what the audit thinks.
    """
    model = report.metadata.model_hash
    return Queue(
        items=items_at(report, rows),
        classes=report.classes,
        dataset=report.metadata.dataset,
        model_version="labelaudit" if model is None else f"labelaudit-{model[:8]}",
        blind=blind,
    )


def items_at(report: Report, rows: Iterable[int] | Rows) -> tuple[QueueItem, ...]:
    """Any rows of a report as items, in the order in which they are named.

    Args:
        report: With at least ``QUEUE_COLUMNS``.
        rows: Row numbers in [0, N).
    """
    numbers = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows), dtype=np.int64)
    columns = report.table.select(list(_ITEM_COLUMNS))
    names: dict[str, str] = {}  # a name is one object, however many rows have it
    items: list[QueueItem] = []
    for start in range(0, len(numbers), _BLOCK):  # what Arrow gives of a row is larger than an item
        part = columns.take(pa.array(numbers[start : start + _BLOCK]))
        items += [_item(row, names) for row in part.to_pylist()]
    return tuple(items)


def select_rows(report: Report, choice: QueueChoice, *, run: RunDir | None = None) -> Rows:
    """The numbers of the chosen rows, in the order in which they are asked about.

    Args:
        report: With at least ``CHOICE_COLUMNS``.
        choice: What to ask about.
        run: Of the report, which knows the faces that look alike; None = they are not asked about apart.

    Raises:
        SettingsError: A class or split that was named is not in the report.
    """
    rows = _ordered(report, choice, run)
    return np.random.default_rng(choice.seed).permutation(rows) if choice.blind else rows


def _ordered(report: Report, choice: QueueChoice, run: RunDir | None) -> Rows:
    """Numbers of the chosen rows, in the order of the queue."""
    table = report.table
    rank, p = floats(table["queue_rank"]), floats(table["p_mislabelled"])
    wanted = ~np.isnan(rank)
    if choice.classes:
        _check_known("class", choice.classes, report.classes)
        wanted &= codes_among(table["given_label"], choice.classes) >= 0
    if choice.verdicts:
        wanted &= codes_among(table["verdict"], choice.verdicts) >= 0
    if choice.splits:
        _check_known("split", choice.splits, distinct_names(table["split"]))
        wanted &= codes_among(table["split"], choice.splits) >= 0
    if choice.min_p is not None:
        wanted &= p >= np.float32(choice.min_p)  # NaN is not
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(rank[rows], kind="stable")]
    rows = _copies_last(rows, floats(table["duplicate_group"])[rows])
    if choice.quota is not None:
        rows = _capped(rows, codes_among(table["given_label"], report.classes)[rows], choice.quota)
    if choice.until is not None:
        rows = rows[: looks_until(p[rows], choice.until)]
    nearest = None if run is None else read_neighbours(run, rows.astype(np.int32))
    if nearest is not None:
        rows = alike_apart(rows, p[rows], codes_among(table["given_label"], report.classes)[rows], nearest)
    return rows[: choice.top]


def looks_until(p: FloatArray, floor: float) -> int:
    """After how many looks the expected share of wrong labels among them falls under a floor for good.

    Args:
        p: Probability of each row to be wrong in the order of the looks, (n,); NaN counts as 0.
        floor: A share in (0, 1].
    """
    looks = np.arange(1, len(p) + 1)
    expected = np.cumsum(np.nan_to_num(p), dtype=np.float64) / looks
    enough = np.flatnonzero(expected >= floor - 1e-6)  # p is float32
    return int(enough[-1]) + 1 if len(enough) else 0


def _copies_last(rows: Rows, group: FloatArray) -> Rows:
    """The rows with all but the first of each group of copies moved to the end, in their order."""
    grouped = np.flatnonzero(~np.isnan(group))
    _, firsts = np.unique(group[grouped], return_index=True)
    copies = np.delete(grouped, firsts)
    found: Rows = np.concatenate([np.delete(rows, copies), rows[copies]])
    return found


def _capped(rows: Rows, classes: IntArray, quota: int) -> Rows:
    """The first rows of each class, in their order."""
    by_class = np.argsort(classes, kind="stable")
    _, starts, counts = np.unique(classes[by_class], return_index=True, return_counts=True)
    place = np.empty(len(rows), dtype=np.int64)  # of each row among those of its class
    place[by_class] = np.arange(len(rows)) - np.repeat(starts, counts)
    return rows[place < quota]


def _check_known(kind: str, named: Sequence[str], known: Sequence[str]) -> None:
    for name in named:
        if name not in known:
            hint = did_you_mean(name, known) or f"; it has {', '.join(map(repr, known)) or 'none'}"
            raise SettingsError(f"the report has no {kind} {name!r}{hint}")


def _with_copies(queue: Queue, report: Report, rows: Rows) -> Queue:
    """The queue, whose items know how many other rows of the whole report show the same picture."""
    group = floats(report.table["duplicate_group"])
    found = np.zeros(len(group), dtype=np.int64)
    inside = np.flatnonzero(~np.isnan(group))
    _, member, size = np.unique(group[inside], return_inverse=True, return_counts=True)
    found[inside] = size[member] - 1
    counts = found[rows].tolist()
    items = (replace(item, copies=count) if count else item for item, count in zip(queue.items, counts, strict=True))
    return replace(queue, items=tuple(items))


def _item(row: JsonDict, names: dict[str, str]) -> QueueItem:
    sample_id, path = row["sample_id"], row["path"]
    posterior = row["posterior"]
    return QueueItem(
        rank=row["queue_rank"],
        sample_id=sample_id,
        path=sample_id if path == sample_id else path,
        content_sha256=row["content_sha256"],
        split=_shared(row["split"], names),
        given_label=_shared(row["given_label"], names),
        verdict=Verdict(row["verdict"]),
        p_mislabelled=_rounded(row["p_mislabelled"]),
        suggested_label=_shared(row["suggested_label"], names),
        suggested_confidence=_rounded(row["suggested_confidence"]),
        reason=row["reason_detail"] or "",
        posterior=None if posterior is None else tuple(round(each, _DIGITS) for each in posterior),
    )


def _shared(name: str | None, names: dict[str, str]) -> str | None:
    return None if name is None else names.setdefault(name, name)


def _rounded(value: float | None) -> float | None:
    """A float32 without the digits that it does not have."""
    return None if value is None else round(value, _DIGITS)
