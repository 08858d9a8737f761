"""A cache that is cut, changed or deleted, file by file, between runs and while one is running."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from labelaudit.report.table import read_report

from .acts import Files, Ground, act_named, left_by, remove_place
from .judge import differing
from .row import Row, row_of
from .stage import Ended

_PATIENCE = 120.0


def halve(path: Path) -> None:
    """Cuts a file in the middle."""
    with open(path, "rb+") as file:
        file.truncate(path.stat().st_size // 2)


def empty(path: Path) -> None:
    """Leaves nothing of a file."""
    path.write_bytes(b"")


def flip(path: Path) -> None:
    """Changes a bit two thirds into a file."""
    place = path.stat().st_size * 2 // 3
    with open(path, "rb+") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 4]))


def delete(path: Path) -> None:
    """Removes a file."""
    path.unlink()


HARMS = (halve, empty, flip, delete)


def damaged_rows(ground: Ground, *, quick: bool) -> Iterator[Row]:
    """Harms between runs, and while one runs."""
    harms = (flip,) if quick else HARMS
    yield row_of("disk", "a cache harmed between runs: audit", _audits(ground, harms))
    yield row_of("disk", "a cache harmed between runs: score", _scores(ground, harms))
    died: list[str] = []
    row = row_of("disk", "a cache harmed under a running audit", _while_running(ground, died))
    note = f"ended by SIGBUS where its file was cut: {len(died)}; went on with --resume"
    yield replace(row, note=note) if died and not row.lost else row


def _audits(ground: Ground, harms: Iterable[Callable[[Path], None]]) -> Iterable[str | None]:
    """Audits that find the cache of an earlier one harmed."""
    act = act_named("audit, heads")
    _, expected = ground.undisturbed(act)
    again = replace(act, start="run", command=act.command.replace("{here}/run", "{here}/run2"), leaves=("run2",))
    for harm in harms:
        for number in range(_files_in(ground, "c")):
            place = ground.new_place(again.start)
            path = _file(place / "c", number)
            harm(path)
            ended = ground.stage.run(ground.job(again, place))
            found = {name.replace("run2", "run", 1): each for name, each in left_by(again, place).items()}
            yield _what(f"{harm.__name__} {path.name}", ended, found, expected)
            remove_place(place)


def _scores(ground: Ground, harms: Iterable[Callable[[Path], None]]) -> Iterable[str | None]:
    act = act_named("score")
    warm = ground.new_place(act.start)
    ground.stage.run(ground.job(act, warm))
    (warm / "scored").rename(warm / "first")
    for harm in harms:
        for number in range(sum(1 for _ in _files(warm / "c2"))):
            place = ground.base / "scoring"
            shutil.copytree(warm, place)
            path = _file(place / "c2", number)
            harm(path)
            ended = ground.stage.run(ground.job(act, place))
            # What is scored anew is scored in other company, and rounded as its matrices' shapes would have it.
            differs = ended.code or not _is_near(place / "scored" / "report.parquet", warm / "first" / "report.parquet")
            yield f"{harm.__name__} {path.name}: exit code {ended.code}: {ended.last_line}" if differs else None
            remove_place(place)


def _is_near(one: Path, other: Path) -> bool:
    """Whether two reports say the same, numbers but for what rounding does."""
    found, expected = (read_report(path).table for path in (one, other))
    for mine, theirs in zip(found.columns, expected.columns, strict=True):
        if pa.types.is_floating(mine.type):
            same = np.allclose(mine.to_numpy(), theirs.to_numpy(), atol=1e-4, equal_nan=True)
        elif pa.types.is_fixed_size_list(mine.type):
            vectors, others = (np.array(each.drop_null().to_pylist()) for each in (mine, theirs))
            same = np.allclose(vectors, others, atol=1e-4)
        else:
            same = mine.equals(theirs)
        if not same:
            return False
    return True


def _while_running(ground: Ground, died: list[str]) -> Iterable[str | None]:
    """Audits whose cache is harmed when they have begun to train."""
    act = act_named("audit, networks")
    _, expected = ground.undisturbed(act)
    for harm in (delete, flip_meta, halve, None):
        place = ground.new_place(act.start)
        job = ground.job(act, place)
        ground.stage.begin(job)
        until = time.monotonic() + _PATIENCE
        while not (place / "run" / "checkpoint" / "fold-1.safetensors").exists() and time.monotonic() < until:
            time.sleep(0.002)
        if harm is None:
            shutil.rmtree(place / "c")
        else:
            for path in list(_files(place / "c")):
                harm(path)
        ended = ground.stage.end(job)
        name = "all deleted" if harm is None else harm.__name__
        if ended.code == -signal.SIGBUS:
            died.append(name)
        if ended.code not in (0, -signal.SIGBUS) and not (ended.code == 2 and ended.is_one_line()):
            yield f"{name}: exit code {ended.code}: {ended.last_line}"
        elif ended.code:
            yield _what(name, ground.stage.run(ground.job(act, place, again=True)), left_by(act, place), expected)
        else:
            yield _what(name, ended, left_by(act, place), expected)
        remove_place(place)


def flip_meta(path: Path) -> None:
    """Changes a bit of the small files that vouch for the large ones."""
    if path.suffix == ".json":
        flip(path)


def _what(name: str, ended: Ended, found: Files, expected: Files) -> str | None:
    wrong = differing(found, expected)
    return f"{name}: exit code {ended.code}: {ended.last_line} {wrong[:1]}" if ended.code or wrong else None


def _files_in(ground: Ground, cache: str) -> int:
    place = ground.new_place("run")
    count = sum(1 for _ in _files(place / cache))
    remove_place(place)
    return count


def _file(cache: Path, number: int) -> Path:
    return sorted(_files(cache))[number]


def _files(cache: Path) -> Iterator[Path]:
    return (path for path in cache.rglob("*") if path.is_file() and path.name != ".lock")
