"""One line of the table that ``make torture`` prints."""

from __future__ import annotations

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
