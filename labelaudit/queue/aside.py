"""A folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """Gives an empty private folder beside the target; on leaving without an error, renames it to the target.

    A folder that is there is replaced: ask before. One process writes to a target at a time.

    Yields:
        The folder to write into.
    """
    aside, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    shutil.rmtree(aside, ignore_errors=True)  # what a killed process was writing
    aside.mkdir(parents=True)
    try:
        yield aside
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
            target.replace(old)
        aside.replace(target)
    finally:
        if old.exists() and not target.exists():
            old.replace(target)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
