"""A report on disk: read whole, a row group at a time, or a few rows of it.

A long report is read in parts, so that memory holds one row group of the columns that are asked for and not the report.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelaudit.errors import ReportError
from labelaudit.report.metadata import METADATA_KEY, ReportMetadata
from labelaudit.report.schema import report_schema
from labelaudit.rundir import RunDir

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Report:
    """A report, or a part of one, as it was read.

    Attributes:
        table: One row an input sample, in input order; the columns of ``report_schema`` that were asked for.
        metadata: Where it comes from.
    """

    table: pa.Table
    metadata: ReportMetadata

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of ``posterior``."""
        return self.metadata.classes

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a data frame; names become categoricals."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame


@dataclass(frozen=True)
class ReportFile:
    """A report on disk whose schema was checked.

    Attributes:
        path: The file.
        metadata: Where it comes from.
        rows: N.
    """

    path: Path
    metadata: ReportMetadata
    rows: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of ``posterior``."""
        return self.metadata.classes

    def __len__(self) -> int:
        return self.rows

    def read(self, columns: Sequence[str] | None = None) -> Report:
        """Reads all rows.

        Args:
            columns: Only these columns, in this order; None = all.

        Raises:
            ReportError: A column is missing, or the file cannot be read.
        """
        with _reading(self.path) as file:
            _check_known(self.path, file.schema_arrow, columns or ())
            table = _sound(file.read(columns=None if columns is None else list(columns)))
        return Report(table if columns is None else table.select(list(columns)), self.metadata)

    def parts(self, columns: Sequence[str]) -> Iterator[Report]:
        """Reads a row group after the other.

        Args:
            columns: Only these columns, in this order.

        Raises:
            ReportError: As ``read``.
        """
        with _reading(self.path) as file:
            _check_known(self.path, file.schema_arrow, columns)
            for group in range(file.num_row_groups):
                part = _sound(file.read_row_group(group, columns=list(columns)))
                yield Report(part.select(list(columns)), self.metadata)

    def take(self, rows: NDArray[np.integer], columns: Sequence[str]) -> pa.Table:
        """Reads some rows, from the row groups that hold them.

        Args:
            rows: Row numbers in [0, N), (n,), in any order.
            columns: Only these columns, in this order.

        Returns:
            A table of n rows, in the order in which they were named.

        Raises:
            ReportError: As ``read``.
        """
        with _reading(self.path) as file:
            _check_known(self.path, file.schema_arrow, columns)
            return take_rows(file, rows, columns)


def open_report(source: RunDir | Path | str) -> ReportFile:
    """Looks a report's schema and metadata up.

    Args:
        source: A run, its folder, or the path of a ``report.parquet``.

    Raises:
        ReportError: There is no report, it has another schema version, or a column is missing.
    """
    path = source.report if isinstance(source, RunDir) else Path(source)
    if path.is_dir():
        path = RunDir(path).report
    if not path.is_file():
        raise ReportError(f"{path} does not exist; name a finished run, or a report.parquet")
    with _reading(path) as file:
        schema = file.schema_arrow
        content = (schema.metadata or {}).get(METADATA_KEY)
        if content is None:
            raise ReportError(f"{path} is not a report of labelaudit; name a run, or its report.parquet")
        metadata = ReportMetadata.from_bytes(content, where=str(path))
        _check_columns(path, schema, report_schema(len(metadata.classes)))
        return ReportFile(path, metadata, int(file.metadata.num_rows))


def is_report(path: Path) -> bool:
    """Whether a file is a report of ours, of whatever schema version."""
    try:
        return METADATA_KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):
        return False


def take_rows(file: pq.ParquetFile, rows: NDArray[np.integer], columns: Sequence[str]) -> pa.Table:
    """Some rows of an open Parquet file, in the order in which they are named; only their row groups are read.

    Args:
        file: The file.
        rows: Row numbers in [0, N), (n,).
        columns: Names of columns.
    """
    order = np.argsort(rows, kind="stable")
    ascending = rows[order]
    parts = [file.schema_arrow.empty_table().select(list(columns))]
    start = 0
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        inside = ascending[np.searchsorted(ascending, start) : np.searchsorted(ascending, end)]
        if len(inside):
            parts.append(_sound(file.read_row_group(group, columns=list(columns))).take(pa.array(inside - start)))
        start = end
    found = pa.concat_tables(parts).unify_dictionaries()
    return found.take(pa.array(np.argsort(order, kind="stable")))


def _sound(table: pa.Table) -> pa.Table:
    """The table, looked through for what a reader takes as it stands: text that is no UTF-8, codes of no name."""
    table.validate(full=True)
    return table


@contextmanager
def _reading(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise ReportError(f"{path} cannot be read as Parquet ({first}); audit again") from error


def _check_columns(path: Path, found: pa.Schema, expected: pa.Schema) -> None:
    for field in expected:
        if field.name not in found.names:
            raise ReportError(f"{path} lacks the column {field.name}; audit again")
        if found.field(field.name).type != field.type:
            kind = found.field(field.name).type
            raise ReportError(f"{path} holds {kind} in {field.name}, not {field.type}; audit again")


def _check_known(path: Path, found: pa.Schema, wanted: Sequence[str]) -> None:
    for name in wanted:
        if name not in found.names:
            near = difflib.get_close_matches(name, found.names, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(found.names)}"
            raise ReportError(f"{path} has no column {name}{hint}")
