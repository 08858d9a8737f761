"""A report of a million rows through every command under a hard limit of memory, and the review server under load.

Two limits hold a command: address space (``RLIMIT_AS``), of which libraries, threads and arenas take much that is never
touched, ends what runs away with a ``MemoryError``; and of resident memory it may have held ``LIMIT_BYTES`` at most.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labelaudit.pixels.decode import picture_size
from labelaudit.rundir import RunDir

from .row import Row

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "benchmarks"))

from big_tables import commands
from made_reports import write_made_run
from review_load import Client, make_run, server, time_decisions

PART = "load"
ROWS, QUICK_ROWS = 1_000_000, 30_000
LIMIT_BYTES = 1_500_000_000
"""Resident memory that a command may reach."""
_MAPPED_BYTES = 3_000_000_000
"""Address space beside it that is mapped and not touched."""
_P99_MS = 50.0


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """Commands on a long report, then decisions from 8 and from 200 people at once."""
    rows = QUICK_ROWS if quick else ROWS
    return [*_commands(rows, seed=seed, folder=folder), *_reviews(quick=quick, folder=folder)]


@dataclass(frozen=True)
class Told:
    """How a command ended.

    Attributes:
        code: Its exit code.
        peak: Most resident memory that it held, in bytes.
        stderr: The end of what it said there.
    """

    code: int
    peak: int
    stderr: str


def limited(words: list[str], *, folder: Path, address_space: int = LIMIT_BYTES + _MAPPED_BYTES) -> Told:
    """A command of the tool in a process that may not take more.

    Args:
        words: The command's name and its arguments.
        folder: Where it works.
        address_space: Bytes that it may map.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))

    said = folder / "stderr.txt"
    command = [sys.executable, "-m", "labelaudit", *words]
    with (
        said.open("wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, cwd=folder, preexec_fn=limit) as process,
    ):
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1_024
    text = said.read_text(encoding="utf-8", errors="replace")
    return Told(process.returncode, used.ru_maxrss * unit, " ".join(text.split())[-300:])


def _commands(rows: int, *, seed: int, folder: Path) -> Iterator[Row]:
    for name, relabelled in (("run", 0), ("later", 20)):
        write_made_run(folder / name, rows=rows, seed=seed, relabelled=relabelled, pictured=120)
    manifest = str(folder / "run-faces" / "labels.csv")
    inspect = ["inspect", manifest, "--json", "--cache-dir", str(folder / "cache")]
    for name, words in {**commands(folder), "inspect": inspect}.items():
        start = time.perf_counter()
        # Memory is bounded but for the pixel cache, which is mapped whole: address space, not memory.
        mapped = _cache_bytes(folder / "run-faces", rows) if name == "inspect" else 0
        told = limited([*words, "--quiet"], folder=folder, address_space=LIMIT_BYTES + _MAPPED_BYTES + mapped)
        codes = (0, 1) if words[0] == "check" else (0,)  # 1: the gate found too much
        fine = told.code in codes and told.peak <= LIMIT_BYTES
        note = f"{told.peak / 1e6:,.0f} MB" if fine else f"{told.peak / 1e6:,.0f} MB, code {told.code}: {told.stderr}"
        yield Row(PART, f"{name}: {rows:,} rows", 1, int(not fine), time.perf_counter() - start, note)


def _cache_bytes(faces: Path, rows: int) -> int:
    """The pixel cache of so many rows of faces: three bytes a pixel, at the side of the largest face."""
    sides = [max(picture_size(path.read_bytes())) for path in faces.rglob("*.png")]
    return rows * max(sides) ** 2 * 3


def _reviews(*, quick: bool, folder: Path) -> Iterator[Row]:
    decisions = 400 if quick else 10_000
    for people, rows in ((8, QUICK_ROWS if quick else ROWS), (200, 400)):
        place = folder / f"review-{people}"
        place.mkdir()
        reviewed = make_run(place, rows=rows)
        start = time.perf_counter()
        with server(reviewed, "--top", "400") as (client, _, process):
            lost, note = _decided(client, reviewed, decisions=decisions, people=people)
            peak = _held(process.pid)
        tried = f"{decisions:,} decisions from {people} people: {rows:,} rows"
        lost += int(peak > LIMIT_BYTES)
        yield Row(PART, tried, decisions, lost, time.perf_counter() - start, f"{note}, {peak / 1e6:,.0f} MB")


def _decided(client: Client, run: RunDir, *, decisions: int, people: int) -> tuple[int, str]:
    """How many decisions were lost, and how long one took."""
    try:
        told = time_decisions(client, run, decisions=decisions, clients=people)
    except SystemExit as error:
        return 1, str(error)
    slow = f" (above {_P99_MS:.0f})" if people == 8 and float(str(told["decision ms p99"])) > _P99_MS else ""
    return 0, f"p99 {told['decision ms p99']} ms{slow}, {told['decisions a second']} a second"


def _held(pid: int) -> int:
    """Most resident memory of a process so far, in bytes; 0 where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return 0
    [line] = [each for each in status.read_text(encoding="ascii").splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) * 1_024
