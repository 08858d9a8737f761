"""Runs command lines in forks of a process that has imported everything, each harmed at an exact step if so asked.

Reads a ``Job`` as a JSON line from stdin, answers with the process id, and when the fork has ended with a line of what
came of it. A *step* is a moment at which what is on disk may change its meaning: a file is opened for writing, renamed,
linked, removed, cut or synced, or a folder made or removed, below the folder that the job names. What happens at a step
happens before it is taken; the moment after a step is the moment before the next.
"""

from __future__ import annotations

import ctypes
import datetime
import importlib
import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PATHS = {"os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.link": 2, "os.truncate": 1, "os.symlink": 2}
RENAME = b"r"
"""Stands for the steps that make things seen; any other is a point."""
SMALL_CHUNK = 32
"""Rows of a chunk of pixels, so that a small dataset has several."""


@dataclass(frozen=True)
class Job:
    """A command line and what is done to it.

    Attributes:
        arguments: Of ``labelaudit``.
        folder: Where steps are counted; what the command says goes to ``out`` and ``err`` beside it.
        at: The step before which the harm is done, from 1; 0 = never.
        signal: The harm: a signal that the process gets.
        errno: The harm instead: the system refuses this step with this error.
        file_size: Bytes that a file may have at most (``RLIMIT_FSIZE``); 0 = any number. More are an error, or with a
            ``signal`` the end, as SIGXFSZ is: in the middle of a file, whoever writes it.
        plain: Without the rights that let root write where modes forbid it.
        clock: Seconds that the clock is wrong from the start on, and then each time it is read once more.
    """

    arguments: tuple[str, ...]
    folder: str
    at: int = 0
    signal: int = 0
    errno: int = 0
    file_size: int = 0
    plain: bool = False
    clock: float = 0.0

    @property
    def out(self) -> Path:
        """What it says on stdout."""
        return Path(f"{self.folder}.out")

    @property
    def err(self) -> Path:
        """What it says on stderr."""
        return Path(f"{self.folder}.err")

    @property
    def counted(self) -> Path:
        """Holds a letter a step, see ``RENAME``."""
        return Path(f"{self.folder}.steps")

    def to_line(self) -> str:
        """As the forking process reads it."""
        return json.dumps(asdict(self)) + "\n"


class _Steps:
    """Counts steps, and does the harm before one of them."""

    def __init__(self, job: Job, counter: int) -> None:
        self._job = job
        self._counter = counter
        self._inside = os.fsencode(job.folder)
        self._count = 0
        self._sync = os.fsync

    def watch(self) -> None:
        """From here on; there is no way back, but the process is a fork."""
        sys.addaudithook(self._heard)
        os.fsync = self._synced  # type: ignore[assignment] # no audit event tells of it

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and self._is_inside(path):
                self._take(event)
        elif event in _PATHS:
            in_open_folder = event in ("os.remove", "os.rmdir") and arguments[-1] not in (-1, None)
            if in_open_folder or any(map(self._is_inside, arguments[: _PATHS[event]])):
                self._take(event)

    def _synced(self, descriptor: int) -> None:
        self._take("fsync")
        self._sync(descriptor)

    def _is_inside(self, path: object) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and os.fsencode(path).startswith(self._inside)

    def _take(self, event: str) -> None:
        self._count += 1
        os.write(self._counter, RENAME if event == "os.rename" else b".")
        if self._count != self._job.at:
            return
        if self._job.signal:
            os.kill(os.getpid(), self._job.signal)
        if self._job.errno:
            raise OSError(self._job.errno, os.strerror(self._job.errno), event)


def _set_clock(wrong: float) -> None:
    """Moves the clock, and further with each look at it, so that what comes later seems earlier where it goes back."""
    looks = 0
    true_time = time.time

    def shift() -> float:
        nonlocal looks
        looks += 1
        return wrong * looks

    class Wrong(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Wrong:
            return super().now(tz) + datetime.timedelta(seconds=shift())

    time.time = lambda: true_time() + shift()
    for name, loaded in list(sys.modules.items()):
        if name.startswith("labelaudit") and getattr(loaded, "datetime", None) is datetime.datetime:
            loaded.datetime = Wrong  # type: ignore[attr-defined]


def _drop_rights() -> None:
    """Takes all capabilities from this process, which then obeys the modes of files as their owner does."""
    version_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if ctypes.CDLL(None).capset(version_3, (ctypes.c_uint32 * 6)()):
        raise OSError("the rights of root cannot be dropped")


def run(job: Job) -> None:
    """Runs a command line in this process, to its end or to the harm; does not return."""
    from labelaudit.cli.app import main
    from labelaudit.pixels import chunks

    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    for path, stream in ((job.out, sys.stdout), (job.err, sys.stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), stream.fileno())
    counter = os.open(job.counted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chunks._MAX_CHUNK_ROWS = SMALL_CHUNK
    if job.plain and os.geteuid() == 0:
        _drop_rights()
    if job.file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_size, job.file_size))
        if job.signal:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if job.clock:
        _set_clock(job.clock)
    sys.argv[1:] = job.arguments
    _Steps(job, counter).watch()
    try:
        main()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(ended.code or 0))  # taking the interpreter down takes longer than most commands


def _import_everything() -> None:
    """What any command would import, but for what starts threads."""
    for name in (
        "fastapi",
        "labelaudit.bench.run",
        "labelaudit.cli.app",
        "labelaudit.gate.run",
        "labelaudit.pipeline",
        "labelaudit.queue.apply",
        "labelaudit.queue.handout",
        "labelaudit.queue.undo",
        "labelaudit.report.html",
        "labelaudit.report.truth",
        "labelaudit.review.server",
        "labelaudit.scoring",
        "sklearn.model_selection",
        "sklearn.utils.extmath",
        "uvicorn",
    ):
        importlib.import_module(name)


def _serve() -> None:
    _import_everything()
    for line in sys.stdin:
        told = json.loads(line)
        start = time.perf_counter()
        child = os.fork()
        if child == 0:
            run(Job(**{**told, "arguments": tuple(told["arguments"])}))
        _answer({"process": child})
        status = os.waitpid(child, 0)[1]
        _answer({"code": os.waitstatus_to_exitcode(status), "seconds": time.perf_counter() - start})


def _answer(value: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
