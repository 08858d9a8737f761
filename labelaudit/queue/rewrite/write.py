"""Carrying out a plan in an empty folder, and taking back what was carried out there."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelaudit.errors import DecisionError
from labelaudit.queue.how import ApplyAs
from labelaudit.queue.rewrite.forms import form_from_json, form_to_json, rewriter_of
from labelaudit.queue.rewrite.names import PLAN_NAMES, write_moves
from labelaudit.queue.rewrite.plan import EditedFile, Plan
from labelaudit.queue.rewrite.tree import write_tree
from labelaudit.records import JsonDict, Progress, Stage
from labelaudit.source.pictures import FilePictures, leaves_root
from labelaudit.source.walk import walk
from labelaudit.source.written import CsvCells, JsonCells, TarLabels, Words

LEFT_OUT_FOLDER = ".left_out"
"""Keeps what was left out, so that it can be brought back. Hidden: no part of the dataset."""

OWN_NAMES = ("ledger.jsonl", "conflicts.csv", *PLAN_NAMES)
"""Files that are written beside a dataset's own."""

_EXACT = (CsvCells, JsonCells, Words, TarLabels)
"""Forms whose files come back byte for byte; libraries may write the others with other bytes for the same cells."""


def write_plan(plan: Plan, folder: Path, *, pictures: FilePictures | None, progress: Progress) -> JsonDict:
    """Writes labels anew.

    Args:
        plan: What changes.
        folder: An empty folder.
        pictures: Of the dataset, where they are files.
        progress: Told how it goes.

    Returns:
        What a ledger has to know of the files to take them back.

    Raises:
        DecisionError: A file changed meanwhile, or links are not possible.
    """
    if plan.how is ApplyAs.PLAN:
        write_moves(folder, plan.moves)
        return {"files": []}
    files: list[JsonDict] = []
    for each in plan.files:
        files.append(_write_file(each, plan, folder))
        progress(Stage("labels", len(files), len(plan.files), "files"))
    root = plan.places.layout.root
    for path, content in plan.own.items():
        if content is not None:
            _write_own(folder / path, content)
    written = {each["path"] for each in files} | plan.own.keys()
    pairs = list(_unchanged(plan, folder, pictures, written))
    pairs += [(path, folder / path.relative_to(root)) for path in plan.places.beside]
    pairs = list(dict.fromkeys(pairs))
    write_tree(pairs, linked=plan.how is ApplyAs.LINKS, total=len(pairs), progress=progress)
    return {"files": files}


def _write_file(edited: EditedFile, plan: Plan, folder: Path) -> JsonDict:
    file = edited.file
    name = plan.places.layout.relative(file.path)
    target, aside = folder / name, folder / LEFT_OUT_FOLDER / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if edited.left_out:
        aside.parent.mkdir(parents=True, exist_ok=True)
    exact = isinstance(file.form, _EXACT)
    edits = {record: now for record, (_, now) in edited.edits.items()}
    places: list[int] = []
    if edits or edited.left_out or file.path.is_dir():
        places = rewriter_of(file.form).write_edited(file.path, target, edits, edited.left_out, aside)
    else:
        shutil.copyfile(file.path, target)
    return {
        "path": name,
        "form": form_to_json(file.form),
        "left_out": places,
        "before": digest_of(file.path) if exact else None,
        "after": digest_of(target) if exact else None,
    }


def _unchanged(
    plan: Plan, folder: Path, pictures: FilePictures | None, written: set[str]
) -> Iterable[tuple[Path, Path]]:
    """The dataset's other files, as far as the form has them, and where they go."""
    layout = plan.places.layout
    if plan.how is ApplyAs.LABELS:
        others = [path for path in dict.fromkeys(plan.places.own or ()) if (layout.root / path).is_file()]
        yield from ((layout.root / path, folder / path) for path in others if path not in written)
    if plan.how not in (ApplyAs.LINKS, ApplyAs.COPY) or pictures is None:
        return
    root, names = layout.root, [*pictures.paths]
    if layout.file is None and pictures.root == root.resolve():
        names = [*layout.tree.pictures, *layout.tree.others]
    else:
        root = pictures.root
    for name in dict.fromkeys(names):
        if name is None or name in written or leaves_root(name) or name in OWN_NAMES:
            continue
        if not os.path.isfile(root / name):  # noqa: PTH113 - a Path raises an error on names that are too long
            continue
        to = plan.moves.get(name, name)
        yield root / name, folder / LEFT_OUT_FOLDER / name if to is None else folder / to


def digest_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Undoing:
    """What an earlier act wrote, read back from its ledger.

    Attributes:
        how: In which form it was written.
        files: What ``write_plan`` gave.
        edits: Path of a file -> record -> its spelling before and after the act.
        own: Path of a file of one label -> its content before and after; None = there was none.
        moves: Path of a picture before the act -> after it; None = it was left out.
        content: Path of such a picture before the act -> its SHA-256, where it is known.
    """

    how: ApplyAs
    files: Sequence[Mapping[str, Any]]
    edits: Mapping[str, Mapping[int, tuple[str, str]]] = field(default_factory=dict)
    own: Mapping[str, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    moves: Mapping[str, str | None] = field(default_factory=dict)
    content: Mapping[str, str] = field(default_factory=dict)


def check_undo(base: Path, act: Undoing) -> None:
    """Refuses to take back what is no longer as the act left it.

    Raises:
        DecisionError: A file is missing or was changed since, or what was left out is not kept here.
    """
    for file in act.files:
        path, form = base / file["path"], form_from_json(file["form"])
        if not path.exists():
            raise DecisionError(f"{file['path']} is missing beside the ledger: nothing can be taken back")
        if file["after"] is not None and digest_of(path) != file["after"]:
            raise DecisionError(f"{file['path']} was changed after the ledger was written: the two do not fit together")
        edits, gone = act.edits.get(file["path"], {}), set(file["left_out"])
        if not isinstance(form, _EXACT) and edits:
            kept = [record for record in range(len(gone) + max(edits) + 1) if record not in gone]
            spellings = dict(zip(kept, rewriter_of(form).spellings(path), strict=False))
            for record, (_, now) in edits.items():
                if spellings.get(record) != now:
                    raise DecisionError(
                        f"row {record + 1:,} of {file['path']} is {spellings.get(record)} and not {now} as the ledger "
                        "has it: the two do not fit together"
                    )
        if gone and not (base / LEFT_OUT_FOLDER / file["path"]).exists():
            raise DecisionError(f"what was left out of {file['path']} is not kept here ({LEFT_OUT_FOLDER}): not undone")
    for path, (_, after) in act.own.items():
        found = (base / path).read_bytes() if (base / path).is_file() else None
        if found != after:
            raise DecisionError(f"{path} was changed after the ledger was written: the two do not fit together")
    if act.how in (ApplyAs.LINKS, ApplyAs.COPY):
        for before, after_path in act.moves.items():
            there = base / LEFT_OUT_FOLDER / before if after_path is None else base / after_path
            name = after_path or before
            if not there.is_file():
                raise DecisionError(f"{name} is missing beside the ledger: nothing can be taken back")
            if act.content.get(before) not in (None, digest_of(there)):
                raise DecisionError(f"{name} is not the picture that the ledger speaks of: the two do not fit together")


def write_undone(base: Path, act: Undoing, folder: Path, *, progress: Progress) -> JsonDict:
    """Writes labels as they were before an act. What ``check_undo`` refuses must not come here.

    Args:
        base: The folder that the act wrote.
        act: The act.
        folder: An empty folder.
        progress: Told how it goes.

    Returns:
        What a ledger has to know of the files.

    Raises:
        DecisionError: A file does not come back as it was.
    """
    files = [_write_file_back(base, file, act.edits.get(file["path"], {}), folder) for file in act.files]
    for path, (before, _) in act.own.items():
        if before is not None:
            _write_own(folder / path, before)
    if act.how is ApplyAs.PLAN:
        write_moves(folder, {after: before for before, after in act.moves.items() if after is not None})
    written = {file["path"] for file in act.files} | act.own.keys() | {*OWN_NAMES}
    pairs: list[tuple[Path, Path]] = []
    if "." not in written:
        names = {after: before for before, after in act.moves.items() if after is not None}
        tree = walk(base)
        rest = [name for name in (*tree.pictures, *tree.others) if name not in written]
        pairs += [(base / name, folder / names.get(name, name)) for name in rest]
        if act.how is not ApplyAs.PLAN:
            gone = [before for before, after in act.moves.items() if after is None]
            pairs += [(base / LEFT_OUT_FOLDER / name, folder / name) for name in gone]
    write_tree(pairs, linked=act.how is ApplyAs.LINKS, total=len(pairs), progress=progress)
    return {"files": files}


def _write_file_back(
    base: Path, file: Mapping[str, Any], edits: Mapping[int, tuple[str, str]], folder: Path
) -> JsonDict:
    name, rewriter = file["path"], rewriter_of(form_from_json(file["form"]))
    path, target = base / name, folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    joined = folder / LEFT_OUT_FOLDER / "joined" / name
    if file["left_out"]:
        joined.parent.mkdir(parents=True, exist_ok=True)
        rewriter.write_joined(path, joined, file["left_out"], base / LEFT_OUT_FOLDER / name)
        path = joined
    if edits or path.is_dir():
        rewriter.write_edited(path, target, {record: was for record, (was, _) in edits.items()}, (), joined)
    else:
        shutil.copyfile(path, target)
    shutil.rmtree(folder / LEFT_OUT_FOLDER, ignore_errors=True)
    if file["before"] is not None and digest_of(target) != file["before"]:
        raise DecisionError(f"{name} does not come back as it was: the ledger was changed, or belongs to another file")
    return {**file, "left_out": [], "before": file["after"], "after": file["before"]}


def _write_own(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
