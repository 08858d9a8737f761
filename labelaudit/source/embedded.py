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
from labelaudit.source.options import SourceOptions
from labelaudit.source.shard import Shard, shard_on_disk
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
    files = _shards(layout)
    if not files:
        raise SourceError(f"{layout.name} holds no Parquet file with a column of encoded pictures")
    shards = [shard_on_disk(path) for path in files]
    draft, column = parquet_draft(shards, layout.options, where=layout.name)
    if column is not None:
        runs = runs_of([shard.metadata.num_rows for shard in shards])
        labelled = (LabelFile(path, ParquetCells(column), rows) for path, rows in zip(files, runs, strict=True))
        draft.places = LabelPlaces(layout, tuple(labelled))
    return draft


def parquet_draft(shards: Sequence[Shard], options: SourceOptions, *, where: str) -> tuple[Draft, str | None]:
    """Reads Parquet with the pictures inside, wherever it is.

    Args:
        shards: The files, in order.
        options: What the user said about the columns.
        where: What messages call the dataset.

    Returns:
        The draft, and the column that holds a label a sample where there is one.

    Raises:
        SourceError: The files differ in their columns, hold no pictures or labels, or cannot be read.
    """
    assumed: list[str] = []
    table = _small_columns(shards)
    facts = read_facts(table, options, where=where, assumed=assumed, needs_path=False)
    if facts.columns.image is None:
        raise SourceError(f"{where} holds no column of encoded pictures; name it with --image-column")
    split = None
    if facts.columns.split is None and (by_shard := splits_of_shards([Path(shard.name).stem for shard in shards])):
        assumed.append("splits come from the names of the Parquet files")
        rows_by_shard = ([name] * shard.metadata.num_rows for name, shard in zip(by_shard, shards, strict=True))
        split = facts.of_samples([name for names in rows_by_shard for name in names])
    if facts.id is None:
        assumed.append("sample ids are row numbers, from 0 (--id-column)")
    pictures = ParquetPictures(shards, facts.columns.image, facts.rows)
    row_numbers = [str(row) for row in range(len(facts.label))]
    draft = facts.draft(pictures, where=where, assumed=assumed, derived_ids=row_numbers, split=split)
    draft.ids_numbered = facts.id is None
    return draft, facts.own_labels


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

    def __init__(self, shards: Sequence[Shard], column: str, rows: NDArray[np.int64] | None = None) -> None:
        self._shards = shards
        self._column = column
        self._rows = rows
        self._groups: list[_Group] = []
        start = 0
        for shard, metadata in enumerate(each.metadata for each in shards):
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
        cells, group = self._group(index), self._groups[index]
        if row - group.start >= len(cells):
            raise PixelError(f"row group {group.number} of {self._shards[group.shard].name} is shorter than it says")
        return picture_of_cell(cells[row - group.start].as_py())

    def signature(self) -> str:
        """Digest of the files' names, sizes and times; labels stand in the same files, so they change it too."""
        chosen = b"" if self._rows is None else self._rows.tobytes()
        stamps = hashlib.sha256("".join(shard.stamp() for shard in self._shards).encode("utf-8", "surrogateescape"))
        return hashlib.sha256(stamps.hexdigest().encode() + chosen).hexdigest()

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
        shard = self._shards[group.shard]
        try:
            with shard.opened() as file:
                column = file.read_row_group(group.number, columns=[self._column]).column(0)
        except (pa.ArrowException, OSError) as error:
            raise PixelError(f"row group {group.number} of {shard.name} cannot be read: is the file whole?") from error
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


def _small_columns(shards: Sequence[Shard]) -> pa.Table:
    """All columns but the pictures, whose column is there empty so that it can be chosen by its type."""
    schema = shards[0].schema
    small = [field.name for field in schema if not is_picture(field.type)]
    pictures = [field for field in schema if is_picture(field.type)]
    tables: list[pa.Table] = []
    for shard in shards:
        if shard.schema.names != schema.names:
            raise SourceError(
                f"{shard.name} has other columns than {shards[0].name}: give one of them, or their folder"
            )
        try:
            with shard.opened() as file:
                tables.append(file.read(columns=small))
            tables[-1].validate(full=True)  # a reader does not look whether text is UTF-8
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{shard.name} cannot be read as Parquet: is it complete?") from error
    table = pa.concat_tables(tables, promote_options="permissive")
    for field in pictures:
        table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table
