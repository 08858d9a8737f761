"""One line of the table that ``make torture`` prints."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was tried, how often, and what came of it.

    Attributes:
        part: The module that tried it.
        tried: What was done, in a few words.
        times: How often. 0: it cannot be tried on this machine, and ``note`` says why.
        lost: How often something was lost, wrong, leaked or hung. Must be 0.
        seconds: What it took.
        note: What a reader should know; of a loss, what the first one was.
    """

    part: str
    tried: str
    times: int
    lost: int
    seconds: float
    note: str = ""


def told(row: Row) -> Row:
    """The row, told on stderr as soon as it is known: the table comes at the end."""
    lost = f", LOST {row.lost:,}: {row.note}" if row.lost else ""
    print(f"  {row.tried}: {row.times:,} times, {row.seconds:,.0f} s{lost}", file=sys.stderr, flush=True)  # noqa: T201
    return row


def row_of(part: str, tried: str, losses: Iterable[str | None], note: str = "") -> Row:
    """A row of tries, each of them None or what was lost; they are made here, so that their time is taken."""
    start = time.perf_counter()
    found = list(losses)
    lost = [each for each in found if each is not None]
    return Row(part, tried, len(found), len(lost), time.perf_counter() - start, lost[0] if lost else note)


def spread(steps: int, times: int, rng: random.Random) -> list[int]:
    """So many of the steps from 1 on, or all of them where they are fewer: one of each stretch of equal length."""
    times = min(times, steps)
    return [rng.randint(number * steps // times + 1, (number + 1) * steps // times) for number in range(times)]
