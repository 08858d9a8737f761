"""Disks that fill up, cannot be written, lose or change what they hold; clocks that jump; two runs on one folder.

Whatever happens, a command says it in one line and ends with exit code 2 (143 where the system asked it to end), or is
done and right; nothing is half written, nothing else is touched, and run once more it gives the undisturbed result.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from .acts import Act, Files, Ground, act_named, left_by
from .disk_cache import damaged_rows
from .disk_full import full_rows, read_only_rows
from .judge import begin, differing
from .row import Row, row_of, spread, told
from .stage import Ended, Stage, open_stage

PART = "disk"
TERMINATED = ("audit, heads", "demo", "queue, Label Studio", "apply --force over another", "score")
JUMPED = ("audit, heads", "queue, csv", "apply, links", "apply --undo", "report")
YEAR = 365 * 86_400.0
_PATIENCE = 120.0


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """All of it; the short form a moment of each."""
    rng = random.Random(seed)
    with open_stage() as stage:
        ground = Ground(folder, stage)
        rows = [told(row) for row in full_rows(ground, rng, times=1 if quick else 8)]
        rows += [told(row) for row in read_only_rows(ground)]
        rows += [told(row) for row in damaged_rows(ground, quick=quick)]
        rows.append(told(_terminated(ground, rng, times=1 if quick else 6)))
        rows.append(told(_clock(ground, quick=quick)))
        rows.append(told(_two_runs(ground)))
        rows.append(told(_other_disk(ground)))
    return rows


def _terminated(ground: Ground, rng: random.Random, *, times: int) -> Row:
    """SIGTERM, as a scheduler sends it, before one of a command's steps."""

    def losses() -> Iterable[str | None]:
        for act in map(act_named, TERMINATED):
            undisturbed, expected = ground.undisturbed(act)
            for step in spread(undisturbed.steps, times, rng):
                trial = begin(act, ground)
                ended = ground.stage.run(replace(trial.job, at=step, signal=signal.SIGTERM))
                lost = trial.lost(expected)
                # the very last steps are those of a process that is done and tidies up
                if ended.code not in (143, 0) or (ended.code == 143 and not ended.is_one_line()):
                    lost.insert(0, f"exit code {ended.code}: {ended.last_line}")
                yield f"{act.name}, step {step}: {lost[0]}" if lost else None

    return row_of(PART, "SIGTERM", losses())


def _clock(ground: Ground, *, quick: bool) -> Row:
    """A clock that goes backwards or leaps, further with every look at it."""

    def losses() -> Iterable[str | None]:
        for act in map(act_named, JUMPED[2:4] if quick else JUMPED):
            _, expected = ground.undisturbed(act)
            for jump in (-3_600.0, -YEAR, YEAR):
                trial = begin(act, ground)
                ended = ground.stage.run(replace(trial.job, clock=jump))
                lost = [] if ended.code == 0 else [f"exit code {ended.code}: {ended.last_line}"]
                lost += differing(left_by(act, trial.place), expected) + trial.lost(expected)
                yield f"{act.name}, {jump:+,.0f} s: {lost[0]}" if lost else None

    return row_of(PART, "clock jumps", losses())


def _two_runs(ground: Ground) -> Row:
    """A run meets others on its folder, and another folder's run on its cache."""
    act = act_named("audit, heads")

    def losses() -> Iterable[str | None]:
        _, expected = ground.undisturbed(act)
        with open_stage() as second:
            for more in ("", "--resume", "--force"):
                place = ground.new_place(act.start)
                first = ground.job(act, place)
                process = ground.stage.begin(first)
                wait_for(lambda place=place: (place / "run" / "run.json").exists(), ground.stage)  # type: ignore[misc]
                os.kill(process, signal.SIGSTOP)  # or it might be done before the other looks
                other = replace(first, arguments=(*first.arguments, *more.split()), folder=f"{place}-other")
                refused = second.run(other)
                os.kill(process, signal.SIGCONT)
                ended = ground.stage.end(first)
                yield _refused_or_lost(refused, ended, left_by(act, place), expected)
            place = ground.new_place(act.start)
            first = ground.job(act, place)
            beside = replace(act, command=act.command.replace("{here}/run", "{here}/beside"), leaves=("beside",))
            ground.stage.begin(first)
            both = second.run(replace(ground.job(beside, place), folder=f"{place}-other"))
            ended = ground.stage.end(first)
            if (both.code, ended.code) != (0, 0):
                yield f"on one cache: exit codes {both.code} and {ended.code}: {both.last_line}{ended.last_line}"
            else:
                here = {path.replace("beside", "run", 1): each for path, each in left_by(beside, place).items()}
                wrong = differing(left_by(act, place), expected) + differing(here, expected)
                yield wrong[0] if wrong else None

    return row_of(PART, "two runs at once: one folder, one cache", losses())


def _refused_or_lost(refused: Ended, ended: Ended, found: Files, expected: Files) -> str | None:
    if refused.code != 2 or not refused.is_one_line() or "in use by another labelaudit" not in refused.last_line:
        return f"the second run ended with {refused.code}: {refused.last_line}"
    if ended.code:
        return f"the first run ended with {ended.code}: {ended.last_line}"
    wrong = differing(found, expected)
    return wrong[0] if wrong else None


def _other_disk(ground: Ground) -> Row:
    """Output on another file system than the dataset and the cache."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == ground.base.stat().st_dev:
        return Row(PART, "output on another file system", 0, 0, 0.0, "there is no other here")

    def losses() -> Iterable[str | None]:
        for name in ("audit, heads", "apply, a copy", "apply --undo", "queue, Label Studio"):
            act = act_named(name)
            expected = {**ground.undisturbed(act)[1]}
            with tempfile.TemporaryDirectory(dir=shm) as away:
                ended, found = _away(ground, act, Path(away) / "place")
            expected.pop("run/dataset.json", None)
            found.pop("run/dataset.json", None)
            wrong = differing(found, expected)
            yield f"{name}: exit code {ended.code}: {ended.last_line} {wrong[:1]}" if ended.code or wrong else None
        with tempfile.TemporaryDirectory(dir=shm) as away:
            ended, _ = _away(ground, act_named("apply, links"), Path(away) / "place")
        said = ended.code == 2 and ended.is_one_line() and "--as copy does without" in ended.last_line
        yield None if said else f"links: {ended.code}: {ended.last_line}"

    return row_of(PART, "output on another file system", losses())


def _away(ground: Ground, act: Act, place: Path) -> tuple[Ended, Files]:
    shutil.copytree(ground.new_place(act.start), place)
    dataset = place / "run" / "dataset.json"
    if dataset.exists():  # its path is relative, and the way is another one from here
        content = dataset.read_text(encoding="utf-8")
        way = os.path.relpath(ground.base.resolve() / "faces", dataset.parent.resolve())
        dataset.write_text(content.replace("../../faces", way), encoding="utf-8")
    return ground.stage.run(ground.job(act, place)), left_by(act, place)


def wait_for(ready: Callable[[], bool], stage: Stage) -> None:
    """Waits until something is so; gives up where the job hangs."""
    until = time.monotonic() + _PATIENCE
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"process {stage.running} hangs")
        time.sleep(0.002)
