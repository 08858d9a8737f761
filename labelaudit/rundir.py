"""The run folder: names of its files, its lock, and writing aside and renaming.

Every file appears whole or not at all: it is written beside its target under a private name, synced and renamed,
so a process killed at any moment leaves the old file or the new one and never a part of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from labelaudit.errors import RunFolderError

try:
    import fcntl
except ImportError:  # Windows has no fcntl; there the lock is only a file that says who wrote it
    fcntl = None  # type: ignore[assignment]

_MARK = "run.json"
_WAIT_SECONDS = 0.2
_LOCK = ".lock"


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
        return self.root / _MARK

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
def opened_run(
    root: Path, *, fingerprint: dict[str, Any], force: bool = False, resume: bool = False
) -> Iterator[RunDir]:
    """``build_run``, held for this process; a run that fails before it has anything to keep leaves no folder behind.

    Raises:
        RunFolderError: As ``build_run``, or another process holds the folder.
    """
    check_run(root, fingerprint=fingerprint, force=force, resume=resume)  # a stranger's folder gets no lock file
    with locked(root):
        run = build_run(root, fingerprint=fingerprint, force=force, resume=resume)
        try:
            yield run
        except BaseException:
            _remove_empty_run(run)
            raise


def check_run(root: Path, *, fingerprint: dict[str, Any], force: bool = False, resume: bool = False) -> bool:
    """Refuses a folder that ``build_run`` refuses, and touches nothing; True where a run that is there goes on.

    Raises:
        RunFolderError: The folder holds something else, a run that neither option allows for, or one of other input.
    """
    run = RunDir(root)
    if root.exists() and not root.is_dir():
        raise RunFolderError(f"{root} is a file; name a folder with --out")
    if not root.is_dir() or all(_is_nothing(entry.name) for entry in root.iterdir()):
        return False
    if not run.is_run():
        raise RunFolderError(f"{root} is not empty and not a run of labelaudit; name another folder with --out")
    if force:
        return False
    if not resume:
        raise RunFolderError(f"{root} holds a run already; add --resume to go on or --force to replace it")
    _check_same_run(run, fingerprint)
    return True


def build_run(root: Path, *, fingerprint: dict[str, Any], force: bool = False, resume: bool = False) -> RunDir:
    """Makes a run folder, or opens one to go on in it.

    Args:
        root: The folder to be. The caller holds it, see ``locked``.
        fingerprint: What must be equal for a run to go on: settings, dataset, versions. JSON values.
        force: Replace what an earlier run left there.
        resume: Go on in the run that is there, if one is.

    Raises:
        RunFolderError: As ``check_run``, or the folder cannot be written.
    """
    run = RunDir(root)
    goes_on = check_run(root, fingerprint=fingerprint, force=force, resume=resume)
    try:
        root.mkdir(parents=True, exist_ok=True)
        for part in root.glob(".*.part"):  # what a killed process was writing
            part.unlink()
        if not goes_on:
            _remove_run(run)
            write_json(run.mark, fingerprint)
    except OSError as error:
        raise RunFolderError(f"cannot write to {root}: {error.strerror}; name another folder with --out") from error
    return run


def _is_nothing(name: str) -> bool:
    """True for what a process leaves that was killed before its run began."""
    return name == _LOCK or (name.startswith(f".{_MARK}.") and name.endswith(".part"))


def _check_same_run(run: RunDir, fingerprint: dict[str, Any]) -> None:
    try:
        before = json.loads(run.mark.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{run.mark} cannot be read; start anew with --force") from error
    changed = differing(before, json.loads(json.dumps(fingerprint)))
    if changed:
        raise RunFolderError(
            f"{run.root} was started with other {', '.join(changed)}; "
            "repeat it with the same, or start anew with --force"
        )


def differing(before: Any, now: Any, name: str = "") -> list[str]:
    """Dotted names of the values that differ between two nested JSON values."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [] if before == now else [name or _MARK]
    keys = {**before, **now}
    return [
        each for key in keys for each in differing(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    ]


def _remove_run(run: RunDir) -> None:
    """Removes only what a run writes, and the mark last: a folder is never emptied of a stranger's files."""
    for name in (*run.file_names, run.origin.name, "report.html"):
        (run.root / name).unlink(missing_ok=True)
    shutil.rmtree(run.checkpoint, ignore_errors=True)
    run.mark.unlink(missing_ok=True)


def _remove_empty_run(run: RunDir) -> None:
    """Removes a run folder that holds nothing of a run yet. Windows keeps the lock file that is open."""
    with contextlib.suppress(OSError):  # what ended the run is what a person must hear of
        if {entry.name for entry in run.root.iterdir()} <= {_MARK, _LOCK, run.origin.name}:
            run.origin.unlink(missing_ok=True)
            run.mark.unlink(missing_ok=True)
            (run.root / _LOCK).unlink()
            run.root.rmdir()


@contextlib.contextmanager
def locked(root: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds a folder for this process; the system lets go of it when the process ends, however it ends.

    Args:
        root: The folder; made where it does not exist.
        waiting: Called again and again while another process holds it; None = do not wait.

    Raises:
        RunFolderError: Another process holds it, or it cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = open(root / _LOCK, "a+", encoding="utf-8")  # noqa: SIM115 - closed below, held meanwhile
    except OSError as error:
        raise RunFolderError(f"cannot write to {root}: {error.strerror}; name another folder") from error
    with handle:
        while fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if waiting is None:
                    in_use = f"{root} is in use by another labelaudit; wait for it or name another"
                    raise RunFolderError(in_use) from error
            except OSError as error:
                why = error.strerror
                raise RunFolderError(f"{root} cannot be locked: {why}; name a folder on another disk") from error
            waiting()
            time.sleep(_WAIT_SECONDS)
        yield


@contextlib.contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Gives a private path beside the target; on leaving without an error, syncs it and renames it to the target.

    Yields:
        The path to write to. It does not exist yet.
    """
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    aside.unlink(missing_ok=True)
    try:
        yield aside
        with open(aside, "rb+") as handle:
            os.fsync(handle.fileno())
        aside.replace(target)
        sync_folder(target.parent)
    finally:
        aside.unlink(missing_ok=True)


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


def cache_folder(chosen: Path | None) -> Path:
    """Where pixels, features and downloaded weights are kept from run to run.

    Args:
        chosen: What a person named; else ``LABELAUDIT_CACHE`` from the environment, else the user's cache folder.
    """
    if chosen is not None:
        return chosen
    named = os.environ.get("LABELAUDIT_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("labelaudit", appauthor=False)
