"""What detection looks at, and what a format has to offer to be found and opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path

from labelaudit.errors import SourceError
from labelaudit.source.draft import Draft
from labelaudit.source.ground import Ground
from labelaudit.source.options import SourceOptions
from labelaudit.source.tables import column_names
from labelaudit.source.walk import Tree, walk


class Fit(IntEnum):
    """How well a format fits; the best fit wins, and two best ones are a question to the user."""

    LAST = 0
    """Nothing speaks for it but that it could be read; taken where nothing else fits."""
    GENERIC = 1
    """The form fits, as it fits many datasets: folders of pictures, a table with a column of paths."""
    KNOWN = 2
    """A sign that only this dataset has: the name of a file, the columns of a header."""


@dataclass(frozen=True, slots=True)
class Match:
    """A format's answer to "is this yours?".

    Attributes:
        fit: How well.
        why: What was seen, as the first half of a sentence: ``list_patition_label.txt found: RAF-DB basic``.
    """

    fit: Fit
    why: str


class Layout:
    """A dataset as it lies on disk, looked at only as far as somebody asks.

    Attributes:
        options: What the user said about it.
        root: The dataset's folder; of a single file, the folder that holds it.
        file: The single file that the dataset was named by, or None for a folder.
    """

    def __init__(self, location: Path, options: SourceOptions) -> None:
        self.options = options
        self._headers: dict[Path, list[str]] = {}
        location = location.absolute()
        self.file = None if location.is_dir() else location
        self.root = location if self.file is None else location.parent

    ground: Ground | None = None
    """Where its pictures are looked for; None = on the disk."""

    @property
    def name(self) -> str:
        """What to call the dataset in a message."""
        return self.file.name if self.file is not None else f"the folder {self.root.resolve().name}"

    @cached_property
    def tree(self) -> Tree:
        """Everything in the folder, from one walk. Only for a dataset that is a folder."""
        return walk(self.root)

    def find(self, *names: str) -> list[Path]:
        """Files of these names, in any case: the dataset's one file, or anywhere in its folder."""
        return [self.root / path for name in names for path in self._by_name.get(name.casefold(), ())]

    def with_suffix(self, *suffixes: str) -> list[Path]:
        """Files with these endings (``.csv``), in any case: the dataset's one file, or anywhere in its folder."""
        return [self.root / path for suffix in suffixes for path in self._by_suffix.get(suffix, ())]

    def header(self, path: Path) -> list[str]:
        """The names of a table's columns, read once; none where it cannot be read as a table."""
        if path not in self._headers:
            try:
                self._headers[path] = column_names(path)
            except SourceError:
                self._headers[path] = []
        return self._headers[path]

    def has_folders(self, *names: str) -> bool:
        """Whether the dataset is a folder and each of these is the name of a folder in it, in any case."""
        if self.file is not None:
            return False
        present = {folder.rpartition("/")[2].casefold() for folder in self.tree.folders}
        return all(name.casefold() in present for name in names)

    def relative(self, path: Path) -> str:
        """A file's path below the dataset's folder, ``/`` between parts."""
        return path.relative_to(self.root).as_posix()

    @cached_property
    def _others(self) -> list[str]:
        return [self.file.name] if self.file is not None else self.tree.others

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self._others:
            found.setdefault(path.rpartition("/")[2].casefold(), []).append(path)
        return found

    @cached_property
    def _by_suffix(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self._others:
            found.setdefault(os.path.splitext(path)[1].lower(), []).append(path)  # noqa: PTH122 - no Path a file
        return found


@dataclass(frozen=True, slots=True)
class Format:
    """One way that datasets come.

    Attributes:
        name: What ``--format`` calls it.
        title: What people call it.
        probe: Says whether a dataset is of this format, by looking at its content.
        read: Reads the samples; pictures stay where they are.
    """

    name: str
    title: str
    probe: Callable[[Layout], Match | None]
    read: Callable[[Layout], Draft]
