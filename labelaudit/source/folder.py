"""Class-per-folder pictures: ``angry/x.jpg``, ``train/angry/x.jpg``, ``angry/any/depth/x.jpg``.

The class is the first folder below the split, or below the root where there are no splits. Folders that hold
everything, as unpacking an archive makes them, are passed through.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

import numpy as np

from labelaudit.errors import SourceError
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import FilePictures
from labelaudit.source.walk import Tree
from labelaudit.source.words import counted, is_split, some


def _probe(layout: Layout) -> Match | None:
    if layout.file is not None or not layout.tree.pictures:
        return None
    _, label, split = _read_names(layout.tree.pictures)
    classes = {name for name in label if name is not None}
    if len(classes) < 2:
        return Match(Fit.LAST, "it holds pictures, though not in a folder a class")
    splits = " below train/test folders" if any(split) else ""
    return Match(Fit.GENERIC, f"pictures lie in a folder a class{splits} ({some(sorted(classes))})")


def _read(layout: Layout) -> Draft:
    return folder_draft(layout)


FORMAT = Format("folder", "class-per-folder pictures", _probe, _read)


def folder_draft(layout: Layout, codes: ClassCodes | None = None) -> Draft:
    """Reads class-per-folder pictures.

    Args:
        layout: A folder.
        codes: What the folders' names mean where they are a known dataset's codes.

    Raises:
        SourceError: It is no folder, or holds no pictures.
    """
    if layout.file is not None:
        raise SourceError(f"--format folder: {layout.name} is a file; give the folder that holds the class folders")
    tree = layout.tree
    if not tree.pictures:
        raise SourceError(f"{layout.name} holds no pictures (jpg, png, webp, bmp, tiff, gif): is it the right folder?")
    wrapper, label, split = _read_names(tree.pictures)
    draft = Draft(
        sample_id=tree.pictures,
        label=label,
        path=tree.pictures,
        split=split,
        pictures=FilePictures(layout.root, tree.pictures, facts=np.stack([tree.sizes, tree.times], axis=1)),
        where=layout.name,
        codes=codes or ClassCodes(),
    )
    draft.assumed += _said(tree, wrapper, label, split)
    return draft


def _read_names(paths: Sequence[str]) -> tuple[str, list[str | None], list[str | None]]:
    """The folder that holds everything (or ""), and each picture's class and split by its path."""
    parts = [path.split("/") for path in paths]
    depth = 0
    while len({part[depth] for part in parts}) == 1 and all(len(part) > depth + 2 for part in parts):
        if is_split(parts[0][depth]):
            break
        depth += 1
    splits = _split_folders(parts, depth)
    label: list[str | None] = []
    split: list[str | None] = []
    for part in parts:
        folders = part[depth:-1]
        in_split = bool(folders) and folders[0] in splits
        split.append(folders[0] if in_split else None)
        label.append(next(iter(folders[in_split:]), None))
    return "/".join(parts[0][:depth]), label, split


def _split_folders(parts: Sequence[Sequence[str]], depth: int) -> frozenset[str]:
    """The folders that are splits by their names, unless they stand among classes and hold no classes themselves."""
    top = {part[depth] for part in parts if len(part) > depth + 1}
    named = {name for name in top if is_split(name)}
    holds_classes = any(len(part) > depth + 2 and part[depth] in named for part in parts)
    return frozenset(named if named == top or holds_classes else ())


def _said(tree: Tree, wrapper: str, label: Sequence[str | None], split: Sequence[str | None]) -> list[str]:
    """What was passed over or taken for granted."""
    said: list[str] = []
    if wrapper:
        said.append(f"everything lies in the folder {wrapper}: classes are the folders in it")
    apart = sorted({name for name, part in zip(label, split, strict=True) if name is not None and part is None})
    if apart and any(split):
        said.append(f"{some(apart)} stand beside split folders: taken as classes without a split")
    if tree.others:
        endings = Counter(os.path.splitext(path)[1].lower() or "no ending" for path in tree.others)  # noqa: PTH122
        kinds = some([f"{count:,} {ending}" for ending, count in endings.most_common()])
        said.append(f"{counted(len(tree.others), 'file is no picture', 'files are no pictures')} ({kinds}): left aside")
    filled = {folder for path in tree.pictures for folder in _above(path)}
    empty = [folder for folder in tree.folders if folder not in filled]
    if empty:
        said.append(f"{counted(len(empty), 'folder holds', 'folders hold')} no pictures ({some(empty)}): no class")
    if tree.not_followed:
        said.append(
            f"{counted(len(tree.not_followed), 'link to a folder leaves', 'links to folders leave')} the root or leads "
            f"back into it ({some(tree.not_followed)}): not followed"
        )
    return said


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
