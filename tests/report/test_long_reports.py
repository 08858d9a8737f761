"""What long reports cost: memory for a row group and a few numbers a row, whatever else a row holds."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_reports import made_report

from labelaudit.gate.run import check
from labelaudit.queue.select import QueueChoice, read_queue, select_queue
from labelaudit.report import table
from labelaudit.report.file import open_report
from labelaudit.report.neighbours import read_neighbours, write_neighbours
from labelaudit.report.summary import summarise, summarise_run
from labelaudit.report.table import read_report, write_report
from labelaudit.rundir import RunDir

SHORT, LONG = 8_192, 16_384
COUNTED: list[pa.MemoryPool] = []  # whoever still holds a buffer of a pool needs the pool


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Path]]:
    """Two reports in small row groups, one twice as long."""
    folder = tmp_path_factory.mktemp("long")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "ROWS_A_GROUP", 2_048)
        for rows in (SHORT, LONG):
            write_report(folder / f"{rows}.parquet", **made_report(rows).records())
        yield {rows: folder / f"{rows}.parquet" for rows in (SHORT, LONG)}


def grown_a_row(work: Callable[[Path, int], object], reports: dict[int, Path]) -> float:
    """Bytes by which the peak of Python, numpy and Arrow grows with each row."""
    peaks = []
    for rows in (SHORT, SHORT, LONG):  # the first time loads what is loaded once
        usual, counted = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
        COUNTED.append(counted)
        pa.set_memory_pool(counted)
        tracemalloc.start()
        try:
            work(reports[rows], rows)
            peaks.append(tracemalloc.get_traced_memory()[1] + counted.max_memory())
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(usual)
    return (peaks[2] - peaks[1]) / (LONG - SHORT)


def _write(path: Path, rows: int) -> None:
    write_report(path.with_suffix(".again"), **made_report(rows).records())


def _read_in_parts(path: Path, rows: int) -> None:
    assert sum(len(part) for part in open_report(path).parts(("sample_id", "posterior"))) == rows


@pytest.mark.parametrize(
    ("work", "most"),
    [
        (_write, 80.0),  # the index of each given label; the rest is what the file says of each small row group
        (_read_in_parts, 2.0),
        (lambda path, _: summarise_run(path), 4.0),  # group and label of each copy
        (lambda path, _: check(path, {"max-mislabelled": "50%"}), 90.0),
        (lambda path, _: read_queue(path, QueueChoice(top=20)), 160.0),
    ],
    ids=["write", "read in parts", "summary", "gate", "rank"],
)
def test_memory_grows_by_a_few_numbers_a_row(
    work: Callable[[Path, int], object], most: float, reports: dict[int, Path]
) -> None:
    assert grown_a_row(work, reports) < most


def test_reading_whole_reports_is_what_the_bounds_above_forbid(reports: dict[int, Path]) -> None:
    assert grown_a_row(lambda path, _: read_report(path), reports) > 160.0


def test_figures_of_parts_are_those_of_the_whole(reports: dict[int, Path]) -> None:
    assert summarise_run(reports[SHORT]) == summarise(read_report(reports[SHORT]))
    found = summarise_run(reports[SHORT])
    assert found.rows == SHORT == sum(found.verdicts.values())
    assert found.duplicates.groups == -(-(SHORT - 12) // 100)
    assert [row.queue_rank for row in found.worst] == list(range(1, 11))


def test_a_queue_is_the_same_however_its_rows_were_read(reports: dict[int, Path]) -> None:
    choice = QueueChoice(top=50, classes=("class 01", "class 05"))
    assert read_queue(reports[SHORT], choice)[0] == select_queue(read_report(reports[SHORT]), choice)


def test_some_rows_are_read_in_the_order_that_was_asked_for(reports: dict[int, Path]) -> None:
    rows = np.array([8_191, 0, 7_000, 2_047, 2_048, 7_000])
    found = open_report(reports[SHORT]).take(rows, ("sample_id", "queue_rank"))
    assert found["sample_id"].to_pylist() == made_report(SHORT).sample_id(rows)


def test_neighbours_of_some_rows_come_from_their_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.report.neighbours._ROWS_A_GROUP", 7)
    nearest = np.arange(50 * 10, dtype=np.int32).reshape(50, 10)
    nearest[3] = -1
    write_neighbours(RunDir(tmp_path).neighbours, nearest)
    found = read_neighbours(RunDir(tmp_path), np.array([49, 3, 0], dtype=np.int32))
    assert found is not None
    assert found.tolist() == [nearest[49, :8].tolist(), [-1] * 8, nearest[0, :8].tolist()]
