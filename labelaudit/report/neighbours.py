"""The nearest faces of every row, beside the report: what a person who decides is shown for comparison.

``neighbours.parquet`` has one row an input sample, in input order: row numbers of the nearest faces, nearest first;
null where a row was not audited.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from labelaudit.errors import ReportError
from labelaudit.records import IntArray
from labelaudit.report.file import take_rows
from labelaudit.rundir import RunDir, written_aside

SHOWN = 8
"""Neighbours that are kept of each row."""
_ROWS_A_GROUP = 131_072
SCHEMA = pa.schema([pa.field("nearest", pa.list_(pa.int32(), SHOWN), metadata={"meaning": "row numbers; -1 = none"})])


def write_neighbours(path: Path, nearest: IntArray) -> None:
    """Writes the file, whole or not at all.

    Args:
        path: The file to be.
        nearest: Row numbers, (N, M); a row that begins with -1 has none. The first ``SHOWN`` are kept.

    Raises:
        ReportError: It cannot be written.
    """
    try:
        with written_aside(path) as aside, pq.ParquetWriter(aside, SCHEMA, compression="zstd") as writer:
            for start in range(0, len(nearest), _ROWS_A_GROUP):
                writer.write_batch(_batch(nearest[start : start + _ROWS_A_GROUP]))
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}; free some space, or name another folder") from error


def _batch(nearest: IntArray) -> pa.RecordBatch:
    kept = np.full((len(nearest), SHOWN), -1, dtype=np.int32)
    kept[:, : nearest.shape[1]] = nearest[:, :SHOWN]
    column = pa.FixedSizeListArray.from_arrays(pa.array(kept.ravel()), SHOWN, mask=pa.array(kept[:, 0] < 0))
    return pa.record_batch([column], schema=SCHEMA)


def read_neighbours(run: RunDir, rows: IntArray) -> IntArray | None:
    """Row numbers of the nearest faces of some rows.

    Args:
        run: The run.
        rows: Row numbers, (n,).

    Returns:
        (n, ``SHOWN``), -1 = none; None where the run has no such file.

    Raises:
        ReportError: The file is damaged, or belongs to a report of another length.
    """
    if not run.neighbours.is_file():
        return None
    try:
        with pq.ParquetFile(run.neighbours) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise pa.ArrowInvalid(f"not the column {SCHEMA.names[0]}")
            if len(rows) and int(rows.max()) >= file.metadata.num_rows:
                raise pa.ArrowIndexError(f"{file.metadata.num_rows:,} rows")
            column = take_rows(file, rows, SCHEMA.names)["nearest"]
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise ReportError(f"{run.neighbours} cannot be read ({first}); audit again") from error
    found = np.full((len(rows), SHOWN), -1, dtype=np.int32)
    known = ~column.is_null().to_numpy()
    found[known] = column.drop_null().combine_chunks().flatten().to_numpy().reshape(-1, SHOWN)
    return found
