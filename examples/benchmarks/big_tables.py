"""Report tables of a million rows and more: seconds and peak memory of writing, reading, counting, checking, ranking.

    python examples/benchmarks/big_tables.py --rows 1000000 10000000
    python examples/benchmarks/big_tables.py --rows 1000000 --commands          # every command of the tool, too

Every operation runs in a process of its own, and its peak is what that process has held at most (``ru_maxrss``), with
Python and the libraries in it. The rows are made as they are written (``made_reports``); how long making them takes is
measured apart. One JSON line an operation is appended to big_tables.jsonl, and ratios between sizes are printed: what
grows with the rows has a ratio of seconds near that of the rows, and what is held per row shows in that of the peaks.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from made_reports import Drawn, made_report, write_made_run

RESULTS = Path(__file__).with_name("big_tables.jsonl")
_SLICE = 131_072


@dataclass(frozen=True)
class Measured:
    """What one operation took.

    Attributes:
        operation: Its name.
        rows: Of the report.
        seconds: From start to end, without starting Python; of a command with it.
        peak_mb: Most that its process held.
    """

    operation: str
    rows: int
    seconds: float
    peak_mb: int


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[1_000_000])
    parser.add_argument("--commands", action="store_true", help="every command on each report, too")
    parser.add_argument("--folder", type=Path, default=None, help="where reports are written; removed at the end")
    parser.add_argument("--operation", default=None, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.operation is not None:
        _in_this_process(told.operation, told.folder, told.rows[0])
        return
    found: list[Measured] = []
    for rows in told.rows:
        with tempfile.TemporaryDirectory(dir=told.folder) as name:
            folder = Path(name)
            found += [_apart(operation, folder, rows) for operation in OPERATIONS]
            if told.commands:
                write_made_run(folder / "run", rows=rows)
                write_made_run(folder / "later", rows=rows, relabelled=200)
                found += [run_command(name, words, folder, rows) for name, words in commands(folder).items()]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with RESULTS.open("a", encoding="utf-8") as file:
        for each in found:
            file.write(json.dumps({**asdict(each), "cores": cores, "load": round(os.getloadavg()[0], 1)}) + "\n")
    print_ratios(found, told.rows)


def print_ratios(found: list[Measured], sizes: list[int]) -> None:
    """A line an operation, each larger size beside the smallest."""
    first = {each.operation: each for each in found if each.rows == sizes[0]}
    for each in found:
        before = first[each.operation]
        ratio = f"  x{each.seconds / before.seconds:5.1f} time  x{each.peak_mb / before.peak_mb:5.1f} peak"
        more = ratio if each is not before else ""
        print(f"{each.operation:24s} {each.rows:>12,} rows {each.seconds:8.2f} s {each.peak_mb:6,} MB{more}")


def make(_folder: Path, rows: int) -> None:
    """What making the rows takes that ``write`` writes."""
    for value in made_report(rows).records().values():
        for name in getattr(value, "__dataclass_fields__", ()):
            column = getattr(value, name)
            if isinstance(column, Drawn):
                for start in range(0, rows, _SLICE):
                    column[start : start + _SLICE]


def write(folder: Path, rows: int) -> None:
    """Writes the report, rows made as they are written."""
    from labelaudit.report.table import write_report

    write_report(folder / "report.parquet", **made_report(rows).records())


def read(folder: Path, rows: int) -> None:
    """Reads every column of every row, a row group at a time."""
    from labelaudit.report.file import open_report
    from labelaudit.report.schema import report_schema

    report = open_report(folder / "report.parquet")
    assert sum(len(part) for part in report.parts(report_schema(len(report.classes)).names)) == rows


def summary(folder: Path, rows: int) -> None:
    """Counts the figures of a run."""
    from labelaudit.report.summary import summarise_run

    assert summarise_run(folder / "report.parquet").rows == rows


def gate(folder: Path, rows: int) -> None:
    """Holds the report against limits."""
    from labelaudit.gate.run import check

    limits = {"max-mislabelled": "50%", "max-ambiguous": {"class 01": "90%"}, "min-class-count": 50}
    assert check(folder / "report.parquet", limits).rows == rows


def rank(folder: Path, _rows: int) -> None:
    """Chooses the first 200 rows of the queue and reads what annotators are told of them."""
    from labelaudit.queue.select import QueueChoice, read_queue

    queue, _ = read_queue(folder / "report.parquet", QueueChoice())
    assert [item.rank for item in queue.items[:3]] == [1, 2, 3]


OPERATIONS: dict[str, Callable[[Path, int], None]] = {
    each.__name__: each for each in (make, write, read, summary, gate, rank)
}


def commands(folder: Path) -> dict[str, list[str]]:
    """Every command that reads a finished run, by a short name."""
    run, later = str(folder / "run"), str(folder / "later")
    queue = ["queue", run, "--top", "0", "--force"]
    decisions = write_decisions(folder)
    return {
        "report": ["report", run, "--no-images", "--force"],
        "report with pictures": ["report", run, "--force"],
        "queue, first 200": ["queue", run, "--force"],
        "queue csv, all": [*queue, "--format", "csv"],
        "queue parquet, all": [*queue, "--format", "parquet"],
        "queue label-studio, all": [*queue, "--format", "label-studio", "--picture-root", "https://faces.example.org/"],
        "queue cvat, 20,000": ["queue", run, "--top", "20000", "--format", "cvat", "--picture-root", "faces/"],
        "queue fiftyone, all": [*queue, "--format", "fiftyone", "--picture-root", "https://faces.example.org/"],
        "spot check": ["queue", run, "--spot-check", "60", "--force"],
        "check": ["check", run, "--max-mislabelled", "50%"],
        "check sarif": ["check", run, "--max-mislabelled", "50%", "--output", f"sarif={folder / 'check.sarif'}"],
        "check against baseline": ["check", later, "--max-mislabelled", "50%", "--baseline", run],
        "compare": ["compare", run, later],
        "apply": ["apply", run, str(decisions), "--out", str(folder / "labels"), "--as", "manifest", "--skip-test"],
    }


def write_decisions(folder: Path) -> Path:
    """Labels for the first 100 rows of the queue, as an annotator gives them back."""
    from labelaudit.decision import Decision, Ruling
    from labelaudit.queue.decision_lines import write_decision_lines
    from labelaudit.queue.select import QueueChoice, read_queue

    queue, _ = read_queue(folder / "run", QueueChoice(top=100))
    path = folder / "decided.jsonl"
    told = [(item, item.suggested_label) for item in queue.items]
    write_decision_lines(
        path,
        [
            Decision(item.sample_id, Ruling.LABEL, label, "ann", content_sha256=item.content_sha256)
            for item, label in told
            if label is not None
        ],
    )
    return path


def run_command(name: str, words: list[str], folder: Path, rows: int) -> Measured:
    """A command in a process of its own, which must end well; a check may find too much."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "labelaudit", *words, "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not (words[0] == "check" and process.returncode == 1):  # 1: the gate found too much
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return Measured(f"$ {name}", rows, round(time.perf_counter() - start, 2), round(used.ru_maxrss * _UNIT / 1e6))


def _apart(operation: str, folder: Path, rows: int) -> Measured:
    """An operation in a process of its own."""
    command = [sys.executable, __file__, "--operation", operation, "--folder", str(folder), "--rows", str(rows)]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return Measured(operation, rows, *json.loads(told))


def _in_this_process(operation: str, folder: Path, rows: int) -> None:
    start = time.perf_counter()
    OPERATIONS[operation](folder, rows)
    seconds = round(time.perf_counter() - start, 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    print(json.dumps([seconds, round(peak / 1e6)]))


_UNIT = 1 if sys.platform == "darwin" else 1_024
"""Bytes in which ``ru_maxrss`` counts."""


if __name__ == "__main__":
    main()
