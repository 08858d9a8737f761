"""Where a report's files stand in their repository, so that what is said of a file is shown at that file."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Place:
    """What makes a report's paths paths of a repository.

    Attributes:
        prefix: Stands before them.
        holder: The file that holds pictures without a path of their own; None = no file of the repository.
    """

    prefix: PurePosixPath = field(default_factory=PurePosixPath)
    holder: str | None = None

    def file(self, path: str | None) -> str | None:
        """A row's file, from the root of the repository; None where it has none."""
        return self.holder if path is None else posixpath.normpath(self.prefix / path.lstrip("/"))


NOWHERE = Place()
"""Paths stay as they are in the report."""


def named_place(prefix: str) -> Place:
    """The place that a person named: the dataset's folder, or the file that holds its pictures."""
    path = PurePosixPath(prefix.replace(os.sep, "/"))
    return Place(path, str(path) if path.parts else None)


def find_place(dataset: Path, root: Path | None, *, start: Path) -> Place:
    """Where a dataset stands in the repository that one works in.

    Args:
        dataset: Its folder, or its table.
        root: The folder that a table's paths start from; None = the table's.
        start: The working directory.

    Returns:
        ``NOWHERE`` for a dataset outside of the repository, or where the working directory is in none, outside of it.
    """
    if not dataset.exists():
        return NOWHERE
    base = repository_root(start)
    folder = root if root is not None else dataset if dataset.is_dir() else dataset.parent
    prefix = _below(folder, base)
    holder = _below(dataset, base) if dataset.is_file() else None
    return Place(PurePosixPath(prefix or "."), holder)


def repository_root(start: Path) -> Path:
    """The root of the repository that a folder stands in; the folder itself where it stands in none."""
    return next((folder for folder in upwards(start) if (folder / ".git").exists()), start)


def upwards(start: Path) -> Sequence[Path]:
    """A folder and those above it, up to the root of its repository where it stands in one."""
    found = []
    for folder in (start, *start.parents):
        found.append(folder)
        if (folder / ".git").exists():
            break
    return found


def _below(path: Path, base: Path) -> str | None:
    path, base = path.resolve(), base.resolve()
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else None
