"""Long work as it goes on: one line a stage on stderr, with rate and time left, kept when done.

In a terminal the line moves; elsewhere (a log, CI) a stage gives a line when it is done, and one every half minute.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labelaudit.cli.output.words import duration, number, rate

if TYPE_CHECKING:
    from rich.console import Console

    from labelaudit.records import Progress, Stage

_NAME_WIDTH = 11
_LOG_EVERY = 30.0
_REDRAW_EVERY = 0.1
_MIN_RATED = 0.05
"""Seconds below which a rate says nothing."""


@dataclass
class _Open:
    """A stage that goes on.

    Attributes:
        latest: As it was last told.
        first_done: Units that were done before it started here, such as by an interrupted run.
        started, spoke: Seconds on the clock.
    """

    latest: Stage
    first_done: int
    started: float
    spoke: float


class StageLines:
    """A ``Progress`` that writes to a console; safe to call from several threads.

    Args:
        console: Where to write: stderr.
        clock: Seconds that only grow.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._status = console.status("", spinner="dots", speed=0.6) if console.is_terminal else None
        self._drawn = 0.0

    def __call__(self, stage: Stage) -> None:
        """Takes in what a room says."""
        with self._lock:
            now = self._clock()
            known = self._open.get(stage.name)
            if known is None:
                known = self._open[stage.name] = _Open(stage, 0 if stage.done >= stage.total else stage.done, now, now)
                if stage.total == 0:
                    self._write(stage.name)
            known.latest = stage
            if stage.done >= stage.total:
                del self._open[stage.name]
                if stage.total:
                    self._write(_done_line(known, now))
            elif self._status is None and now - known.spoke >= _LOG_EVERY:
                known.spoke = now
                self._write(_going_line(known, now))
            self._redraw(now)

    def close(self) -> None:
        """Takes the moving line away; stages that did not end leave no line."""
        if self._status is not None:
            self._status.stop()

    def _write(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)

    def _redraw(self, now: float) -> None:
        if self._status is None:
            return
        if not self._open:
            self._status.stop()
            self._drawn = 0.0
        elif now - self._drawn >= _REDRAW_EVERY:
            latest = next(reversed(self._open.values()))
            self._status.update(_going_line(latest, now))
            self._status.start()
            self._drawn = now


@contextlib.contextmanager
def stage_lines(*, quiet: bool) -> Iterator[Progress]:
    """Gives the ``Progress`` of a command, on stderr, and takes its moving line away at the end.

    Args:
        quiet: Say nothing.
    """
    if quiet:
        from labelaudit.records import no_progress

        yield no_progress
        return
    from labelaudit.cli.output.consoles import progress_console

    lines = StageLines(progress_console())
    try:
        yield lines
    finally:
        lines.close()


def _done_line(stage: _Open, now: float) -> str:
    """``features     8,000 faces   61 s   131/s``."""
    latest, seconds = stage.latest, now - stage.started
    parts = [f"{latest.name:<{_NAME_WIDTH}}", f"{number(latest.total):>9} {latest.unit:<7}", f"{duration(seconds):>9}"]
    worked = latest.total - stage.first_done
    if seconds >= _MIN_RATED and worked > 0:
        parts.append(f"{rate(worked / seconds):>9}")
    return "  ".join(parts).rstrip()


def _going_line(stage: _Open, now: float) -> str:
    """``features     2,000 of 8,000 faces   131/s   46 s left``."""
    latest, seconds = stage.latest, now - stage.started
    line = f"{latest.name:<{_NAME_WIDTH}}  {number(latest.done):>9} of {number(latest.total)} {latest.unit}"
    worked = latest.done - stage.first_done
    if worked > 0 and seconds >= _MIN_RATED:
        left = (latest.total - latest.done) * seconds / worked
        line += f"   {rate(worked / seconds)}   {duration(left)} left"
    return line
