"""AffectNet (Mollahosseini, Hasani, Mahoor, IEEE TAC 2019), the form with csv files.

``training.csv``, ``validation.csv`` and ``automatically_annotated.csv`` hold
``subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal``. Faces are
cut out by their box when they are read. Codes 8 to 10 (none, uncertain, no face) are no expression: their rows are
kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.source.cells import as_column, coordinate, label_texts, texts
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.folder import folder_draft
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.locate import files_at, located_paths, none_there, picture_root
from labelaudit.source.tables import CSV_SUFFIXES, column_names, read_table
from labelaudit.source.tabular import slashed
from labelaudit.source.words import counted, some
from labelaudit.source.written import CsvCells, LabelFile, LabelPlaces, runs_of

CODES = ClassCodes.numbered(
    "neutral",
    "happy",
    "sad",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
    "none",
    "uncertain",
    "no_face",
    no_class=("none", "uncertain", "no_face"),
)

_PATH, _LABEL = "subDirectory_filePath", "expression"
_BOX = ("face_x", "face_y", "face_width", "face_height")
_AUTOMATIC = "automatic"
_SPLITS = {"training": "train", "validation": "val", "automatically_annotated": _AUTOMATIC}


def _probe(layout: Layout) -> Match | None:
    files = _files(layout)
    if not files:
        return None
    return Match(Fit.KNOWN, f"{some([path.name for path in files])} with the column {_PATH}: AffectNet")


def _read(layout: Layout) -> Draft:
    files = _files(layout)
    if not files:
        return folder_draft(layout, CODES)  # 0/ to 7/ and nothing else: only the user can know
    assumed: list[str] = []
    tables = [_table(file, assumed) for file in files]
    table = pa.concat_tables(tables)
    root = picture_root(layout)
    paths = _paths(files, tables, root, assumed)
    named = files_at(paths, root=root, boxes=_boxes(table, assumed))
    runs = runs_of([part.num_rows for part in tables])
    places = [
        LabelFile(file, CsvCells(_LABEL, tuple(_wanted(file))), rows) for file, rows in zip(files, runs, strict=True)
    ]
    split = [_split(file) for file, part in zip(files, tables, strict=True) for _ in range(part.num_rows)]
    if _AUTOMATIC in split:
        assumed.append(f"rows of automatically_annotated.csv, which no person labelled, are the split {_AUTOMATIC}")
    return Draft(
        sample_id=named.sample_id,
        label=label_texts(table.column(_LABEL)),
        path=named.path,
        split=split,
        pictures=named.pictures,
        where=files[0].name if len(files) == 1 else layout.name,
        codes=CODES,
        assumed=assumed,
        places=LabelPlaces(layout, tuple(places)),
    )


FORMAT = Format("affectnet", "AffectNet", _probe, _read)


def _files(layout: Layout) -> list[Path]:
    found = [path for path in layout.with_suffix(*CSV_SUFFIXES) if {_PATH, _LABEL} <= set(layout.header(path))]
    order = list(_SPLITS.values())
    return sorted(found, key=lambda path: (order.index(split) if (split := _split(path)) else len(order), path))


def _split(file: Path) -> str | None:
    return _SPLITS.get(file.stem.casefold())


def _wanted(file: Path) -> list[str]:
    """The columns that are read."""
    return [name for name in (_PATH, _LABEL, *_BOX) if name in column_names(file)]


def _table(file: Path, assumed: list[str]) -> pa.Table:
    wanted = _wanted(file)
    table = read_table(file, assumed, columns=wanted)
    for name in _BOX:
        if name not in wanted:
            table = table.append_column(name, as_column([None] * table.num_rows))
    return table.select([_PATH, _LABEL, *_BOX])


def _paths(files: Sequence[Path], tables: Sequence[pa.Table], root: Path, assumed: list[str]) -> list[str | None]:
    """Paths of all rows. Each list is looked up by itself: automatic labels have a folder of pictures of their own."""
    written = [[text and slashed(text) for text in texts(table.column(_PATH))] for table in tables]
    found = [
        located_paths(paths, root=root, where=file.name, assumed=assumed)
        for file, paths in zip(files, written, strict=True)
    ]
    if all(paths is None for paths in found):
        raise none_there(written[0], files[0].name)
    absent = [file.name for file, paths in zip(files, found, strict=True) if paths is None]
    if absent:
        assumed.append(f"not one picture that {some(absent)} names is there; --split leaves these rows out")
    return [path for paths, own in zip(found, written, strict=True) for path in (own if paths is None else paths)]


def _boxes(table: pa.Table, assumed: list[str]) -> NDArray[np.int64]:
    """Left, top, right, bottom a row, shape (N, 4); zeros where a row has no box."""
    columns = [_whole_numbers(texts(table.column(name))) for name in _BOX]
    left, top, width, height = columns
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    boxes[(width <= 0) | (height <= 0)] = 0
    without = int((boxes[:, 2] <= boxes[:, 0]).sum())
    if without > 0:
        assumed.append(f"{counted(without, 'row has', 'rows have')} no face box: the whole picture is taken")
    return boxes


def _whole_numbers(cells: Sequence[str | None]) -> NDArray[np.int64]:
    def number(text: str | None) -> int:
        try:
            return coordinate(text) if text is not None else 0
        except ValueError:  # AffectNet writes NULL
            return 0

    return np.array([number(text) for text in cells], dtype=np.int64)
