"""SIGKILL at any moment of every command that writes: whatever is run once more ends as if nothing had been.

Half of the moments are steps (see ``forks``): each file that is opened, synced, renamed or removed, before it and
after. The others are spread over the time that the command takes, so that they fall into computing and into the writes
of libraries, too. After each kill

- what can be seen is whole: every file is the one that the undisturbed command leaves, or the one that was there;
- what the command does not write is as it was;
- the command, run once more as its own words say, gives the undisturbed result byte for byte, apart from times.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .acts import ACTS, Act, Files, Ground
from .judge import begin, everything
from .review_kills import review_rows
from .row import Row, told
from .stage import HANGS_AFTER, open_stage

PART = "kill"
QUICK = ("queue, imagefolder for two", "apply --force over another")
"""The short form leaves audits to ``tests/test_resume.py``, which ends them at chosen moments."""


@dataclass(frozen=True)
class Moment:
    """When a command is killed: before a step, or after so many seconds."""

    step: int = 0
    seconds: float = HANGS_AFTER

    def __str__(self) -> str:
        return f"before step {self.step}" if self.step else f"after {self.seconds:.2f} s"


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """Kills every command that writes; the short form a few of them, twice each."""
    rng = random.Random(seed)
    with open_stage() as stage:
        ground = Ground(folder, stage)
        before = everything(folder / "faces")
        acts = [replace(act, times=2) for act in ACTS if act.name in QUICK] if quick else ACTS
        rows = [told(_row(act, ground, rng)) for act in acts]
        rows += map(told, review_rows(ground, rng, times=1 if quick else 12))
        if everything(folder / "faces") != before:
            rows.append(Row(PART, "the dataset", 1, 1, 0.0, "it was changed"))
    return rows


def _row(act: Act, ground: Ground, rng: random.Random) -> Row:
    start = time.perf_counter()
    undisturbed, expected = ground.undisturbed(act)
    hits, losses = 0, []
    for moment in moments(undisturbed.steps, undisturbed.seconds, act.times, rng):
        hit, lost = kill_once(act, ground, moment, expected)
        hits += hit
        losses += [f"{moment}: {each}" for each in lost[:1]]
    note = losses[0] if losses else f"{undisturbed.steps} steps"
    return Row(PART, act.name, hits, len(losses), time.perf_counter() - start, note)


def moments(steps: int, seconds: float, times: int, rng: random.Random) -> Iterator[Moment]:
    """Half of them steps, one of each stretch of equal length; half seconds, likewise."""
    by_step = min(steps, (times + 1) // 2)
    for number in range(by_step):
        first, last = number * steps // by_step + 1, (number + 1) * steps // by_step
        yield Moment(step=rng.randint(first, last))
    by_time = times - by_step
    for number in range(by_time):
        yield Moment(seconds=seconds * (number + rng.random()) / by_time)


def kill_once(act: Act, ground: Ground, moment: Moment, expected: Files) -> tuple[bool, list[str]]:
    """Kills an act, runs it again; whether the kill came before its end, and what was lost."""
    trial = begin(act, ground)
    job = replace(trial.job, at=moment.step, signal=signal.SIGKILL if moment.step else 0)
    ended = ground.stage.run(job, kill_after=moment.seconds)
    return ended.code == -signal.SIGKILL, trial.lost(expected)
