"""Commands that write, killed at any moment: whatever is run once more ends as if nothing had been.

The moments: before and after every step that makes something seen (a file or folder that is renamed); any other step
(see ``forks``); the middle of a file, when so many bytes of it are written, whichever library writes it; and any second
of the time that the command takes. After each kill

- what can be seen is whole: every file is the one that the undisturbed command leaves, or the one that was there;
- what the command does not write is as it was;
- the command, run once more as its own words say, gives the undisturbed result byte for byte, apart from times.
"""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

from .acts import ACTS, Act, Files, Ground
from .forks import RENAME
from .judge import begin, everything
from .review_kills import review_rows
from .row import Row, told
from .stage import HANGS_AFTER, Ended, open_stage

PART = "kill"
QUICK = ("queue, imagefolder for two", "apply --force over another")
"""The short form leaves audits to ``tests/test_resume.py``, which ends them at chosen moments."""


@dataclass(frozen=True)
class Moment:
    """When a command is killed: before a step, when a file grows past so many bytes, or after so many seconds."""

    step: int = 0
    size: int = 0
    seconds: float = HANGS_AFTER

    def __str__(self) -> str:
        if self.step:
            return f"before step {self.step}"
        return f"at {self.size:,} bytes" if self.size else f"after {self.seconds:.2f} s"


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
    largest = max(map(len, expected.values()))
    for moment in moments(undisturbed, largest, act.times, rng):
        hit, lost = kill_once(act, ground, moment, expected)
        hits += hit
        losses += [f"{moment}: {each}" for each in lost[:1]]
    note = losses[0] if losses else f"{undisturbed.steps} steps"
    return Row(PART, act.name, hits, len(losses), time.perf_counter() - start, note)


def moments(undisturbed: Ended, largest: int, times: int, rng: random.Random) -> list[Moment]:
    """As many steps at renames as ``times``, if there are, and as many moments of the other kinds together.

    Args:
        undisturbed: The command that nothing harms.
        largest: Bytes of the largest file that it leaves.
        times: How often.
        rng: Draws them.
    """
    renames = [step for step, kind in enumerate(undisturbed.kinds, start=1) if kind == RENAME[0]]
    around = sorted({step for rename in renames for step in (rename, rename + 1) if step <= undisturbed.steps})
    found = [Moment(step=step) for step in sorted(rng.sample(around, min(times, len(around))))]
    for number in range(times):
        share = (number + rng.random()) / times
        if number % 3 == 0:
            found.append(Moment(step=1 + int(share * undisturbed.steps)))
        elif number % 3 == 1:
            found.append(Moment(size=int(16 * (max(largest, 17) / 16) ** share)))
        else:
            found.append(Moment(seconds=share * undisturbed.seconds))
    return found


def kill_once(act: Act, ground: Ground, moment: Moment, expected: Files) -> tuple[bool, list[str]]:
    """Kills an act, runs it again; whether the kill came before its end, and what was lost."""
    trial = begin(act, ground)
    at = moment.step or moment.size
    job = replace(trial.job, at=moment.step, file_size=moment.size, signal=signal.SIGKILL if at else 0)
    ended = ground.stage.run(job, kill_after=moment.seconds)
    return ended.code in (-signal.SIGKILL, -signal.SIGXFSZ), trial.lost(expected)
