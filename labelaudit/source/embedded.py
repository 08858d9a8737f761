"""Parquet with the encoded pictures inside: one file, or a folder of shards read in the order of their names."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.cells import is_picture
from labelaudit.source.draft import Draft
from labelaudit.source.interface import Picture
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import files_signature
from labelaudit.source.tables import PARQUET_SUFFIXES, parquet_schema
from labelaudit.source.tabular import read_facts
from labelaudit.source.words import splits_of_shards
from labelaudit.source.written import LabelFile, LabelPlaces, ParquetCells, runs_of

_KEPT_GROUPS = 16
_KEPT_BYTES = 256 << 20


def _probe(layout: Layout) -> Match | None:
    shards = _shards(layout)
    if not shards:
        return None
    column = next(field.name for field in parquet_schema(shards[0]) if is_picture(field.type))
    found = shards[0].name if len(shards) == 1 else f"{len(shards):,} Parquet files"
    return Match(Fit.GENERIC, f"{found} with encoded pictures in the column {column!r}")


def _read(layout: Layout) -> Draft:
    shards = _shards(layout)
    if not shards:
        raise SourceError(f"{layout.name} holds no Parquet file with a column of encoded pictures")
    assumed: list[str] = []
    table = _small_columns(shards)
    facts = read_facts(table, layout.options, where=layout.name, assumed=assumed, needs_path=False)
    if facts.columns.image is None:
        raise SourceError(f"{layout.name} holds no column of encoded pictures; name it with --image-column")
    split = None
    if facts.columns.split is None and (by_shard := splits_of_shards([path.stem for path in shards])):
        assumed.append("splits come from the names of the Parquet files")
        split = facts.of_samples(
            [name for name, path in zip(by_shard, shards, strict=True) for _ in range(_rows(path))]
        )
    if facts.id is None:
        assumed.append("sample ids are row numbers, from 0 (--id-column)")
    pictures = ParquetPictures(shards, facts.columns.image, facts.rows)
    row_numbers = [str(row) for row in range(len(facts.label))]
    draft = facts.draft(pictures, where=layout.name, assumed=assumed, derived_ids=row_numbers, split=split)
    draft.ids_numbered = facts.id is None
    if (column := facts.own_labels) is not None:
        runs = runs_of([_rows(path) for path in shards])
        files = (LabelFile(path, ParquetCells(column), rows) for path, rows in zip(shards, runs, strict=True))
        draft.places = LabelPlaces(layout, tuple(files))
    return draft


FORMAT = Format("parquet", "Parquet with encoded pictures", _probe, _read)


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group: its file, its number in it, its rows in the whole dataset."""

    shard: int
    number: int
    start: int


class ParquetPictures:
    """Pictures in a column of Parquet files, read a row group at a time; a few groups are kept.

    Args:
        shards: The files, in order.
        column: The column that holds the pictures: bytes, or a struct of bytes and path.
        rows: Row of the files for each sample, shape (N,); None = the files' rows.
    """

    def __init__(self, shards: Sequence[Path], column: str, rows: NDArray[np.int64] | None = None) -> None:
        self._shards = shards
        self._column = column
        self._rows = rows
        self._metadata = [pyarrow.parquet.read_metadata(path) for path in shards]
        self._groups: list[_Group] = []
        start = 0
        for shard, metadata in enumerate(self._metadata):
            for number in range(metadata.num_row_groups):
                self._groups.append(_Group(shard, number, start))
                start += metadata.row_group(number).num_rows
        self._starts = np.array([group.start for group in self._groups], dtype=np.int64)
        self._kept: OrderedDict[int, pa.Array] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, row: int) -> Picture:
        """The encoded picture of one row.

        Raises:
            PixelError: The cell is empty, or its part of the file cannot be read.
        """
        row = row if self._rows is None else int(self._rows[row])
        index = int(np.searchsorted(self._starts, row, side="right")) - 1
        cells = self._group(index)
        return picture_of_cell(cells[row - self._groups[index].start].as_py())

    def signature(self) -> str:
        """Digest of the files' names, sizes and times; labels stand in the same files, so they change it too."""
        chosen = b"" if self._rows is None else self._rows.tobytes()
        return hashlib.sha256(files_signature(self._shards).encode() + chosen).hexdigest()

    def _group(self, index: int) -> pa.Array:
        # One lock for the cache and for reading: threads that want the same group wait for it instead of reading it
        # again, and Parquet reading uses the cores by itself.
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
            self._kept[index] = cells = self._load(self._groups[index])
            while len(self._kept) > 1 and (len(self._kept) > _KEPT_GROUPS or self._kept_bytes() > _KEPT_BYTES):
                self._kept.popitem(last=False)
            return cells

    def _load(self, group: _Group) -> pa.Array:
        path = self._shards[group.shard]
        try:
            with pyarrow.parquet.ParquetFile(path, metadata=self._metadata[group.shard]) as file:
                column = file.read_row_group(group.number, columns=[self._column]).column(0)
        except (pa.ArrowException, OSError) as error:
            raise PixelError(f"row group {group.number} of {path.name} cannot be read: is the file whole?") from error
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)

    def _kept_bytes(self) -> int:
        return sum(cells.nbytes for cells in self._kept.values())


def picture_of_cell(cell: Any) -> bytes:
    """The bytes of a cell: bytes, or a mapping with ``bytes`` as Hugging Face writes.

    Raises:
        PixelError: The cell is empty.
    """
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if content is None:
        raise PixelError("the row holds no picture")
    return bytes(content)


def _shards(layout: Layout) -> list[Path]:
    """Parquet files with a column of pictures; in a folder those that have the first one's columns."""
    found = [
        path
        for path in layout.with_suffix(*PARQUET_SUFFIXES)
        if any(is_picture(field.type) for field in parquet_schema(path))
    ]
    return sorted(found)


def _small_columns(shards: Sequence[Path]) -> pa.Table:
    """All columns but the pictures, whose column is there empty so that it can be chosen by its type."""
    schema = parquet_schema(shards[0])
    small = [field.name for field in schema if not is_picture(field.type)]
    pictures = [field for field in schema if is_picture(field.type)]
    tables: list[pa.Table] = []
    for path in shards:
        if parquet_schema(path).names != schema.names:
            raise SourceError(f"{path.name} has other columns than {shards[0].name}: give one of them, or their folder")
        try:
            tables.append(pyarrow.parquet.ParquetFile(path).read(columns=small))
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{path.name} cannot be read as Parquet: is it complete?") from error
    table = pa.concat_tables(tables, promote_options="permissive")
    for field in pictures:
        table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table


def _rows(path: Path) -> int:
    return int(pyarrow.parquet.read_metadata(path).num_rows)
