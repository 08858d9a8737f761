"""Where the pictures lie that a table names: paths below the dataset's folder, and a look whether files are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import SourceError
from labelaudit.source.ground import DiskGround, Ground
from labelaudit.source.layout import Layout
from labelaudit.source.pictures import FilePictures, leaves_root
from labelaudit.source.words import some

_LOOKED_AT = 50  # rows, evenly spread
_DEEPEST = 3  # levels of folders below the root in which pictures are looked for
_MOST_FOLDERS = 500


@dataclass(frozen=True)
class NamedFiles:
    """Files that a table names, as they are read and as a report may show them.

    Attributes:
        pictures: To read them by row.
        path: Relative to the root, None where the row names none or names one outside the root by its whole path.
        sample_id: Derived from the paths.
    """

    pictures: FilePictures
    path: list[str | None]
    sample_id: list[str]


def named_files(
    paths: Sequence[str | None],
    *,
    root: Path,
    where: str,
    assumed: list[str],
    near: str = "",
    boxes: NDArray[np.int64] | None = None,
    ground: Ground | None = None,
) -> NamedFiles:
    """Finds the files that paths name.

    Paths that are absolute but lie below the root are made relative. Where no file is found at once, the folders below
    the root are tried, so that ``a.jpg`` finds ``images/a.jpg``.

    Args:
        paths: One a row, ``/`` between parts, None where the row names none.
        root: The folder that they are relative to.
        where: What messages call the table.
        assumed: Told if the pictures lie in a folder below.
        near: The folder of the table, relative to the root: tried before others.
        boxes: Face boxes a row, as ``FilePictures`` takes them.
        ground: Where to look for files; None = on the disk, below the root.

    Raises:
        SourceError: Not one of the files is there.
    """
    relative = located_paths(paths, root=root, where=where, assumed=assumed, near=near, ground=ground)
    if relative is None:
        raise none_there(paths, where)
    return files_at(relative, root=root, boxes=boxes)


def located_paths(
    paths: Sequence[str | None],
    *,
    root: Path,
    where: str,
    assumed: list[str],
    near: str = "",
    ground: Ground | None = None,
) -> list[str | None] | None:
    """The paths of one table relative to the root, as ``named_files`` finds them; None where not one file is there.

    Raises:
        SourceError: The pictures lie in several folders.
    """
    ground = ground or DiskGround(root)
    relative = _below(paths, ground.beginnings())
    folder = _picture_folder(relative, ground, near, where)
    if folder:
        said = f"paths are relative to the folder {folder} (--root)"
        if said not in assumed:  # several tables of a dataset may lie beside the same pictures
            assumed.append(said)
        return [path if path is None or leaves_root(path) else f"{folder}/{path}" for path in relative]
    return relative if folder is not None else None


def files_at(relative: Sequence[str | None], *, root: Path, boxes: NDArray[np.int64] | None = None) -> NamedFiles:
    """Files by their paths relative to the root, whether they are there or not."""
    shown = [None if path is None or path.startswith("/") else path for path in relative]
    derived = [
        path or (f"outside:{whole.rpartition('/')[2]}" if whole else f"row {row}")
        for row, (path, whole) in enumerate(zip(shown, relative, strict=True), start=1)
    ]
    return NamedFiles(FilePictures(root, relative, boxes=boxes), shown, derived)


def none_there(paths: Sequence[str | None], where: str) -> SourceError:
    """The error for a table of whose pictures not one is there."""
    first = next((path for path in paths if path is not None), "no path")
    example = first.rpartition("/")[2] if leaves_root(first) else first
    return SourceError(
        f"none of the pictures that {where} names is there ({example} and so on): "
        "give the folder that its paths are relative to with --root"
    )


def picture_root(layout: Layout) -> Path:
    """The folder that paths are relative to: ``--root``, else the dataset's folder.

    Raises:
        SourceError: ``--root`` is no folder.
    """
    told = layout.options.root
    if told is not None and not told.is_dir():
        raise SourceError(f"--root {told.name}: no such folder")
    return layout.root if told is None else told


def find_below(root: Path, fits: Callable[[str], bool]) -> list[str]:
    """Folders below a root that fit, nearest first, relative to it; hidden ones and links are passed over."""
    return _find_below(DiskGround(root), fits)


def _find_below(ground: Ground, fits: Callable[[str], bool]) -> list[str]:
    found: list[str] = []
    level = [""]
    seen = 0
    for _ in range(_DEEPEST):
        level = [below for folder in level for below in ground.folders_in(folder)]
        seen += len(level)
        found.extend(folder for folder in level if fits(folder))
        if found or seen > _MOST_FOLDERS:
            break
    return found


def _below(paths: Sequence[str | None], starts: tuple[str, ...]) -> list[str | None]:
    """Whole paths below the root as relative ones; others as they are."""
    if not any(path is not None and path.startswith(starts) for path in paths):
        return list(paths)
    relative: list[str | None] = []
    for path in paths:
        start = next((start for start in starts if path is not None and path.startswith(start)), "")
        relative.append(path if path is None else path[len(start) :])
    return relative


def _picture_folder(paths: Sequence[str | None], ground: Ground, near: str, where: str) -> str | None:
    """The folder below the root that the paths are really relative to; empty = the root itself, None = none."""
    usable = [path for path in paths if path is not None and not leaves_root(path)]
    if not usable:
        return ""
    looked_at = usable[:: -(-len(usable) // _LOOKED_AT)]

    def holds_pictures(folder: str) -> bool:
        return any(ground.holds(f"{folder}/{path}" if folder else path) for path in looked_at)

    for folder in ("", near):
        if holds_pictures(folder):
            return folder
    found = _find_below(ground, holds_pictures)
    if len(found) > 1:
        raise SourceError(f"the pictures that {where} names lie in {some(found)}: choose one with --root")
    if found:
        return found[0]
    return "" if any(ground.holds(path) for path in usable) else None
