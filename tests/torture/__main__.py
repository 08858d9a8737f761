"""``python -m tests.torture [--part NAME ...] [--quick] [--seed N]``: the long form of every promise, as one table.

A part is a module of this folder with ``run(*, seed: int, quick: bool, folder: Path) -> list[Row]``; one that does not
exist is not listed. A part that ends in an error has lost whatever it was to show. Exit code 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

# One thread a process, so that processes can be forked and timings repeat; torch and BLAS read it when imported.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from rich.console import Console  # noqa: E402
from rich.markup import escape  # noqa: E402
from rich.table import Table  # noqa: E402

from .row import Row  # noqa: E402

PARTS = ("kill", "disk", "corpus", "fuzz", "guided", "training", "determinism", "network", "load", "scale")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the parts that were asked for, prints the table; the exit code."""
    there = [name for name in PARTS if importlib.util.find_spec(f".{name}", __package__) is not None]
    parser = argparse.ArgumentParser("python -m tests.torture", description="The long form of what is promised.")
    parser.add_argument("--part", action="append", choices=there, help="only this one; may be given again")
    parser.add_argument("--quick", action="store_true", help="the short form of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder, removed afterwards)")
    asked = parser.parse_args(arguments)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="torture-", dir=asked.folder) as root:
        private_home(Path(root))
        for name in asked.part or there:
            print(f"{name} ...", file=sys.stderr, flush=True)  # noqa: T201
            folder = Path(root) / name
            folder.mkdir()
            rows += run_part(name, seed=asked.seed, quick=asked.quick, folder=folder)
    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(table_of(rows))
    return int(any(row.lost for row in rows))


def private_home(root: Path) -> None:
    """A home of its own, so that nothing reads or fills the caches of whoever runs this."""
    os.environ["HOME"] = str(root)
    for name in ("LABELAUDIT_CACHE", "XDG_CACHE_HOME"):
        os.environ[name] = str(root / "cache")
    os.environ["HF_HUB_OFFLINE"] = "1"


def run_part(name: str, *, seed: int, quick: bool, folder: Path) -> list[Row]:
    """What a part tells; of one that ends in an error, the error."""
    start = time.perf_counter()
    try:
        module = importlib.import_module(f".{name}", __package__)
        rows: list[Row] = module.run(seed=seed, quick=quick, folder=folder)
    except Exception as error:  # the other parts still count
        traceback.print_exc()
        what = f"{type(error).__name__}: {error}"
        return [Row(name, "the whole part", 1, 1, time.perf_counter() - start, what)]
    return rows


def table_of(rows: Sequence[Row]) -> Table:
    """The table, its last line the sum."""
    table = Table(title="labelaudit: what was tried, what was lost")
    for column in ("part", "tried"):
        table.add_column(column)
    for column in ("times", "lost", "seconds"):
        table.add_column(column, justify="right")
    table.add_column("note", overflow="fold")
    last = ""
    for row in rows:
        if row.part != last and last:
            table.add_section()
        table.add_row(*_cells(row, part=row.part if row.part != last else ""))
        last = row.part
    table.add_section()
    times, lost = sum(row.times for row in rows), sum(row.lost for row in rows)
    table.add_row(*_cells(Row("in all", "", times, lost, sum(row.seconds for row in rows)), part="in all"))
    return table


def _cells(row: Row, *, part: str) -> tuple[str, ...]:
    lost = f"[bold red]{row.lost:,}[/]" if row.lost else "0"
    return (part, escape(row.tried), f"{row.times:,}", lost, f"{row.seconds:,.1f}", escape(row.note))


if __name__ == "__main__":
    sys.exit(main())
