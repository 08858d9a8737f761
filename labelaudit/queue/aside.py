"""A folder that appears whole or not at all, whatever becomes of the process or of the power."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labelaudit.rundir import sync_folder

_SWAP = 2
"""RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS."""
_AT_FDCWD = -100
_SYNCING = 16
"""Files that are synced at once: disks keep many together as fast as one."""


@contextlib.contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """Gives an empty private folder beside the target; on leaving without an error, it becomes the target.

    A folder that is there is replaced: ask before. One process writes to a target at a time.

    Yields:
        The folder to write into.
    """
    aside, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    shutil.rmtree(aside, ignore_errors=True)  # what a killed process was writing
    aside.mkdir(parents=True)
    try:
        yield aside
        _sync_files(aside)
        if not target.exists():
            aside.replace(target)
        elif not _swap(aside, target):
            shutil.rmtree(old, ignore_errors=True)
            target.replace(old)
            aside.replace(target)
        sync_folder(target.parent)
    finally:
        if old.exists() and not target.exists():
            old.replace(target)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def _swap(aside: Path, target: Path) -> bool:
    """Swaps two folders in one step, so that a process killed then leaves either; False where the system cannot."""
    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None)
    paths = os.fsencode(aside), os.fsencode(target)
    try:
        if sys.platform == "darwin":
            return bool(library.renamex_np(*paths, _SWAP) == 0)
        return bool(library.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _SWAP) == 0)
    except AttributeError:  # an older C library
        return False


def _sync_files(folder: Path) -> None:
    """Makes all that is in a folder durable; hard links are already, as the files that they are links to."""
    if sys.platform == "win32":  # syncs what is open for writing alone
        return
    files: list[str] = []
    for root, _, names in os.walk(folder):
        files.append(root)
        paths = [f"{root}/{name}" for name in names]
        files += [path for path in paths if os.stat(path).st_nlink == 1]  # noqa: PTH116 - no Path object a file
    with ThreadPoolExecutor(min(_SYNCING, len(files))) as pool:
        for _ in pool.map(_sync_file, files):
            pass


def _sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
