"""FER2013's csv: ``emotion,pixels,Usage`` with 48 x 48 grey values in a cell; FER+ votes where they lie beside it.

Goodfellow et al., "Challenges in Representation Learning", ICML 2013 workshop. Kaggle ships the same rows as
``icml_face_data.csv`` (a space before two names) and again as ``train.csv`` without ``Usage`` and ``test.csv``
without ``emotion``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.cells import label_texts, texts
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.ferplus import CSV_NAME, votes_file, votes_of_rows
from labelaudit.source.interface import Picture
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import files_signature
from labelaudit.source.tables import CSV_SUFFIXES, read_table
from labelaudit.source.words import counted, some
from labelaudit.source.written import CsvCells, LabelFile, LabelPlaces

CODES = ClassCodes.numbered("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

_SIDE = 48
_LABEL, _PIXELS, _USAGE = "emotion", "pixels", "usage"
_WHOLE_SETS = ("fer2013.csv", "icml_face_data.csv")
_HALVES = {"train.csv": "train", "test.csv": "test"}


def _probe(layout: Layout) -> Match | None:
    files = _files(layout)
    if not files:
        return None
    votes = f", with the votes of {CSV_NAME}" if layout.options.votes and votes_file(files[0]) is not None else ""
    return Match(Fit.KNOWN, f"{some([path.name for path in files])} with a column of pixels: FER2013{votes}")


def _read(layout: Layout) -> Draft:
    files = _files(layout)
    if not files:
        raise SourceError(f"{layout.name} holds no csv with a column of pixels, as FER2013 has")
    if len(files) > 1 and not _are_halves(files):
        names = some([layout.relative(path) for path in files])
        raise SourceError(f"{names} look like FER2013: give the path of the one that is meant")
    options = layout.options
    if options.label_column is not None and options.label_column.strip() != _LABEL:
        raise SourceError(f"--label-column {options.label_column}: the label of FER2013 is {_LABEL!r}")
    assumed: list[str] = []
    usage: list[str | None] = []
    label: list[str | None] = []
    cells: list[pa.Array] = []
    places: list[LabelFile] = []
    without_labels: list[Path] = []
    for file in files:
        table = read_table(file, assumed)
        if (column := _named(table, _LABEL)) is not None:
            rows = range(len(label), len(label) + table.num_rows)
            places.append(LabelFile(file, CsvCells(column), rows))
        else:
            without_labels.append(file)
        label += _column(table, _LABEL, label_texts)
        own_usage = _column(table, _USAGE, texts)
        usage += [_HALVES[file.name.casefold()]] * table.num_rows if len(files) > 1 else own_usage
        cells += table.column(_named(table, _PIXELS)).chunks
    assumed += _said(layout, files, usage)
    beside = votes_file(files[0]) if options.votes and options.label_column is None else None
    return Draft(
        sample_id=[f"row-{row:05d}" for row in range(len(label))],
        label=label,
        path=[None] * len(label),
        split=usage,
        pictures=PixelCells(pa.chunked_array(cells, pa.large_string()), files),
        where=files[0].name if len(files) == 1 else layout.name,
        codes=CODES,
        votes=None if beside is None else votes_of_rows(beside, usage, assumed),
        assumed=assumed,
        ids_numbered=True,
        places=LabelPlaces(layout, tuple(places), beside=tuple(without_labels)),
    )


FORMAT = Format("fer2013", "FER2013", _probe, _read)


class PixelCells:
    """Square grey pictures written as numbers with spaces between, one a cell.

    Args:
        cells: The text, N of them.
        files: The files that they come from.
    """

    def __init__(self, cells: pa.ChunkedArray, files: Sequence[Path]) -> None:
        self._cells = cells
        self._files = files

    def read(self, row: int) -> Picture:
        """Grey pixels, shape (48, 48).

        Raises:
            PixelError: The cell does not hold 48 x 48 numbers from 0 to 255.
        """
        return parse_pixels(self._cells[row].as_py())

    def signature(self) -> str:
        """Digest of the files' names, sizes and times."""
        return files_signature(self._files)


def parse_pixels(text: str) -> NDArray[np.uint8]:
    """Grey values with spaces between -> pixels, shape (48, 48).

    Raises:
        PixelError: There are not 48 x 48 of them, or one is no number from 0 to 255.
    """
    parts = text.split()
    if len(parts) != _SIDE * _SIDE:
        raise PixelError(f"{counted(len(parts), 'pixel')} where {_SIDE} x {_SIDE} = {_SIDE * _SIDE:,} are expected")
    try:
        values = np.array(parts, dtype=np.int64)
    except (ValueError, OverflowError) as error:
        wrong = next((part for part in parts if not part.isdecimal()), max(parts, key=len))
        raise PixelError(f"the pixel {wrong[:20]!r} is no whole number") from error
    outside = values[(values < 0) | (values > 255)]
    if outside.size:
        raise PixelError(f"the pixel {outside[0]} is not in 0 to 255")
    return values.astype(np.uint8).reshape(_SIDE, _SIDE)


def _files(layout: Layout) -> list[Path]:
    """The files with all rows, else Kaggle's two halves, else any csv with pixels."""
    whole = [path for path in layout.find(*_WHOLE_SETS) if _has_pixels(layout, path)]
    if whole:
        # Kaggle's folder may hold the original beside its own copy, which is the same rows.
        return [path for path in whole if path.name.casefold() == whole[0].name.casefold()]
    halves = [path for path in layout.find(*_HALVES) if _has_pixels(layout, path)]
    return halves or [path for path in layout.with_suffix(*CSV_SUFFIXES) if _has_pixels(layout, path)]


def _are_halves(files: Sequence[Path]) -> bool:
    return sorted(path.name.casefold() for path in files) == sorted(_HALVES) and files[0].parent == files[1].parent


def _has_pixels(layout: Layout, path: Path) -> bool:
    names = {name.casefold() for name in layout.header(path)}
    return _PIXELS in names and names <= {_LABEL, _PIXELS, _USAGE}


def _named(table: pa.Table, name: str) -> str | None:
    return next((column for column in table.column_names if column.casefold() == name), None)


def _column(table: pa.Table, name: str, as_texts: Callable[[pa.ChunkedArray], list[str | None]]) -> list[str | None]:
    column = _named(table, name)
    return [None] * table.num_rows if column is None else as_texts(table.column(column))


def _said(layout: Layout, files: Sequence[Path], usage: Sequence[str | None]) -> list[str]:
    said: list[str] = []
    if {"PublicTest", "PrivateTest"} & set(usage):
        said.append("Usage PublicTest is called val here, PrivateTest test")
    found = layout.find(*_WHOLE_SETS, *_HALVES)
    again = [path.name for path in found if path not in files and _has_pixels(layout, path)]
    if again:
        said.append(f"{some(again)} left aside: the same rows as {files[0].name}")
    return said
