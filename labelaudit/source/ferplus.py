"""FER+ (Barsoum et al., ICMI 2016): ten annotators' votes on every picture of FER2013.

``fer2013new.csv`` has a row for each row of ``fer2013.csv``; its ``Image name`` is empty where all votes are NF. The
other form is ``FER2013Train/``, ``FER2013Valid/`` and ``FER2013Test/`` with pictures and a ``label.csv`` without
header: file name, box (always the whole picture), ten counts. Where the ``label.csv`` are left out, ``fer2013new.csv``
says which picture has which votes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from labelaudit.errors import SourceError
from labelaudit.source.cells import numbers, texts
from labelaudit.source.draft import Draft, Votes
from labelaudit.source.encoding import decoded, text_encoding
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.locate import files_at, find_below
from labelaudit.source.pictures import FilePictures
from labelaudit.source.tables import read_table
from labelaudit.source.words import did_you_mean, some, split_name

CSV_NAME = "fer2013new.csv"
VOTED = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
"""What can be voted for, in the order of FER+; the last two are no classes."""

_SPLITS = {"fer2013train": "train", "fer2013valid": "val", "fer2013test": "test"}
_LABEL_FILE = "label.csv"


def _probe(layout: Layout) -> Match | None:
    files = _label_files(layout)
    if files:
        return Match(Fit.KNOWN, f"{layout.relative(files[0])} found: FER+ with its votes")
    tables = layout.find(CSV_NAME)
    folders = _picture_folders(layout) if tables else {}
    if not folders:
        return None
    first = next(iter(folders.values()))
    return Match(Fit.KNOWN, f"{tables[0].name} and the folder {first} found: FER+ with its votes")


def _read(layout: Layout) -> Draft:
    if not layout.options.votes or layout.options.label_column is not None:
        raise SourceError("FER+ has votes and no single label: leave out --no-votes and --label-column")
    files, tables = _label_files(layout), layout.find(CSV_NAME)
    if files:
        return _with_label_files(files, layout)
    if tables and (folders := _picture_folders(layout)):
        return _with_table(tables[0], folders, layout)
    raise SourceError(
        f"{layout.name} holds no FER2013Train/ with pictures; {CSV_NAME} alone has none: put fer2013.csv beside it"
    )


def _with_label_files(files: Sequence[Path], layout: Layout) -> Draft:
    paths: list[str] = []
    splits: list[str] = []
    counts: list[list[float]] = []
    for file in files:
        folder = layout.relative(file.parent)
        for name, votes in _label_rows(file):
            paths.append(f"{folder}/{name}" if folder != "." else name)
            splits.append(_SPLITS[file.parent.name.casefold()])
            counts.append(votes)
    return Draft(
        sample_id=paths,
        label=[None] * len(paths),
        path=paths,
        split=splits,
        pictures=FilePictures(layout.root, paths),
        where=layout.name,
        votes=Votes(VOTED, np.array(counts, dtype=np.float32).reshape(-1, len(VOTED)), "FER+'s ten votes"),
    )


def _with_table(file: Path, folders: Mapping[str, str], layout: Layout) -> Draft:
    assumed: list[str] = []
    table = read_table(file, assumed)
    by_name = _columns(table, file.name)
    usage, names = texts(table.column(by_name["usage"])), texts(table.column(by_name["image name"]))
    paths = [
        f"{folders.get(split_name(part or ''), '.')}/{name}" if name is not None else None
        for part, name in zip(usage, names, strict=True)
    ]
    named = files_at(paths, root=layout.root)
    return Draft(
        sample_id=named.sample_id,
        label=[None] * len(paths),
        path=named.path,
        split=usage,
        pictures=named.pictures,
        where=file.name,
        votes=_votes(table, by_name, file.name),
        assumed=assumed,
    )


FORMAT = Format("ferplus", "FER+ folders", _probe, _read)


def votes_file(fer2013: Path) -> Path | None:
    """The file of FER+ votes beside a csv of FER2013, or None."""
    return next((path for path in sorted(fer2013.parent.iterdir()) if path.name.casefold() == CSV_NAME), None)


def votes_of_rows(file: Path, usage: Sequence[str | None], assumed: list[str]) -> Votes:
    """The votes on the rows of a ``fer2013.csv``.

    Args:
        file: ``fer2013new.csv``.
        usage: The split of each row of ``fer2013.csv``, shape (N,).
        assumed: Told how the file was written, where that is not plain.

    Raises:
        SourceError: It has other rows, or lacks a column.
    """
    table = read_table(file, assumed)
    by_name = _columns(table, file.name)
    if table.num_rows != len(usage):
        raise SourceError(
            f"{file.name} has {table.num_rows:,} rows and FER2013 {len(usage):,}: votes belong to rows by their order; "
            "use the whole fer2013.csv, or --no-votes"
        )
    of_votes = [text and split_name(text) for text in texts(table.column(by_name["usage"]))]
    for row, (one, other) in enumerate(zip(of_votes, usage, strict=True), start=1):
        if other is not None and one != split_name(other):
            raise SourceError(
                f"row {row:,} is {one} in {file.name} and {other} in FER2013: not the same rows; --no-votes"
            )
    return _votes(table, by_name, file.name)


def _columns(table: pa.Table, where: str) -> dict[str, str]:
    """The table's names by their names in lower case."""
    by_name = {name.casefold(): name for name in table.column_names}
    for name in ("Usage", "Image name", *VOTED):
        if name.casefold() not in by_name:
            raise SourceError(f"{where} has no column {name!r}{did_you_mean(name, by_name)}; --no-votes leaves it out")
    return by_name


def _votes(table: pa.Table, by_name: Mapping[str, str], where: str) -> Votes:
    columns = [numbers(table.column(by_name[name.casefold()]), name=name, where=where) for name in VOTED]
    return Votes(VOTED, np.stack(columns, axis=1), f"FER+'s ten votes ({where})")


def _picture_folders(layout: Layout) -> dict[str, str]:
    """The folder of each split's pictures, relative to the dataset's."""
    found = find_below(layout.root, lambda folder: folder.rpartition("/")[2].casefold() in _SPLITS)
    by_split = {_SPLITS[folder.rpartition("/")[2].casefold()]: folder for folder in found}
    if len(by_split) < len(found):
        raise SourceError(f"{layout.name} holds FER+ pictures more than once ({some(found)}): give one set's folder")
    return by_split


def _label_files(layout: Layout) -> list[Path]:
    return sorted(path for path in layout.find(_LABEL_FILE) if path.parent.name.casefold() in _SPLITS)


def _label_rows(file: Path) -> list[tuple[str, list[float]]]:
    """File names and ten counts; the box between them is left out."""
    rows: list[tuple[str, list[float]]] = []
    with decoded(file, text_encoding(file)) as text:
        reader = csv.reader(text)
        try:
            rows.extend((fields[0].strip(), _counts(fields)) for fields in reader if any(fields))
        except (csv.Error, ValueError) as error:
            raise SourceError(
                f"{file.parent.name}/{file.name} line {reader.line_num:,}: expected a file name, a box and "
                f"{len(VOTED)} counts of votes"
            ) from error
    return rows


def _counts(fields: Sequence[str]) -> list[float]:
    """The counts at the end of a row. ValueError: they are none, or something else is missing."""
    votes = [float(field or 0) for field in fields[-len(VOTED) :]]
    if len(fields) not in (len(VOTED) + 1, len(VOTED) + 2) or not all(0 <= vote < math.inf for vote in votes):
        raise ValueError
    return votes
