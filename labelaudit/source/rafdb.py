"""RAF-DB, basic expressions (Li, Deng, Du, CVPR 2017).

The original form: ``EmoLabel/list_patition_label.txt`` (so spelled) with lines ``train_00001.jpg 5``, pictures in
``Image/aligned/train_00001_aligned.jpg`` or ``Image/original/train_00001.jpg``; the split is the name's prefix. About
forty annotators' shares of the seven classes stand in ``EmoLabel/distribution_basic.txt``.
The re-shipped form: ``DATASET/train/5/train_00001_aligned.jpg`` with ``train_labels.csv`` (``image,label``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelaudit.errors import SourceError
from labelaudit.source.cells import label_texts, texts
from labelaudit.source.draft import ClassCodes, Draft, Votes
from labelaudit.source.encoding import text_lines
from labelaudit.source.folder import folder_draft
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import FilePictures
from labelaudit.source.tables import read_table
from labelaudit.source.words import counted, some
from labelaudit.source.written import CsvCells, LabelFile, LabelPlaces, Words

CODES = ClassCodes.numbered("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral", first=1)

_LIST = "list_patition_label.txt"
_SHARES = "distribution_basic.txt"
_SPLIT_TABLES = {"train_labels.csv": "train", "test_labels.csv": "test"}


def _probe(layout: Layout) -> Match | None:
    if layout.find(_LIST):
        return Match(Fit.KNOWN, f"{_LIST} found: RAF-DB basic")
    tables = _split_tables(layout)
    if tables and layout.file is None and _aligned(layout):
        return Match(
            Fit.KNOWN, f"{tables[0].name} and pictures such as {_aligned(layout)} found: RAF-DB basic, re-shipped"
        )
    return None


def _read(layout: Layout) -> Draft:
    lists = layout.find(_LIST)
    if len(lists) > 1:
        raise SourceError(f"{layout.name} holds {_LIST} more than once: give the folder of one of them")
    if lists:
        return _original(lists[0], layout)
    if tables := _split_tables(layout):
        return _reshipped(tables, layout)
    return folder_draft(layout, CODES)  # 1/ to 7/ and nothing else: only the user can know


FORMAT = Format("rafdb", "RAF-DB basic", _probe, _read)


def _original(file: Path, layout: Layout) -> Draft:
    options = layout.options
    # The list stands in EmoLabel/ beside Image/, maybe below the folder that was named, maybe above it.
    home = file.parent.parent if file.parent.name.casefold() == "emolabel" else file.parent
    root = layout.root if home.is_relative_to(layout.root) else home
    if options.root is not None:  # the list alone, its pictures elsewhere
        home, root = options.root / home.relative_to(root), options.root
    names: list[str] = []
    label: list[str | None] = []
    for number, line in enumerate(text_lines(file), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) > 2:
            raise SourceError(
                f"{file.name} line {number:,}: expected a file name and a label, such as train_00001.jpg 5"
            )
        names.append(fields[0])
        label.append(fields[1] if len(fields) == 2 else None)
    assumed: list[str] = []
    folder, suffix = _picture_folder(home, names, assumed)
    folder = f"{home.relative_to(root).as_posix()}/{folder}".removeprefix("./")
    paths = [f"{folder}{_stem(name)}{suffix}{_ending(name)}" for name in names]
    shares = next((path for path in (file.parent / _SHARES, home / _SHARES) if path.is_file()), None)
    votes = _shares(shares, names) if shares is not None and options.votes and options.label_column is None else None
    return Draft(
        sample_id=paths,
        label=label,
        path=paths,
        split=[_prefix(name) for name in names],
        pictures=FilePictures(root, paths),
        where=file.name,
        codes=CODES,
        votes=votes,
        assumed=assumed,
        places=LabelPlaces(layout, (LabelFile(file, Words(1, 2), range(len(label))),)),
    )


def _picture_folder(home: Path, names: Sequence[str], assumed: list[str]) -> tuple[str, str]:
    """The folder of the pictures, ending in ``/`` unless it is ``home``, and what follows each name's stem."""
    looked_at = names[:: -(-len(names) // 50) or 1]
    for folder in ("Image/aligned/", "aligned/", "Image/", "", "Image/original/", "original/"):
        for suffix in ("_aligned", ""):
            paths = (f"{home}/{folder}{_stem(name)}{suffix}{_ending(name)}" for name in looked_at)
            if any(map(os.path.isfile, paths)):  # a Path would raise an error on names that are too long
                if "original" in folder:
                    assumed.append(f"faces are not aligned: the pictures in {folder} are whole photographs")
                return folder, suffix
    raise SourceError(
        f"none of the pictures that {_LIST} names is there: they belong into Image/aligned/ beside EmoLabel/"
    )


def _shares(file: Path, names: Sequence[str]) -> Votes:
    """Annotators' shares of the seven classes, in the order of the list."""
    by_name: dict[str, list[float]] = {}
    for number, line in enumerate(text_lines(file), start=1):
        fields = line.split()
        try:
            shares = [float(field) for field in fields[1:]]
        except ValueError:
            shares = []
        if fields and len(shares) != len(CODES.names):
            raise SourceError(
                f"{file.name} line {number:,}: expected a file name and {len(CODES.names)} shares; --no-votes"
            )
        if fields:
            by_name[_stem(fields[0]).removesuffix("_aligned")] = shares
    none = [0.0] * len(CODES.names)
    counts = np.array([by_name.get(_stem(name), none) for name in names], dtype=np.float32)
    return Votes(tuple(CODES.names.values()), counts, f"the annotators' shares in {file.name}")


def _split_tables(layout: Layout) -> list[Path]:
    tables = [path for path in layout.find(*_SPLIT_TABLES) if {"image", "label"} <= set(layout.header(path))]
    return [path for path in tables if path.parent == tables[0].parent]


def _aligned(layout: Layout) -> str | None:
    return next((path for path in layout.tree.pictures if _stem(path).endswith("_aligned")), None)


def _reshipped(tables: Sequence[Path], layout: Layout) -> Draft:
    there = {(_split_of(path), path.rpartition("/")[2]): path for path in layout.tree.pictures}
    home = _above_splits(layout.tree.pictures)
    draft = folder_draft(layout, CODES)
    draft.assumed.clear()
    in_folder = dict(zip(draft.path, draft.label, strict=True))
    paths: list[str] = []
    label: list[str | None] = []
    split: list[str | None] = []
    listed: set[str] = set()
    differ = 0
    places: list[LabelFile] = []
    for table_file in tables:
        table = read_table(table_file, draft.assumed)
        part = _SPLIT_TABLES[table_file.name.casefold()]
        names, codes = texts(table.column("image")), label_texts(table.column("label"))
        places.append(LabelFile(table_file, CsvCells("label"), range(len(label), len(label) + table.num_rows)))
        for name, code in zip(names, codes, strict=True):
            path = there.get((part, name or ""), f"{home}{part}/{code}/{name}")
            listed.add(path)
            differ += in_folder.get(path, code) != code
            paths.append(path)
            label.append(code)
            split.append(part)
    rest = [path for path in layout.tree.pictures if path not in listed]
    if rest:
        draft.assumed.append(f"{counted(len(rest), 'picture')} in no csv ({some(rest)}): labelled by folder")
    if differ:
        draft.assumed.append(
            f"{counted(differ, 'picture lies', 'pictures lie')} in another class's folder: the csv counts"
        )
    draft.sample_id = draft.path = all_paths = paths + rest
    draft.label = label + [in_folder[path] for path in rest]
    draft.split = split + [_split_of(path) for path in rest]
    draft.pictures = FilePictures(layout.root, all_paths)
    draft.places = LabelPlaces(layout, tuple(places), renamed=draft.places.renamed if draft.places else None)
    return draft


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122 - no Path object a row


def _ending(name: str) -> str:
    return os.path.splitext(name)[1]  # noqa: PTH122


def _prefix(name: str) -> str | None:
    head = name.split("_", 1)[0]
    return head if head in ("train", "test") else None


def _above_splits(pictures: Sequence[str]) -> str:
    """The folder that holds train/ and test/, ending in ``/``; empty = the dataset's own."""
    for path in pictures:
        if (part := _split_of(path)) is not None:
            folders = path.split("/")
            return "".join(f"{folder}/" for folder in folders[: folders.index(part)])
    return ""


def _split_of(path: str) -> str | None:
    return next((part for part in path.split("/")[:-1] if part in ("train", "test")), None)
