"""Rows of two reports side by side: which sample is which, what differs, and a table of the rows that changed.

Samples are matched by ``sample_id``. What then has no partner is matched by the picture's hash, since putting a label
right moves a file of a folder-per-class dataset, and its id with it; copies of one picture are paired in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelaudit.errors import ReportError
from labelaudit.records import IntArray, Verdict
from labelaudit.report.counts import codes_among, distinct_names
from labelaudit.report.table import Report
from labelaudit.rundir import written_aside

COLUMNS = ("sample_id", "given_label", "verdict", "suggested_label", "p_mislabelled", "content_sha256")
"""The columns of a report that are compared."""

VERDICTS = tuple(Verdict)
ABSENT = -2
"""Code of a row that one of the reports does not have; -1 is a row without a label."""

_FLAGGED = VERDICTS.index(Verdict.MISLABELLED)
_FORMULA = "^('*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
"""What makes a spreadsheet run a cell, and what an escaped cell begins with."""
_SUFFIXES = (".parquet", ".csv")

BoolArray = NDArray[np.bool_]
RowArray = NDArray[np.int64]


class Outcome(StrEnum):
    """What became of a row that either audit flagged as mislabelled."""

    FIXED = "fixed"
    """Flagged before and no longer: its label changed, the audit thinks better of it now, or it is gone."""
    STILL_THERE = "still_there"
    NEW = "new"


@dataclass(frozen=True)
class Pairs:
    """Every sample of two reports once, those of the second first, in its order. All arrays have length M.

    Attributes:
        then, now: Its row in the first and in the second report; -1 = not in it.
        moved: Matched by its picture, under another ``sample_id``.
        label_then, label_now: Index among ``labels``; -1 = none given, ``ABSENT`` = not in that report.
        verdict_then, verdict_now: Index among ``VERDICTS``, or ``ABSENT``.
        picture_changed: In both, with different pictures.
        labels: Names of both reports' labels, classes first.
    """

    then: RowArray
    now: RowArray
    moved: BoolArray
    label_then: IntArray
    label_now: IntArray
    verdict_then: IntArray
    verdict_now: IntArray
    picture_changed: BoolArray
    labels: tuple[str, ...]

    @property
    def in_both(self) -> BoolArray:
        """Samples of both reports."""
        return np.asarray((self.then >= 0) & (self.now >= 0))

    @property
    def label_changed(self) -> BoolArray:
        """In both, under different labels."""
        return np.asarray(self.in_both & (self.label_then != self.label_now))

    @property
    def verdict_changed(self) -> BoolArray:
        """In both, with different verdicts."""
        return np.asarray(self.in_both & (self.verdict_then != self.verdict_now))

    def rows_with(self, outcome: Outcome) -> BoolArray:
        """Rows of an outcome."""
        was, is_now = self.verdict_then == _FLAGGED, self.verdict_now == _FLAGGED
        by_outcome = {Outcome.FIXED: was & ~is_now, Outcome.STILL_THERE: was & is_now, Outcome.NEW: ~was & is_now}
        return np.asarray(by_outcome[outcome])


def pair_rows(before: Report, after: Report) -> Pairs:
    """Finds each sample of one report in the other.

    Args:
        before: A report with at least ``COLUMNS``.
        after: The later one.
    """
    partner, moved = _partners(before.table, after.table)  # (N2,), (N2,)
    gone = np.ones(len(before), dtype=bool)
    gone[partner[partner >= 0]] = False
    then = np.concatenate([partner, np.flatnonzero(gone)])
    now = np.concatenate([np.arange(len(after)), np.full(int(gone.sum()), -1)])
    both_tables = (before.table, after.table)
    found = (name for table in both_tables for name in distinct_names(table["given_label"]))
    labels = tuple(dict.fromkeys((*before.classes, *after.classes, *found)))
    label_then, label_now = (codes_among(table["given_label"], labels) for table in both_tables)
    verdict_then, verdict_now = (codes_among(table["verdict"], VERDICTS) for table in both_tables)
    return Pairs(
        then=then,
        now=now,
        moved=np.concatenate([moved, np.zeros(int(gone.sum()), dtype=bool)]),
        label_then=_taken(label_then, then),
        label_now=_taken(label_now, now),
        verdict_then=_taken(verdict_then, then),
        verdict_now=_taken(verdict_now, now),
        picture_changed=_pictures_differ(before.table, after.table, then, now),
        labels=labels,
    )


def change_table(before: Report, after: Report, pairs: Pairs) -> pa.Table:
    """One row a sample that came, left, moved, or has another label, verdict, picture or outcome.

    Columns: ``sample_id`` (of the second report, else of the first) and ``sample_id_before``; ``outcome``; ``presence``
    (both, came, left); ``label_changed``, ``verdict_changed``, ``picture_changed``; and label, verdict, suggestion and
    p_mislabelled, each ``_before`` and ``_after``.
    """
    outcome = np.full(len(pairs.now), len(Outcome), dtype=np.int32)
    for code, each in enumerate(Outcome):
        outcome[pairs.rows_with(each)] = code
    changed = pairs.label_changed | pairs.verdict_changed | pairs.picture_changed | pairs.moved | ~pairs.in_both
    rows = np.flatnonzero(changed | (outcome < len(Outcome)))
    then, now = (pa.array(index[rows], mask=index[rows] < 0) for index in (pairs.then, pairs.now))
    id_before, id_after = before.table["sample_id"].take(then), after.table["sample_id"].take(now)
    presence = np.where(pairs.in_both, 0, np.where(pairs.then < 0, 1, 2))[rows]
    columns: dict[str, pa.ChunkedArray | pa.Array] = {
        "sample_id": pc.coalesce(id_after, id_before),
        "sample_id_before": id_before,
        "outcome": pa.array([*Outcome, None], pa.string()).take(pa.array(outcome[rows])),
        "presence": pa.array(["both", "came", "left"]).take(pa.array(presence)),
        "label_changed": pa.array(pairs.label_changed[rows]),
        "verdict_changed": pa.array(pairs.verdict_changed[rows]),
        "picture_changed": pa.array(pairs.picture_changed[rows]),
    }
    for name in ("given_label", "verdict", "suggested_label", "p_mislabelled"):
        columns[f"{name}_before"] = _plain_text(before.table[name].take(then))
        columns[f"{name}_after"] = _plain_text(after.table[name].take(now))
    return pa.table(columns)


def check_target(path: Path, *, force: bool = False) -> None:
    """Refuses a path that ``write_changes`` refuses, and touches nothing.

    Raises:
        ReportError: The suffix is neither ``.parquet`` nor ``.csv``, or the file is there and not to be replaced.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ReportError(f"{path} is neither {' nor '.join(_SUFFIXES)}; choose one with --out")
    if path.exists() and (path.is_dir() or not force):
        raise ReportError(f"{path} exists already; add --force to replace it, or name another with --out")


def write_changes(path: Path, changes: pa.Table, *, force: bool = False) -> None:
    """Writes the table of changes, whole or not at all.

    Args:
        path: Ends in ``.parquet`` or ``.csv``; cells of a csv that a spreadsheet would run begin with ``'``.
        changes: From ``change_table``.
        force: Replace a file that is there.

    Raises:
        ReportError: As ``check_target``, or it cannot be written.
    """
    check_target(path, force=force)
    try:
        with written_aside(path) as aside:
            if path.suffix.lower() == ".csv":
                pyarrow.csv.write_csv(_inert(changes), aside)
            else:
                pq.write_table(changes, aside, compression="zstd")
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror or error}; name another file with --out") from error


def _partners(before: pa.Table, after: pa.Table) -> tuple[RowArray, BoolArray]:
    """The first report's row of each row of the second, (N2,), -1 = none; whether the picture decided, (N2,)."""
    partner = _found(after["sample_id"], before["sample_id"])
    gone = np.ones(before.num_rows, dtype=bool)
    gone[partner[partner >= 0]] = False
    lone_before, lone_after = np.flatnonzero(gone), np.flatnonzero(partner < 0)
    lone_after_partner = _found(
        _numbered_copies(after["content_sha256"].take(pa.array(lone_after))),
        _numbered_copies(before["content_sha256"].take(pa.array(lone_before))),
    )
    moved = np.zeros(len(partner), dtype=bool)
    met = lone_after_partner >= 0
    moved[lone_after[met]] = True
    partner[lone_after[met]] = lone_before[lone_after_partner[met]]
    return partner, moved


def _found(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> RowArray:
    """Position of each value among others that are distinct, -1 where it is null or not there."""
    values = among.cast(pa.large_string()).combine_chunks()
    position = pc.index_in(wanted.cast(pa.large_string()), value_set=values, skip_nulls=True)
    found: RowArray = pc.fill_null(position, -1).to_numpy().astype(np.int64)
    return found


def _numbered_copies(digests: pa.ChunkedArray) -> pa.ChunkedArray:
    """Digests made distinct by the number of each copy: ``abc 0``, ``abc 1``; null stays null."""
    codes = np.asarray(pc.fill_null(digests.dictionary_encode().combine_chunks().indices, -1), dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    first = np.concatenate([[True], codes[order][1:] != codes[order][:-1]]) if len(codes) else np.empty(0, dtype=bool)
    starts = np.maximum.accumulate(np.where(first, np.arange(len(codes)), 0))
    number = np.empty(len(codes), dtype=np.int64)
    number[order] = np.arange(len(codes)) - starts
    return pc.binary_join_element_wise(digests, pa.array(number).cast(pa.string()), " ")


def _pictures_differ(before: pa.Table, after: pa.Table, then: RowArray, now: RowArray) -> BoolArray:
    first, second = (
        table["content_sha256"].take(pa.array(index, mask=index < 0)) for table, index in ((before, then), (after, now))
    )
    return np.asarray(pc.fill_null(pc.not_equal(first, second), False), dtype=bool)


def _taken(codes: IntArray, index: RowArray) -> IntArray:
    """Codes at some rows, ``ABSENT`` where the row is -1."""
    return np.append(codes, np.int32(ABSENT))[index]


def _plain_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _inert(table: pa.Table) -> pa.Table:
    """The table with text that no spreadsheet takes for a formula."""
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            safe = pc.replace_substring_regex(table.column(index), _FORMULA, r"'\1")
            table = table.set_column(index, field.name, safe)
    return table
