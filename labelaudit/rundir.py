"""The run folder: names of its files, how a folder is held, and writing aside and renaming.

Every file appears whole or not at all: it is written beside its target under a private name, synced and renamed,
so a process killed at any moment leaves the old file or the new one and never a part of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import platformdirs

from labelaudit.errors import RunFolderError

try:
    import fcntl
except ImportError:  # Windows has no fcntl; there the lock is only a file that says who wrote it
    fcntl = None  # type: ignore[assignment]

MARK_NAME = "run.json"
LOCK_NAME = ".lock"
_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class RunDir:
    """The files of one run.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def mark(self) -> Path:
        """What this folder is: written first, so that a folder without it is not a run folder."""
        return self.root / MARK_NAME

    @property
    def report(self) -> Path:
        """One row a sample."""
        return self.root / "report.parquet"

    @property
    def thresholds(self) -> Path:
        """Thresholds of every class through the epochs."""
        return self.root / "thresholds.parquet"

    @property
    def neighbours(self) -> Path:
        """The nearest faces of every row."""
        return self.root / "neighbours.parquet"

    @property
    def summary(self) -> Path:
        """The counts and figures of the run."""
        return self.root / "summary.json"

    @property
    def model_weights(self) -> Path:
        """What the audit leaves behind to score new images."""
        return self.root / "model.safetensors"

    @property
    def model_json(self) -> Path:
        """Everything about the model that is not a tensor."""
        return self.root / "model.json"

    @property
    def origin(self) -> Path:
        """Where the dataset lay and how it was opened; for this machine only."""
        return self.root / "dataset.json"

    @property
    def decisions(self) -> Path:
        """What people decided in the review page, a JSON line each; never removed or rewritten."""
        return self.root / "decisions.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Folder from which an interrupted run goes on."""
        return self.root / "checkpoint"

    @property
    def file_names(self) -> tuple[str, ...]:
        """What a finished run holds, beside its mark."""
        kept = (self.report, self.thresholds, self.neighbours, self.summary, self.model_weights, self.model_json)
        return tuple(path.name for path in kept)

    def is_run(self) -> bool:
        """True where the folder holds a run, finished or not."""
        return self.mark.is_file()

    def is_finished(self) -> bool:
        """True where the run wrote its report and its summary, the last file of a run."""
        return self.report.is_file() and self.summary.is_file()


@contextlib.contextmanager
def locked(root: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds a folder for this process; the system lets go of it when the process ends, however it ends.

    Args:
        root: The folder; made where it does not exist.
        waiting: Called again and again while another process holds it; None = do not wait.

    Raises:
        RunFolderError: Another process holds it, or it cannot be written.
    """
    while True:
        try:
            root.mkdir(parents=True, exist_ok=True)
            handle = open(root / LOCK_NAME, "a+", encoding="utf-8")  # noqa: SIM115 - closed below, held meanwhile
        except OSError as error:
            raise RunFolderError(f"cannot write to {root}: {error.strerror}; name another folder") from error
        with handle:
            _hold(handle, root, waiting)
            if _is_there(handle, root / LOCK_NAME):
                yield
                return
        # Whoever held it has removed its empty folder meanwhile: what is held here is a file that no one else finds.


def _hold(handle: TextIO, root: Path, waiting: Callable[[], None] | None) -> None:
    while fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if waiting is None:
                in_use = f"{root} is in use by another labelaudit; wait for it or name another"
                raise RunFolderError(in_use) from error
        except OSError as error:
            why = error.strerror
            raise RunFolderError(f"{root} cannot be locked: {why}; name a folder on another disk") from error
        waiting()
        time.sleep(_WAIT_SECONDS)


def _is_there(handle: TextIO, path: Path) -> bool:
    """Whether a path still names an open file; Windows lets no one remove one."""
    try:
        return fcntl is None or os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Gives a private path beside the target; on leaving without an error, syncs it and renames it to the target.

    Nobody else can read it before it is whole. Then it gets the rights of the file that it replaces, or those that the
    umask gives, whatever rights a library wrote it with.

    Yields:
        The path to write to: an empty file.
    """
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    aside.unlink(missing_ok=True)
    try:
        rights = _make_private(aside)
        with contextlib.suppress(OSError):
            rights = target.stat().st_mode
        yield aside
        with open(aside, "rb+") as handle:
            os.fsync(handle.fileno())
        aside.chmod(stat.S_IMODE(rights))
        aside.replace(target)
        sync_folder(target.parent)
    finally:
        aside.unlink(missing_ok=True)


def _make_private(path: Path) -> int:
    """Makes an empty file that only this user can read; gives the rights that the umask would have given it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rights = os.fstat(descriptor).st_mode
        path.chmod(0o600)
    finally:
        os.close(descriptor)
    return rights


def write_json(target: Path, value: Any) -> None:
    """Writes a JSON file whole or not at all; keys keep their order."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    with written_aside(target) as aside:
        aside.write_text(text, encoding="utf-8")


def sync_folder(folder: Path) -> None:
    """Makes the names of a folder's files durable; Windows, which cannot open a folder, does without."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def differing(before: Any, now: Any) -> list[str]:
    """Dotted names of the values that differ between a nested JSON value and what JSON would make of another one."""
    return _differing(before, json.loads(json.dumps(now)), "")


def _differing(before: Any, now: Any, name: str) -> list[str]:
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [] if before == now else [name or MARK_NAME]
    keys = {**before, **now}
    return [
        each for key in keys for each in _differing(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    ]


def cache_folder(chosen: Path | None) -> Path:
    """Where pixels, features and downloaded weights are kept from run to run.

    There are faces in it: where it does not exist it is made, and then only this user can look into it. One that is
    there keeps its rights, so people who share a cache make the folder themselves.

    Args:
        chosen: What a person named; else ``LABELAUDIT_CACHE`` from the environment, else the user's cache folder.
    """
    named = os.environ.get("LABELAUDIT_CACHE")
    own = Path(named) if named else platformdirs.user_cache_path("labelaudit", appauthor=False)
    folder = own if chosen is None else chosen
    with contextlib.suppress(OSError):  # whoever writes into it will say so
        folder.mkdir(mode=0o700, parents=True)
    return folder
