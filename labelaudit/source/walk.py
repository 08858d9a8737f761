"""One walk through a folder: every picture with its size and time, taken once, and what else lies there.

Links are followed where they stay inside the folder. A link to a folder that leaves it, leads back to a folder above
itself, or stands inside a linked folder is not followed, so no chain of links can hang or multiply the walk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import SourceError
from labelaudit.rundir import RunDir

PICTURE_SUFFIXES = frozenset({"jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif"})
"""Endings of file names that are taken for pictures, in lower case."""

_JUNK_FOLDERS = frozenset({"__MACOSX", "__pycache__"})
_RUN = RunDir(Path())


@dataclass(frozen=True)
class Tree:
    """What lies in a folder. Paths are relative to it with ``/`` between parts, sorted.

    Attributes:
        pictures: Files with a picture's ending, N of them.
        facts: Bytes of each picture and the time of its last change in nanoseconds, shape (N, 2); -1 where a link leads
            nowhere.
        others: Files that are no pictures by their name.
        folders: Folders below the root.
        not_followed: Links to folders that were not followed.
        runs: Folders that an audit wrote, which are no part of a dataset.
    """

    pictures: list[str]
    facts: NDArray[np.int64]
    others: list[str]
    folders: list[str]
    not_followed: list[str]
    runs: list[str]


def is_picture_name(name: str) -> bool:
    """Whether a file's name ends as a picture's does, in any case."""
    _, dot, ending = name.rpartition(".")
    return bool(dot) and ending.lower() in PICTURE_SUFFIXES


def stays_inside(real: str, root: str) -> bool:
    """Whether a resolved path is the resolved root or lies below it."""
    return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


def walk(root: Path) -> Tree:
    """Walks through a folder once; hidden files and archivers' junk are passed over.

    Raises:
        SourceError: A folder cannot be listed.
    """
    walker = _Walker(os.path.realpath(root))
    walker.run()
    order = sorted(range(len(walker.pictures)), key=walker.pictures.__getitem__)
    facts = np.array([walker.sizes, walker.times], dtype=np.int64).reshape(2, -1).T  # (N, 2)
    return Tree(
        pictures=[walker.pictures[row] for row in order],
        facts=facts[order],
        others=sorted(walker.others),
        folders=sorted(walker.folders),
        not_followed=sorted(walker.not_followed),
        runs=sorted(walker.runs),
    )


def tree_of_paths(paths: Sequence[str], facts: NDArray[np.int64]) -> Tree:
    """What a walk would find of files that are known by name, as a store lists them.

    Args:
        paths: Relative to the root, sorted, M of them.
        facts: Of each, as ``Tree`` has them, (M, 2).
    """
    inside: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        inside.setdefault(folder, set()).add(name)
    runs = sorted(folder for folder, names in inside.items() if folder and _is_run(names))
    in_run = tuple(f"{folder}/" for folder in runs)
    folders = {folder for path in inside for folder in _with_parents(path)}
    hidden = {folder for folder in folders if _is_hidden(folder)}
    seen = [
        row
        for row, path in enumerate(paths)
        if path.rpartition("/")[0] not in hidden
        and not path.rpartition("/")[2].startswith(".")
        and not (in_run and path.startswith(in_run))
    ]
    rows = [row for row in seen if is_picture_name(paths[row])]
    return Tree(
        pictures=[paths[row] for row in rows],
        facts=facts[rows],
        others=[paths[row] for row in seen if not is_picture_name(paths[row])],
        folders=sorted(each for each in folders - hidden if not f"{each}/".startswith(in_run or ("\0",))),
        not_followed=[],
        runs=runs,
    )


def _with_parents(folder: str) -> list[str]:
    parts = folder.split("/") if folder else []
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _is_hidden(folder: str) -> bool:
    return any(part.startswith(".") or part in _JUNK_FOLDERS for part in folder.split("/"))


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder still to be listed: where it really is, its relative path, and whether a link led to it."""

    real: str
    relative: str
    linked: bool


@dataclass
class _Walker:
    """Columns and not a tuple a picture: a million tuples keep the garbage collector busier than the disk."""

    root: str
    pictures: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    not_followed: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def run(self) -> None:
        todo = [_Folder(self.root, "", linked=False)]
        while todo:
            todo.extend(self._list(todo.pop()))

    def _list(self, folder: _Folder) -> list[_Folder]:
        """Sorts one folder's entries into the lists; gives the folders below it."""
        try:
            with os.scandir(folder.real) as listing:
                entries = list(listing)
        except OSError as error:
            name = folder.relative or "the dataset's folder"
            raise SourceError(f"{name} cannot be listed ({error.strerror}): make it readable") from error
        if folder.relative and _is_run({entry.name for entry in entries}):
            self.runs.append(folder.relative)
            return []
        if folder.relative:
            self.folders.append(folder.relative)
        below: list[_Folder] = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _JUNK_FOLDERS:
                continue
            relative = f"{folder.relative}/{entry.name}" if folder.relative else entry.name
            if not _is_folder(entry):
                self._add_file(entry, relative)
            elif (found := self._folder(entry, folder, relative)) is not None:
                below.append(found)
            else:
                self.not_followed.append(relative)
        return below

    def _folder(self, entry: os.DirEntry[str], parent: _Folder, relative: str) -> _Folder | None:
        if not entry.is_symlink():
            return _Folder(entry.path, relative, parent.linked)
        target = os.path.realpath(entry.path)
        leads_back = stays_inside(parent.real, target)
        if parent.linked or leads_back or not stays_inside(target, self.root):
            return None
        return _Folder(target, relative, linked=True)

    def _add_file(self, entry: os.DirEntry[str], relative: str) -> None:
        if not is_picture_name(entry.name):
            if _is_plain(entry):  # a pipe among them would never end
                self.others.append(relative)
            return
        try:
            facts = entry.stat()
            size, time = facts.st_size, facts.st_mtime_ns
        except OSError:  # a link that leads nowhere: its row says so when it is read
            size, time = -1, -1
        self.pictures.append(relative)
        self.sizes.append(size)
        self.times.append(time)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; a link that leads in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_plain(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a file, or a link to one."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_run(names: set[str]) -> bool:
    return _RUN.mark.name in names and not names.isdisjoint({_RUN.report.name, _RUN.checkpoint.name})
