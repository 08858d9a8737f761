"""Disks that fill up or cannot be written: in the middle of a file, at a step, as a whole, and by their modes."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from .acts import Act, Ground, act_named, left_by, remove_place
from .forks import Job
from .judge import Trial, begin, differing
from .row import Row, row_of, spread
from .stage import Ended

FILLING = ("audit, heads", "score", "report", "queue, Label Studio", "apply, a copy", "apply --undo", "demo")
_SMALLEST, _LARGEST = 1_024, 2_000_000
"""Bytes; what a command says of it goes to a file, too, and is to fit."""
_DISKS = (40, 120, 250, 400, 700, 1_500)
"""Sizes in KiB; an audit of the small dataset and its cache take some 3 MiB."""


def full_rows(ground: Ground, rng: random.Random, *, times: int) -> Iterator[Row]:
    """A full disk in three ways, so many times for each command."""
    yield row_of("disk", "no file may grow past a size", _grown(ground, rng, times))
    yield row_of("disk", "no room at a step", _refused(ground, rng, times))
    with _mounted(ground.base / "mounted", 1_000) as possible:
        pass
    if possible:
        yield row_of("disk", "a small disk that fills up", _small_disks(ground, _DISKS[:: 1 if times > 1 else 3]))
    else:
        yield Row("disk", "a small disk that fills up", 0, 0, 0.0, "no right to mount one here")


def read_only_rows(ground: Ground) -> Iterator[Row]:
    """Folders that cannot be written."""
    note = "root without its rights" if os.geteuid() == 0 else ""
    yield row_of("disk", "read-only folders", _read_only(ground), note)


def _grown(ground: Ground, rng: random.Random, times: int) -> Iterable[str | None]:
    for act in map(act_named, FILLING):
        _, expected = ground.undisturbed(act)
        for number in range(times):
            share = (number + rng.random()) / times
            size = int(
                _SMALLEST * (_LARGEST / _SMALLEST) ** share
            )  # as often between 100 and 200 as between 1 and 2 MB
            trial = begin(act, ground)
            ended = ground.stage.run(replace(trial.job, file_size=size))
            yield _said_and_lost(f"{act.name}, {size:,} bytes", trial, ended, expected)


def _refused(ground: Ground, rng: random.Random, times: int) -> Iterable[str | None]:
    for act in map(act_named, FILLING):
        undisturbed, expected = ground.undisturbed(act)
        for step in spread(undisturbed.steps, times, rng):
            trial = begin(act, ground)
            ended = ground.stage.run(replace(trial.job, at=step, errno=errno.ENOSPC))
            yield _said_and_lost(f"{act.name}, step {step}", trial, ended, expected)


def _said_and_lost(what: str, trial: Trial, ended: Ended, expected: dict[str, bytes]) -> str | None:
    """None where the command said it in a line, or was done, and nothing was lost."""
    lost = []
    if ended.code != 2 and ended.code:
        lost.append(f"exit code {ended.code}: {ended.last_line}")
    if ended.code == 2 and (not ended.is_one_line() or "unexpected" in ended.last_line):
        lost.append(f"not said in a line: {ended.last_line}")
    lost += trial.lost(expected)
    return f"{what}: {lost[0]}" if lost else None


def _small_disks(ground: Ground, sizes: Iterable[int]) -> Iterable[str | None]:
    """Audits whose folder and cache lie on a disk that is too small, and then is not."""
    for name in ("audit, heads", "score", "apply, a copy"):
        act = act_named(name)
        _, expected = ground.undisturbed(act)
        for size in sizes:
            with _mounted(place := ground.base / "mounted", 100_000):
                shutil.copytree(start := ground.new_place(act.start), place, dirs_exist_ok=True)
                used = shutil.disk_usage(place).used // 1_024
                _resize(place, used + size)
                ended = ground.stage.run(_moved(ground.job(act, start), start, place))
                _resize(place, 100_000)
                wrong = [] if ended.code in (0, 2) else [f"exit code {ended.code}: {ended.last_line}"]
                if ended.code == 2 and (not ended.is_one_line() or "unexpected" in ended.last_line):
                    wrong.append(f"not said in a line: {ended.last_line}")
                if ended.code:
                    again = ground.stage.run(_moved(ground.job(act, start, again=True), start, place))
                    wrong += [f"run again: {again.last_line}"] if again.code else []
                wrong += differing(left_by(act, place), expected)
            remove_place(start)
            yield f"{name}, {size} KiB: {wrong[0]}" if wrong else None


def _moved(job: Job, start: Path, place: Path) -> Job:
    """A job in another place; what it says stays outside of it."""
    return replace(job, arguments=tuple(word.replace(str(start), str(place)) for word in job.arguments))


@contextlib.contextmanager
def _mounted(place: Path, kilobytes: int) -> Iterator[bool]:
    """A disk of its own in a folder; gives False where that may not be made."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


def _resize(place: Path, kilobytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(place)], check=True)


def _read_only(ground: Ground) -> Iterable[str | None]:
    audit, run_files = act_named("audit, heads"), ("report", "queue, csv", "apply, links", "queue, Label Studio")
    _, expected = ground.undisturbed(audit)
    yield _must_fail(ground, audit, locked=".")
    cold = replace(audit, command=audit.command.replace("{here}/c", "{here}/cold/c"))
    yield _must_fail(ground, cold, locked="cold")
    for act in map(act_named, run_files):
        yield _must_fail(ground, act, locked="run")
    review = Act("review", "review {here}/run --json --no-open --port 0", ("run",))
    yield _must_fail(ground, review, locked="run")
    # A cache that is whole serves where it cannot be written, and so does a run.
    warm = replace(audit, start="run", command=audit.command.replace("{here}/run", "{here}/run2"), leaves=("run2",))
    place = ground.new_place(warm.start)
    with _unwritable(place / "c"):
        ended = ground.stage.run(replace(ground.job(warm, place), plain=True))
    found = {path.replace("run2", "run", 1): each for path, each in left_by(warm, place).items()}
    wrong = differing(found, expected)
    yield f"a warm cache: {ended.code}: {ended.last_line} {wrong[:1]}" if ended.code or wrong else None
    elsewhere = Act("", "report {here}/run --out {here}/page.html", ("page.html",))
    with _unwritable(place / "run"):
        ended = ground.stage.run(replace(ground.job(elsewhere, place), plain=True))
    yield f"a page elsewhere: {ended.code}: {ended.last_line}" if ended.code else None
    remove_place(place)


def _must_fail(ground: Ground, act: Act, *, locked: str) -> str | None:
    place = ground.new_place(act.start)
    folder = place / locked
    folder.mkdir(exist_ok=True)
    with _unwritable(folder):
        ended = ground.stage.run(replace(ground.job(act, place), plain=True))
    remove_place(place)
    said = ended.code == 2 and ended.is_one_line() and "unexpected" not in ended.last_line
    return None if said else f"{act.name}, {locked}: {ended.code}: {ended.last_line}"


@contextlib.contextmanager
def _unwritable(folder: Path) -> Iterator[None]:
    """Takes the right to write from a folder and all in it, for as long as this lasts."""
    inside = [folder, *folder.rglob("*")]
    modes = [path.stat().st_mode for path in inside]
    for path, mode in zip(inside, modes, strict=True):
        path.chmod(mode & 0o555)
    try:
        yield
    finally:
        for path, mode in zip(inside, modes, strict=True):
            path.chmod(mode)
