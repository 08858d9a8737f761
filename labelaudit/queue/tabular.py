"""A queue as a table for a spreadsheet or a data frame, and the decisions that people fill in.

One row a picture. People fill in ``decision`` with one of ``choices_of(classes)``; an empty cell is no decision.
``annotator`` says who; it is filled in where a row was assigned to one.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labelaudit.decision import Decision
from labelaudit.errors import DecisionError, SourceError
from labelaudit.queue.choices import decided
from labelaudit.queue.escape import escaped, unescaped
from labelaudit.queue.item import Queue
from labelaudit.source.cells import is_text, texts
from labelaudit.source.tables import PARQUET_SUFFIXES, column_names, read_table

_DIGITS = 4
_BETWEEN_NAMES = "; "
_NEEDED = ("sample_id", "decision")
_READ = (*_NEEDED, "annotator", "content_sha256")
_REAL = ("p_mislabelled", "suggested_confidence")


def write_csv(queue: Queue, out: Path, *, pictures: Mapping[str, str]) -> None:
    """Writes a queue as csv. A spreadsheet opens it: cells that it would run are escaped.

    Args:
        queue: The rows.
        out: The file to be.
        pictures: sample_id -> URL or path of its picture; where there is any, they become the column ``picture``.
    """
    columns = _columns(queue, pictures)
    plain = all(each.isascii() for column in columns.values() for each in column if isinstance(each, str))
    # Spreadsheets take a file for their own country's encoding unless it begins with a mark.
    with open(out, "w", encoding="utf-8" if plain else "utf-8-sig", newline="") as file:
        writer = csv.writer(file)  # its line ends of RFC 4180 also have a lone carriage return quoted
        writer.writerow(columns)
        writer.writerows([escaped(_cell(each)) for each in row] for row in zip(*columns.values(), strict=True))


def write_parquet(queue: Queue, out: Path, *, pictures: Mapping[str, str]) -> None:
    """Writes a queue as Parquet, with the columns of ``write_csv`` and what is not known as null.

    Args:
        queue: The rows.
        out: The file to be.
        pictures: As of ``write_csv``.
    """
    table = {name: pa.array(values, _type(name)) for name, values in _columns(queue, pictures).items()}
    pq.write_table(pa.table(table), out)


def read_tabular(path: Path) -> tuple[Decision, ...]:
    """Reads the decisions that people filled in.

    Args:
        path: csv, tsv, json lines or Parquet with the columns ``sample_id`` and ``decision``, and ``annotator`` and
            ``content_sha256`` where it has them. Columns may stand in any order, and others beside them.

    Raises:
        DecisionError: It cannot be read as a table, or lacks a column.
    """
    try:
        names = column_names(path)
        missing = [name for name in _NEEDED if name not in names]
        if missing:
            raise DecisionError(
                f"{path} has no column {' and no '.join(map(repr, missing))}; "
                "name a table of labelaudit queue in which decisions were filled in"
            )
        read = [name for name in _READ if name in names]
        table = read_table(path, [], columns=read)
        restored: Callable[[str], str] = str if path.suffix.lower() in PARQUET_SUFFIXES else unescaped
        cells = {name: _texts(table[name], restored) for name in read}
    except SourceError as error:
        raise DecisionError(str(error)) from error
    nothing: Sequence[str] = [""] * table.num_rows
    return tuple(
        _decision(path, sample_id, choice, annotator, digest)
        for sample_id, choice, annotator, digest in zip(
            cells["sample_id"],
            (each.strip() for each in cells["decision"]),
            cells.get("annotator", nothing),
            cells.get("content_sha256", nothing),
            strict=True,
        )
        if choice
    )


def _decision(path: Path, sample_id: str, choice: str, annotator: str, digest: str) -> Decision:
    if not sample_id:
        raise DecisionError(f"{path}: the decision {choice!r} stands in a row without a sample_id; fill it in")
    ruling, label = decided(choice)
    tool = path.suffix.lower().removeprefix(".")
    return Decision(sample_id, ruling, label, annotator.strip(), tool=tool, content_sha256=digest.strip() or None)


def _columns(queue: Queue, pictures: Mapping[str, str]) -> dict[str, Sequence[Any]]:
    """The columns in the order in which a person reads them; a blind queue's tell nothing of the audit."""
    items = queue.items
    columns: dict[str, Sequence[Any]] = {} if queue.blind else {"rank": [each.rank for each in items]}
    if pictures:
        columns["picture"] = [pictures.get(each.sample_id) for each in items]
    if not (queue.blind and pictures):  # a folder is often named after the given label
        columns["path"] = [each.path for each in items]
    if not queue.blind:
        columns["given_label"] = [each.given_label for each in items]
        columns["suggested_label"] = [each.suggested_label for each in items]
    columns["decision"] = [None] * len(items)
    columns["annotator"] = [each.annotators[0] if len(each.annotators) == 1 else None for each in items]
    if any(len(each.annotators) > 1 for each in items):
        columns["annotators"] = [_BETWEEN_NAMES.join(each.annotators) or None for each in items]
    if not queue.blind:
        columns["p_mislabelled"] = [each.p_mislabelled for each in items]
        columns["suggested_confidence"] = [each.suggested_confidence for each in items]
        columns["reason"] = [each.reason or None for each in items]
    if any(each.copies for each in items):
        columns["copies"] = [each.copies for each in items]
    columns["sample_id"] = [each.sample_id for each in items]
    columns["content_sha256"] = [each.content_sha256 for each in items]
    return columns


def _type(name: str) -> pa.DataType:
    if name in ("rank", "copies"):
        return pa.int64()
    return pa.float32() if name in _REAL else pa.string()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.{_DIGITS}f}" if isinstance(value, float) else str(value)


def _texts(column: pa.ChunkedArray, restored: Callable[[str], str]) -> list[str]:
    """The cells of a column as text, "" where there is none; text keeps the space around it."""
    found = column.cast(pa.large_string()).to_pylist() if is_text(column.type) else texts(column)
    return ["" if each is None else restored(each) for each in found]
