"""Work in a forked child that may neither hang nor eat the machine: bounded time, bounded memory, output caught.

The child is a copy of this process as it stands, so whatever was imported before costs it nothing. POSIX only.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PAUSE_SECONDS = 0.003


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        code: Its exit code; less than 0: the signal that ended it; None: it went on past its time and was killed.
        stdout, stderr: What it said.
        seconds: What it took.
        grown_bytes: How far its resident memory grew beyond what it had when it was forked.
    """

    code: int | None
    stdout: str
    stderr: str
    seconds: float
    grown_bytes: int


def can_confine() -> bool:
    """Whether this machine can fork and tell sizes of processes."""
    return hasattr(os, "fork") and Path("/proc/self/statm").is_file()


def load_everything() -> None:
    """Imports all of the package, so that no child pays for it."""
    import labelaudit

    for module in pkgutil.walk_packages(labelaudit.__path__, "labelaudit."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ModuleNotFoundError):  # of an extra that is not installed
                importlib.import_module(module.name)
    for name in ("pyarrow.parquet", "pyarrow.csv", "pandas", "sklearn.neighbors", "PIL.Image"):
        importlib.import_module(name)


def confined(work: Callable[[], int], *, folder: Path, seconds: float, more_bytes: int) -> Ended:
    """Runs something in a forked child.

    Args:
        work: Gives the child's exit code; an exception is told on its stderr and makes it 70.
        folder: Where its output is caught meanwhile.
        seconds: It is killed after so long.
        more_bytes: Of memory that it may map beyond what is mapped now (RLIMIT_AS).
    """
    said = [folder / ".stdout", folder / ".stderr"]
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    own = _own_bytes()
    start = time.perf_counter()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _be_the_child(work, said, pages * resource.getpagesize() + more_bytes)
    code, usage = _wait(child, start + seconds)
    stdout, stderr = (path.read_text(encoding="utf-8", errors="backslashreplace") for path in said)
    for path in said:
        path.unlink()
    grown = max(0, usage.ru_maxrss * 1024 - own)
    return Ended(code, stdout, stderr, time.perf_counter() - start, grown)


def _be_the_child(work: Callable[[], int], said: list[Path], most_bytes: int) -> None:
    code = 70
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in enumerate(said, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the child lives
        sys.stdout, sys.stderr = (
            open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            for number in (1, 2)
        )
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _own_bytes() -> int:
    """Resident memory that a fork copies: what is mapped from files comes only when it is touched."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def _wait(child: int, until: float) -> tuple[int | None, resource.struct_rusage]:
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), usage
        if time.perf_counter() > until:
            os.killpg(child, signal.SIGKILL)
            _, _, usage = os.wait4(child, 0)
            return None, usage
        time.sleep(_PAUSE_SECONDS)
