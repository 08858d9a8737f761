"""Where the labels of a dataset are written, so that corrected ones can be written in the same form.

Labels stand in files that hold many (``LabelFile``), in files of one label each (``LabelPlaces.own``), or in the
names of pictures and folders (``LabelPlaces.renamed``). A format that says nothing of this is read and not written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.source.tables import CSV_SUFFIXES, JSON_SUFFIXES

if TYPE_CHECKING:
    from labelaudit.source.layout import Layout

Renamed = Callable[[str, str], str | None]
"""From a picture's path and a label as it is written to the path that says so; None = its name has no place for it."""


@dataclass(frozen=True, slots=True)
class CsvCells:
    """A column of a csv or tsv.

    Attributes:
        column: Its name without surrounding space.
        read: Columns that were read: a line that is empty in all of them is no row. None = all.
    """

    column: str
    read: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class JsonCells:
    """A key of json lines."""

    key: str


@dataclass(frozen=True, slots=True)
class Words:
    """A word of each line that is not blank.

    Attributes:
        position: Which word; -1 = the last.
        least: Words of a line that has a label.
        header: Lines before the first row.
    """

    position: int
    least: int
    header: int = 0


@dataclass(frozen=True, slots=True)
class ParquetCells:
    """A column of a Parquet file."""

    column: str


@dataclass(frozen=True, slots=True)
class TarLabels:
    """Label files in a tar shard; the key is ``cls``, ``json`` (the file's whole value), or one of its keys."""

    key: str


@dataclass(frozen=True, slots=True)
class SavedCells:
    """A column of a saved Hugging Face dataset, which is a folder."""

    column: str


LabelForm = CsvCells | JsonCells | Words | ParquetCells | TarLabels | SavedCells


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A file that holds the labels of a run of rows.

    Attributes:
        path: The file.
        form: How it holds them.
        rows: Rows of the draft, one a label, in the file's order.
    """

    path: Path
    form: LabelForm
    rows: range


@dataclass(frozen=True)
class LabelPlaces:
    """Where every label of a dataset is written.

    Attributes:
        layout: The dataset as it lies on disk.
        files: Files with many labels.
        own: Of each row of the draft the file that holds its label and nothing else, or would if it had one; relative
            to the dataset's folder. None = there are no such files.
        renamed: How the pictures of all other rows are called when they have another label; None = labels do not
            stand in names.
        beside: Other files without which the label files cannot be read.
    """

    layout: Layout
    files: tuple[LabelFile, ...] = ()
    own: Sequence[str] | None = None
    renamed: Renamed | None = None
    beside: tuple[Path, ...] = ()


@dataclass(frozen=True)
class WrittenLabels:
    """The labels of an opened dataset as they are written. Rows are the draft's.

    Attributes:
        places: Where they stand; None = the dataset cannot be written back, and ``why_not`` says why.
        label: As written, shape (N,).
        names: From a label as written to its class name.
        why_not: For people; empty where ``places`` is there.
        numbered: Whether sample ids are row numbers, so that they shift when a row is left out.
    """

    places: LabelPlaces | None
    label: Sequence[str | None]
    names: Mapping[str, str] = field(default_factory=dict)
    why_not: str = ""
    numbered: bool = False


def table_labels(path: Path, column: str, rows: range) -> LabelFile:
    """The labels in a column of a table, whose form is known by its ending."""
    suffix = path.suffix.lower()
    form: LabelForm = ParquetCells(column)
    if suffix in CSV_SUFFIXES:
        form = CsvCells(column)
    elif suffix in JSON_SUFFIXES:
        form = JsonCells(column)
    return LabelFile(path, form, rows)


def runs_of(lengths: Sequence[int]) -> list[range]:
    """Rows of each of several parts that follow each other."""
    runs: list[range] = []
    start = 0
    for length in lengths:
        runs.append(range(start, start + length))
        start += length
    return runs
