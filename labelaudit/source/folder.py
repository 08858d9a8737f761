"""Class-per-folder pictures: ``angry/x.jpg``, ``train/angry/x.jpg``, ``angry/any/depth/x.jpg``.

The class is the first folder below the split, or below the root where there are no splits. Folders that hold
everything, as unpacking an archive makes them, are passed through.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from labelaudit.errors import SourceError
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import FilePictures
from labelaudit.source.walk import Tree
from labelaudit.source.words import counted, is_split, some
from labelaudit.source.written import LabelPlaces


def _probe(layout: Layout) -> Match | None:
    if layout.file is not None or not layout.tree.pictures:
        return None
    reading = _read_names(layout.tree.pictures)
    classes = {name for name in reading.label.values() if name is not None}
    if len(classes) < 2:
        return Match(Fit.LAST, "it holds pictures, though not in a folder a class")
    splits = " below train/test folders" if any(reading.split.values()) else ""
    return Match(Fit.GENERIC, f"pictures lie in a folder a class{splits} ({some(sorted(classes))})")


def _read(layout: Layout) -> Draft:
    return folder_draft(layout)


_RENUMBERED = {
    frozenset("01234567"): "some copies of AffectNet have such folders 0 to 7: --format affectnet names them",
    frozenset("1234567"): "some copies of RAF-DB have such folders 1 to 7: --format rafdb names them",
}

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
    reading = _read_names(tree.pictures)
    draft = Draft(
        sample_id=tree.pictures,
        label=[reading.label[name] for name in reading.folder],
        path=tree.pictures,
        split=[reading.split[name] for name in reading.folder],
        pictures=FilePictures(layout.root, tree.pictures, facts=tree.facts),
        where=layout.name,
        codes=codes or ClassCodes(),
        places=LabelPlaces(layout, renamed=reading.renamed),
    )
    draft.assumed += _said(tree, reading)
    labels = frozenset(label for label in draft.label if label is not None)
    numbered = _RENUMBERED.get(labels) if codes is None else None
    if numbered is not None:
        draft.assumed.append(numbered)
    return draft


@dataclass(frozen=True)
class _Reading:
    """What the names of folders mean.

    Attributes:
        wrapper: The folder that holds everything, or "".
        folder: Of each picture, shape (N,).
        label: Class of each folder, None where its pictures have none.
        split: Split of each folder, None where it has none.
    """

    wrapper: str
    folder: list[str]
    label: dict[str, str | None]
    split: dict[str, str | None]

    def renamed(self, path: str, label: str) -> str:
        """The path of a picture in the folder of another class, the rest of its path as it is."""
        folder, _, name = path.rpartition("/")
        parts = folder.split("/") if folder else []
        depth = (self.wrapper.count("/") + 1 if self.wrapper else 0) + (self.split[folder] is not None)
        return "/".join([*parts[:depth], label, *parts[depth + 1 :], name])


def _read_names(paths: Sequence[str]) -> _Reading:
    folder = [path.rpartition("/")[0] for path in paths]
    parts = {name: name.split("/") if name else [] for name in dict.fromkeys(folder)}
    depth = 0
    while all(len(part) > depth + 1 for part in parts.values()):
        top = {part[depth] for part in parts.values()}
        if len(top) > 1 or any(map(is_split, top)):
            break
        depth += 1
    splits = _split_folders([part[depth:] for part in parts.values()])
    label: dict[str, str | None] = {}
    split: dict[str, str | None] = {}
    for name, part in parts.items():
        in_split = len(part) > depth and part[depth] in splits
        split[name] = part[depth] if in_split else None
        label[name] = next(iter(part[depth + in_split :]), None)
    return _Reading("/".join(next(iter(parts.values()))[:depth]), folder, label, split)


def _split_folders(parts: Sequence[Sequence[str]]) -> frozenset[str]:
    """The folders that are splits by their names, unless they stand among classes and hold no classes themselves."""
    top = {part[0] for part in parts if part}
    named = {name for name in top if is_split(name)}
    holds_classes = any(len(part) > 1 and part[0] in named for part in parts)
    return frozenset(named if named == top or holds_classes else ())


def _said(tree: Tree, reading: _Reading) -> list[str]:
    """What was passed over or taken for granted."""
    said: list[str] = []
    if reading.wrapper:
        said.append(f"everything lies in the folder {reading.wrapper}: classes are the folders in it")
    apart = sorted({label for name, label in reading.label.items() if label is not None and not reading.split[name]})
    if apart and any(reading.split.values()):
        said.append(f"{some(apart)} stand beside split folders: taken as classes without a split")
    if tree.others:
        endings = Counter(os.path.splitext(path)[1].lower() or "no ending" for path in tree.others)  # noqa: PTH122
        kinds = some([f"{count:,} {ending}" for ending, count in endings.most_common()])
        said.append(f"{counted(len(tree.others), 'file is no picture', 'files are no pictures')} ({kinds}): left aside")
    filled = {folder for name in reading.label for folder in _with_parents(name)}
    empty = [folder for folder in tree.folders if folder not in filled]
    if empty:
        said.append(f"{counted(len(empty), 'folder holds', 'folders hold')} no pictures ({some(empty)}): no class")
    if tree.runs:
        said.append(f"{some(tree.runs)} left aside: written by an audit")
    if tree.not_followed:
        said.append(
            f"{counted(len(tree.not_followed), 'link to a folder leaves', 'links to folders leave')} the root or leads "
            f"back into it ({some(tree.not_followed)}): not followed"
        )
    return said


def _with_parents(folder: str) -> list[str]:
    parts = folder.split("/")
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
