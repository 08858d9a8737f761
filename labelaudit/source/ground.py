"""Where the files are that a table names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Ground(Protocol):
    """Where files are looked for: a folder on the disk, or a place in a store."""

    def holds(self, path: str) -> bool:
        """Whether there is a file of this path, relative to the root."""
        ...

    def folders_in(self, folder: str) -> list[str]:
        """Folders in a folder, sorted, both relative to the root; hidden ones are passed over."""
        ...

    def beginnings(self) -> tuple[str, ...]:
        """What whole paths of files below the root begin with."""
        ...


@dataclass(frozen=True)
class DiskGround:
    """A folder on the disk; links in it are passed over."""

    root: Path

    def holds(self, path: str) -> bool:
        """As ``Ground`` says."""
        try:
            return os.path.exists(f"{self.root}/{path}")  # noqa: PTH110 - no Path object a row
        except ValueError:
            return False

    def folders_in(self, folder: str) -> list[str]:
        """As ``Ground`` says."""
        try:
            with os.scandir(self.root / folder) as entries:
                folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []
        visible = sorted(name for name in folders if not name.startswith("."))
        return [f"{folder}/{name}" if folder else name for name in visible]

    def beginnings(self) -> tuple[str, ...]:
        """As ``Ground`` says."""
        return tuple({f"{str(base).rstrip('/')}/" for base in (self.root.absolute(), self.root.resolve())})
