"""The form that every dataset can be written in: a table of sample ids, paths and class names.

Where pictures are files it is ``labels.csv`` with their paths; where they are not (in a table, in memory, on a hub, or
a face cut out of a picture) it is ``labels.parquet`` with the pictures in it. It opens like any other table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from labelaudit.errors import PixelError
from labelaudit.records import Progress, Stage
from labelaudit.source.interface import LabelSource
from labelaudit.source.layout import Layout
from labelaudit.source.options import SourceOptions
from labelaudit.source.pictures import FilePictures
from labelaudit.source.written import LabelPlaces, WrittenLabels, table_labels

_LABEL = "label"
_NO_CLASS = "not_a_class"
_GROUP_BYTES = 64 << 20
_GROUP_ROWS = 10_000


def write_neutral(source: LabelSource, folder: Path, progress: Progress) -> WrittenLabels:
    """Writes the given labels of a dataset as a table.

    A label that is no class ("no face") stands in a column of its own, so that reading does not make it one.

    Args:
        source: The dataset, N rows.
        folder: Takes the table.
        progress: Told how it goes.

    Returns:
        Where the labels stand in the table; its rows are the dataset's.
    """
    table = source.table
    label = [None if name not in table.labels else name for name in table.given_label]
    beside = [name if label[row] is None else None for row, name in enumerate(table.given_label)]
    columns: dict[str, Sequence[str | None]] = {"sample_id": table.sample_id}
    named = pictures_as_files(source)
    if named is not None:
        columns["path"] = table.path
    if any(name is not None for name in table.split):
        columns["split"] = table.split
    columns[_LABEL] = label
    if any(name is not None for name in beside):
        columns[_NO_CLASS] = beside
    path = folder.absolute() / ("labels.parquet" if named is None else "labels.csv")
    if named is None:
        _write_parquet(path, columns, source, progress)
    else:
        _write_csv(path, columns)
    places = LabelPlaces(Layout(path, SourceOptions()), (table_labels(path, _LABEL, range(len(table))),))
    return WrittenLabels(places, label, {name: name for name in table.labels.names})


def pictures_as_files(source: LabelSource) -> FilePictures | None:
    """The pictures of a dataset where each row shows a whole file."""
    pictures = getattr(source, "pictures", None)
    return pictures if isinstance(pictures, FilePictures) and not pictures.cropped else None


def _write_csv(path: Path, columns: dict[str, Sequence[str | None]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*([cell or "" for cell in column] for column in columns.values()), strict=True))


def _write_parquet(
    path: Path, columns: dict[str, Sequence[str | None]], source: LabelSource, progress: Progress
) -> None:
    total = len(source.table)
    texts = {name: pa.array(column, pa.string()) for name, column in columns.items()}
    schema = pa.schema([*((name, pa.string()) for name in texts), ("image", pa.binary())])
    held: list[bytes | None] = []
    start = size = 0
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=[_LABEL]) as writer:
        for row in range(total):
            held.append(content := _encoded(source, row))
            size += len(content or b"")
            if size >= _GROUP_BYTES or len(held) == _GROUP_ROWS or row == total - 1:
                cells = [column.slice(start, len(held)) for column in texts.values()]
                writer.write_table(pa.Table.from_arrays([*cells, pa.array(held, pa.binary())], schema=schema))
                start, size, held = row + 1, 0, []
                progress(Stage("pictures", start, total, "faces"))


def _encoded(source: LabelSource, row: int) -> bytes | None:
    """The picture file of a row; pixels as PNG, without loss; None where it cannot be read."""
    try:
        picture = source.read(row)
    except PixelError:
        return None
    if isinstance(picture, bytes):
        return picture
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()
