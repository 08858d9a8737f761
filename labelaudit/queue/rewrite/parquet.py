"""Parquet files: a column's cells changed, a row group at a time; types, row groups, compression and metadata kept.

A spelling is the cell as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelaudit.errors import DecisionError
from labelaudit.source.written import ParquetCells

_PLAIN = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}


class ParquetRewriter:
    """A ``Rewriter`` of Parquet files.

    Args:
        form: Which column holds the labels.
    """

    def __init__(self, form: ParquetCells) -> None:
        self._column = form.column

    def spellings(self, path: Path) -> list[str | None]:
        """Every cell of the column as JSON."""
        with _opened(path) as file:
            return as_json(file.read(columns=[self._column]).column(0))

    def write_edited(
        self, path: Path, target: Path, edits: Mapping[int, str], left_out: Collection[int], aside: Path
    ) -> list[int]:
        """Writes the file with new cells and without some rows; gives the numbers of those."""
        out = np.array(sorted(left_out), dtype=np.int64)
        taken: list[pa.Table] = []
        start = 0
        with _opened(path) as file, _writer(target, file) as writer:
            for number in range(file.num_row_groups):
                group = with_cells(file.read_row_group(number), self._column, edits, start)
                here = out[(out >= start) & (out < start + group.num_rows)] - start
                start += group.num_rows
                if len(here):
                    kept = np.ones(group.num_rows, dtype=bool)
                    kept[here] = False
                    taken.append(_taken(group, here))
                    group = _taken(group, np.flatnonzero(kept))
                writer.write_table(group, row_group_size=max(group.num_rows, 1))
        if taken:
            pq.write_table(pa.concat_tables(taken), aside)
        return sorted(left_out)

    def write_joined(self, path: Path, target: Path, places: Sequence[int], aside: Path) -> None:
        """Writes the file with the rows of ``aside`` back in their places."""
        returned = pq.read_table(aside)
        at = np.array(places, dtype=np.int64)
        first, given = 0, 0  # the place of the next row of the file, and the rows of ``aside`` that are back
        with _opened(path) as file, _writer(target, file) as writer:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number)
                last = number == file.num_row_groups - 1
                here = _places_of(group.num_rows, first, at[given:], to_the_end=last)
                back = returned.slice(given, int((~here).sum())).cast(group.schema)
                order = np.argsort(np.concatenate([np.flatnonzero(here), np.flatnonzero(~here)]))
                joined = _taken(pa.concat_tables([group, back]), order)
                writer.write_table(joined, row_group_size=max(len(here), 1))
                first += len(here)
                given += back.num_rows


def _places_of(rows: int, first: int, at: Any, *, to_the_end: bool) -> Any:
    """From place ``first`` on, whether a row of the file stands there or one that comes back, until all rows do."""
    here: list[bool] = []
    returning = iter(at.tolist())
    place = next(returning, None)
    while rows or (to_the_end and place is not None):
        comes_back = place == first + len(here)
        here.append(not comes_back)
        if comes_back:
            place = next(returning, None)
        else:
            rows -= 1
    return np.array(here, dtype=bool)


def _taken(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """Some rows of a table. Arrow cannot take from views of text, as some programs write it."""
    plain = [pa.field(each.name, _PLAIN.get(each.type, each.type), each.nullable) for each in table.schema]
    return table.cast(pa.schema(plain)).take(pa.array(rows)).cast(table.schema)


def as_json(column: pa.ChunkedArray) -> list[str | None]:
    """Every cell as JSON; equal cells are written once."""
    spelled: dict[Any, str] = {}
    return [spelled.setdefault(cell, json.dumps(cell, default=str)) for cell in column.to_pylist()]


def with_cells(table: pa.Table, column: str, edits: Mapping[int, str], start: int) -> pa.Table:
    """The table with new cells in a column.

    Args:
        table: Rows ``start`` and following.
        column: Its name.
        edits: Row -> the new cell as JSON.
        start: Number of the table's first row.
    """
    mine = {row - start: json.loads(text) for row, text in edits.items() if start <= row < start + table.num_rows}
    if not mine:
        return table
    index = table.schema.get_field_index(column)
    cells = table.column(index).to_pylist()
    for row, cell in mine.items():
        cells[row] = cell
    return table.set_column(index, table.schema.field(index), pa.array(cells, table.schema.field(index).type))


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except pa.ArrowException as error:
        first = str(error).partition("\n")[0][:200]
        raise DecisionError(f"{path.name} cannot be read or written as Parquet ({first})") from error


@contextmanager
def _writer(target: Path, like: pq.ParquetFile) -> Iterator[pq.ParquetWriter]:
    """A writer that compresses and encodes as a file does."""
    about = like.metadata
    chunks = [about.row_group(0).column(index) for index in range(about.num_columns)] if about.num_row_groups else []
    compression = {chunk.path_in_schema: chunk.compression.lower() for chunk in chunks}
    with pq.ParquetWriter(
        target,
        like.schema_arrow,
        version=about.format_version if about.format_version in ("1.0", "2.4", "2.6") else "2.6",
        compression={name: "none" if kind == "uncompressed" else kind for name, kind in compression.items()}
        or "snappy",
        use_dictionary=[chunk.path_in_schema for chunk in chunks if any("DICT" in each for each in chunk.encodings)],
        store_schema=b"ARROW:schema" in (about.metadata or {}),
    ) as writer:
        yield writer
