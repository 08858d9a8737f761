"""Where commands are tortured: forks of one process that has imported everything, so that each starts at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .forks import Job

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_CAUTION = "these verdicts are not to be trusted"
HANGS_AFTER = 120.0
"""Seconds after which a command is taken to hang."""


@dataclass(frozen=True)
class Ended:
    """What came of a job.

    Attributes:
        code: Exit code; of a process that a signal ended, minus its number.
        out, err: What it said.
        kinds: A letter for each step that it took, or tried to take.
        seconds: How long it lived.
    """

    code: int
    out: str
    err: str
    kinds: bytes
    seconds: float

    @property
    def steps(self) -> int:
        """How many steps."""
        return len(self.kinds)

    @property
    def last_line(self) -> str:
        """The last that it said on stderr."""
        return self.err.rstrip("\n").rpartition("\n")[2]

    def is_one_line(self) -> bool:
        """Whether all that it said of what went wrong is one line, and no traceback; cautions do not count."""
        own = [line for line in self.err.splitlines() if line.startswith("labelaudit: ") and _CAUTION not in line]
        return len(own) == 1 and self.last_line == own[0] and "Traceback" not in self.err


class Stage:
    """Runs jobs, one at a time.

    Attributes:
        running: Id of the process that has begun and not ended; 0 = none.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.running = 0

    def begin(self, job: Job) -> int:
        """Starts a job and gives its process id; ``end`` must follow."""
        assert self._process.stdin is not None
        for said in (job.out, job.err, job.counted):  # of an earlier job there
            said.unlink(missing_ok=True)
        self._process.stdin.write(job.to_line())
        self._process.stdin.flush()
        self.running = int(self._line()["process"])
        return self.running

    def end(self, job: Job) -> Ended:
        """Waits for the job that has begun."""
        told = self._line()
        self.running = 0
        out, err = (path.read_text("utf-8", "replace") if path.exists() else "" for path in (job.out, job.err))
        kinds = job.counted.read_bytes() if job.counted.exists() else b""
        return Ended(int(told["code"]), out, err, kinds, told["seconds"])

    def run(self, job: Job, *, kill_after: float = HANGS_AFTER) -> Ended:
        """A job from its start to its end, which is a SIGKILL after so many seconds if nothing ends it earlier."""
        process = self.begin(job)
        timer = threading.Timer(kill_after, _kill, [process])
        timer.start()
        try:
            return self.end(job)
        finally:
            timer.cancel()

    def _line(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that forks has ended")
        told: dict[str, float] = json.loads(line)
        return told


@contextlib.contextmanager
def open_stage() -> Iterator[Stage]:
    """Starts the process that forks; a few seconds."""
    helper = Path(__file__).with_name("forks.py")
    pipe = subprocess.PIPE
    command = [sys.executable, "-P", "-W", "ignore", str(helper)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**os.environ, **_ONE_THREAD}) as process:
        stage = Stage(process)
        try:
            yield stage  # leaving closes its stdin, which ends it
        finally:
            if stage.running:
                _kill(stage.running)


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
