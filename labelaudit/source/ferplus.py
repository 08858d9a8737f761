"""FER+ (Barsoum et al., ICMI 2016): ten annotators' votes on every picture of FER2013.

``fer2013new.csv`` has a row for each row of ``fer2013.csv``; its ``Image name`` is empty where all votes are NF. The
other form is ``FER2013Train/``, ``FER2013Valid/`` and ``FER2013Test/`` with pictures and a ``label.csv`` without
header: file name, box (always the whole picture), ten counts.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelaudit.errors import SourceError
from labelaudit.source.cells import numbers, texts
from labelaudit.source.draft import Draft, Votes
from labelaudit.source.encoding import decoded, text_encoding
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import FilePictures
from labelaudit.source.tables import read_table
from labelaudit.source.words import did_you_mean, split_name

CSV_NAME = "fer2013new.csv"
VOTED = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
"""What can be voted for, in the order of FER+; the last two are no classes."""

_SPLITS = {"fer2013train": "train", "fer2013valid": "val", "fer2013test": "test"}
_LABEL_FILE = "label.csv"


def _probe(layout: Layout) -> Match | None:
    files = _label_files(layout)
    if not files:
        return None
    return Match(Fit.KNOWN, f"{layout.relative(files[0])} found: FER+ with its votes")


def _read(layout: Layout) -> Draft:
    files = _label_files(layout)
    if not files:
        raise SourceError(
            f"{layout.name} holds no FER2013Train/{_LABEL_FILE}; {CSV_NAME} alone has no pictures: "
            "put fer2013.csv beside it"
        )
    if not layout.options.votes or layout.options.label_column is not None:
        raise SourceError("FER+ has votes and no single label: leave out --no-votes and --label-column")
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
    by_name = {name.casefold(): name for name in table.column_names}
    for name in VOTED:
        if name.casefold() not in by_name:
            raise SourceError(
                f"{file.name} has no column {name!r}{did_you_mean(name, by_name)}; --no-votes leaves it out"
            )
    if table.num_rows != len(usage):
        raise SourceError(
            f"{file.name} has {table.num_rows:,} rows and FER2013 {len(usage):,}: votes belong to rows by their order; "
            "use the whole fer2013.csv, or --no-votes"
        )
    if "usage" in by_name:
        of_votes = [text and split_name(text) for text in texts(table.column(by_name["usage"]))]
        for row, (one, other) in enumerate(zip(of_votes, usage, strict=True), start=1):
            if other is not None and one != split_name(other):
                raise SourceError(
                    f"row {row:,} is {one} in {file.name} and {other} in FER2013: not the same rows; --no-votes"
                )
    columns = [numbers(table.column(by_name[name.casefold()]), name=name, where=file.name) for name in VOTED]
    return Votes(VOTED, np.stack(columns, axis=1), f"FER+'s ten votes ({file.name})")


def _label_files(layout: Layout) -> list[Path]:
    return sorted(path for path in layout.find(_LABEL_FILE) if path.parent.name.casefold() in _SPLITS)


def _label_rows(file: Path) -> list[tuple[str, list[float]]]:
    """File names and ten counts; the box between them is left out."""
    rows: list[tuple[str, list[float]]] = []
    with decoded(file, text_encoding(file)) as text:
        reader = csv.reader(text)
        for fields in reader:
            if not any(fields):
                continue
            try:
                votes = [float(field or 0) for field in fields[-len(VOTED) :]]
            except ValueError:
                votes = []
            if len(fields) not in (len(VOTED) + 1, len(VOTED) + 2) or len(votes) != len(VOTED):
                raise SourceError(
                    f"{file.parent.name}/{file.name} line {reader.line_num:,}: expected a file name, a box and "
                    f"{len(VOTED)} counts of votes"
                )
            rows.append((fields[0].strip(), votes))
    return rows
