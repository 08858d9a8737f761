"""Reports read in parts, and a few rows of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from labelaudit.report.file import take_rows


def test_rows_of_a_long_report_are_read_a_group_at_a_time(tmp_path: Path) -> None:
    table = pa.table({"n": range(100), "name": pa.array([f"k{n % 7}" for n in range(100)]).dictionary_encode()})
    pq.write_table(table, tmp_path / "long.parquet", row_group_size=9)
    rows = np.array([99, 0, 50, 8, 9, 50])
    with pq.ParquetFile(tmp_path / "long.parquet") as file:
        found = take_rows(file, rows, ["name", "n"])
        assert take_rows(file, rows[:0], ["n"]).num_rows == 0
    assert found["n"].to_pylist() == rows.tolist()
    assert found["name"].to_pylist() == [f"k{n % 7}" for n in rows]
