"""Beginning a run: in a new folder, over an earlier run, or where one was interrupted."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelaudit.errors import RunFolderError
from labelaudit.jsontext import parse_json
from labelaudit.rundir import LOCK_NAME, MARK_NAME, RunDir, differing, locked, write_json

_SEEN_WITHIN = 30.0
"""Seconds after which a file that another machine wrote must be seen; network file systems take some."""


@contextlib.contextmanager
def opened_run(
    root: Path, *, fingerprint: dict[str, Any], force: bool = False, resume: bool = False
) -> Iterator[RunDir]:
    """``build_run``, held for this process; a run that fails before it has anything to keep leaves no folder behind.

    Raises:
        RunFolderError: As ``build_run``, or another process holds the folder.
    """
    try:
        check_run(root, fingerprint=fingerprint, force=force, resume=resume)  # a stranger's folder gets no lock file
    except RunFolderError:
        if RunDir(root).is_run():
            with locked(root):  # where another process is at work, that is what a person must hear
                raise
        raise
    with locked(root):
        run = build_run(root, fingerprint=fingerprint, force=force, resume=resume)
        try:
            yield run
        except BaseException:
            _remove_empty_run(run)
            raise


def joined_run(root: Path, *, fingerprint: dict[str, Any]) -> RunDir:
    """A run that another process has opened and holds, for one that helps it.

    Args:
        root: The folder.
        fingerprint: Of the run.

    Raises:
        RunFolderError: It is not to be seen here.
    """
    run, until = RunDir(root), time.monotonic() + _SEEN_WITHIN
    while True:
        with contextlib.suppress(OSError, ValueError):
            if not differing(parse_json(run.mark.read_bytes()), fingerprint):
                return run
        if time.monotonic() > until:
            raise RunFolderError(
                f"{root}, which the first process made, is not to be seen; "
                "--out and --cache-dir must lie where all can read them"
            )
        time.sleep(0.2)


def check_run(root: Path, *, fingerprint: dict[str, Any], force: bool = False, resume: bool = False) -> bool:
    """Refuses a folder that ``build_run`` refuses, and touches nothing; True where a run that is there goes on.

    Raises:
        RunFolderError: The folder holds something else, a run that neither option allows for, or one of other input.
    """
    run = RunDir(root)
    if root.exists() and not root.is_dir():
        raise RunFolderError(f"{root} is a file; name a folder with --out")
    if not root.is_dir() or all(is_nothing(entry.name) for entry in root.iterdir()):
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


def is_nothing(name: str, *, mark: str = MARK_NAME) -> bool:
    """True for what a process leaves that was killed before it had made its folder its own.

    Args:
        name: Of an entry of the folder.
        mark: Name of the file by which the folder is known.
    """
    return name == LOCK_NAME or (name.startswith(f".{mark}.") and name.endswith(".part"))


def _check_same_run(run: RunDir, fingerprint: dict[str, Any]) -> None:
    try:
        before = parse_json(run.mark.read_bytes())
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{run.mark} cannot be read; start anew with --force") from error
    changed = differing(before, fingerprint)
    if changed:
        raise RunFolderError(
            f"{run.root} was started with other {', '.join(changed)}; "
            "repeat it with the same, or start anew with --force"
        )


def _remove_run(run: RunDir) -> None:
    """Removes only what a run writes, the report first and the mark not at all: the next run's takes its place.

    A folder that holds a stranger's files is not emptied of them, and without a mark nobody would know it for a run.
    """
    for name in (*run.file_names, run.origin.name, "report.html"):
        (run.root / name).unlink(missing_ok=True)
    shutil.rmtree(run.checkpoint, ignore_errors=True)


def _remove_empty_run(run: RunDir) -> None:
    """Removes a run folder that holds nothing of a run yet. Windows keeps the lock file that is open."""
    with contextlib.suppress(OSError):  # what ended the run is what a person must hear of
        if {entry.name for entry in run.root.iterdir()} <= {MARK_NAME, LOCK_NAME, run.origin.name}:
            run.origin.unlink(missing_ok=True)
            run.mark.unlink(missing_ok=True)
            (run.root / LOCK_NAME).unlink()
            run.root.rmdir()
