"""A few rows of a long report, read a row group at a time, so that memory does not grow with the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelaudit.errors import ReportError
from labelaudit.rundir import RunDir


def read_rows(run: RunDir, rows: NDArray[np.int64], *, columns: Sequence[str]) -> pa.Table:
    """Reads some rows of a report.

    Args:
        run: The run.
        rows: Row numbers in [0, N), (n,), in any order.
        columns: Names of columns.

    Returns:
        A table of n rows, in the order in which they were named.

    Raises:
        ReportError: The report cannot be read.
    """
    order = np.argsort(rows, kind="stable")
    ascending = rows[order]
    try:
        with pq.ParquetFile(run.report) as file:
            parts = [file.schema_arrow.empty_table().select(list(columns))]
            start = 0
            for group in range(file.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                inside = ascending[np.searchsorted(ascending, start) : np.searchsorted(ascending, end)]
                if len(inside):
                    parts.append(file.read_row_group(group, columns=list(columns)).take(inside - start))
                start = end
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise ReportError(f"{run.report} cannot be read as Parquet ({first}); audit again") from error
    found = pa.concat_tables(parts).unify_dictionaries()
    return found.take(np.argsort(order, kind="stable"))
