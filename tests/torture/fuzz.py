"""Fuzzing: whole files of every kind that is read, spoilt at random, thousands of times, under bounds.

Alone: ``python -m tests.torture.fuzz [--minutes 15] [--only NAME] [--seed N] [--keep FOLDER]``; what was found is kept
with the message it gave. Whatever the bytes, a reader reads them or refuses them in one line.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from labelaudit.errors import LabelAuditError

from .cases import reader_targets, run_targets
from .cases.ground import Ground, build_ground
from .cases.target import Prepared, Target
from .confined import can_confine, confined, load_everything
from .row import Row

ONE_INPUT_SECONDS = 10
MORE_BYTES = 2 << 30
_MINUTES, _QUICK_MINUTES = 15.0, 1.0
_KINDS_KEPT = 20
_LEAST = 20
"""Files that are spoilt of each target, however little time there is."""


@dataclass(frozen=True)
class Fuzzed:
    """What became of a target.

    Attributes:
        name: Of the target.
        times: How many spoilt files were read.
        refused: How many of them were refused in one line.
        found: What went wrong, a line a kind.
        seconds: What it took.
    """

    name: str
    times: int
    refused: int
    found: list[str]
    seconds: float


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """A session over every target."""
    if not can_confine():
        return [Row("fuzz", "spoilt files", 0, 0, 0.0, "needs fork and /proc")]
    ground = build_ground(folder)
    load_everything()
    done = [*session(ground, seed=seed, seconds=60 * (_QUICK_MINUTES if quick else _MINUTES), folder=folder)]
    rows = []
    for group in dict.fromkeys(_group(each.name) for each in done):
        some = [each for each in done if _group(each.name) == group]
        found = [line for each in some for line in each.found]
        times, refused = sum(each.times for each in some), sum(each.refused for each in some)
        note = found[0] if found else f"{len(some)} targets; {refused:,} refused in one line, the others read"
        rows.append(Row("fuzz", f"spoilt {group}", times, len(found), sum(each.seconds for each in some), note))
    return rows


def session(
    ground: Ground, *, seed: int, seconds: float, folder: Path, only: str = "", keep: Path | None = None
) -> Iterator[Fuzzed]:
    """Fuzzes the targets whose names hold ``only``, one after the other, for so long in all."""
    chosen = [each for each in (*reader_targets.targets(ground), *run_targets.targets(ground)) if only in each.name]
    whole = sum(each.weight for each in chosen)
    for each in chosen:
        share = seconds * each.weight / whole
        yield fuzz(each, seed=seed, seconds=share, folder=folder, keep=keep or folder / "found")


def fuzz(target: Target, *, seed: int, seconds: float, folder: Path, keep: Path) -> Fuzzed:
    """One target in a child of its own, which may die of it."""
    work = Path(tempfile.mkdtemp(dir=folder))
    (work / "in").mkdir()
    until = time.perf_counter() + seconds

    def child() -> int:
        os.chdir(work / "in")
        tally = _loop(target.prepare(work / "in"), random.Random(f"{seed} {target.name}"), until, keep / target.name)
        print(json.dumps(tally))  # noqa: T201
        return 0

    limit = seconds + 3 * ONE_INPUT_SECONDS + 30
    ended = confined(child, folder=work, seconds=limit, more_bytes=MORE_BYTES)
    if ended.code == 0:
        times, refused, found = json.loads(ended.stdout.splitlines()[-1])
    else:  # what was being read still lies there
        shutil.copytree(work / "in", keep / target.name / "ended the process", dirs_exist_ok=True)
        times, refused = 1, 0
        found = [f"{target.name}: the process ended with {ended.code}: {ended.stderr.strip()[-200:]}"]
    shutil.rmtree(work)
    return Fuzzed(target.name, times, refused, found, ended.seconds)


def _loop(prepared: Prepared, chance: random.Random, until: float, keep: Path) -> tuple[int, int, list[str]]:
    whole = {path: path.read_bytes() for path in prepared.files}
    beside = {path: path.read_bytes() for path in prepared.files[0].parent.iterdir() if path.is_file()}
    times = refused = 0
    found: dict[str, str] = {}
    prepared.read()  # as it stands, all is well
    while (time.perf_counter() < until or times < _LEAST) and len(found) < _KINDS_KEPT:
        path = chance.choice(prepared.files)
        chance.choice(prepared.spoil)(path, chance)
        times += 1
        try:
            with _at_most(ONE_INPUT_SECONDS):
                prepared.read()
        except LabelAuditError as error:
            refused += 1
            if "\n" in str(error) or not str(error):
                _note(found, f"not one line: {error!r}", path, keep)
        except Exception as error:
            _note(found, _kind(error), path, keep)
        for file, content in (beside | whole).items():
            file.write_bytes(content)
    return times, refused, list(found.values())


def _note(found: dict[str, str], kind: str, path: Path, keep: Path) -> None:
    if kind in found:
        return
    found[kind] = f"{keep.name}: {kind}"
    name = hashlib.sha256(kind.encode(errors="replace")).hexdigest()[:8]
    (keep / name).mkdir(parents=True, exist_ok=True)
    for each in path.parent.iterdir():  # what vouches for each other belongs together
        if each.is_file():
            shutil.copy(each, keep / name)
    (keep / f"{name}.txt").write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")


def _kind(error: Exception) -> str:
    """What tells findings apart: the error and where it was raised."""
    places = traceback.extract_tb(error.__traceback__)
    own = [place for place in places if "labelaudit" in place.filename] or places
    said = " ".join(str(error).split())[:120] if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno} {said}".strip()


class _TooSlowError(Exception):
    """It went on for longer than any file may take."""


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise _TooSlowError(f"still reading after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _group(name: str) -> str:
    first = name.split()[0]
    if first.isupper():
        return "pictures"
    return {"dataset": "datasets", "decisions": "decisions", "ledger": "decisions"}.get(first, "runs, models, settings")


def main() -> int:
    """A session of its own."""
    parser = argparse.ArgumentParser("python -m tests.torture.fuzz")
    parser.add_argument("--minutes", type=float, default=_MINUTES)
    parser.add_argument("--only", default="", help="targets whose names hold this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzzed"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        os.environ["HF_HUB_OFFLINE"] = "1"
        ground = build_ground(Path(name))
        load_everything()
        found = False
        for each in session(
            ground,
            seed=asked.seed,
            seconds=60 * asked.minutes,
            folder=Path(name),
            only=asked.only,
            keep=asked.keep.absolute(),
        ):
            found = found or bool(each.found)
            told = f"{each.times:>8,} read, {each.refused:>8,} refused, {len(each.found)} found"
            print("\n    ".join([f"{each.name:40} {told}", *each.found]), flush=True)  # noqa: T201
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
