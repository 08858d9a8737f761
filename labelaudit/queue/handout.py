"""A queue handed out: in a format, with its pictures, to one or several annotators; whole or not at all."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from labelaudit.errors import QueueError, SettingsError
from labelaudit.queue.aside import folder_aside
from labelaudit.queue.assign import part_of
from labelaudit.queue.formats import QueueFormat
from labelaudit.queue.item import Queue
from labelaudit.queue.pictures import Pictures, link_pictures, write_pictures
from labelaudit.queue.ways import PictureWay
from labelaudit.records import JsonDict, Progress, no_progress
from labelaudit.rundir import write_json, written_aside
from labelaudit.source.interface import LabelSource

_MARK = ".labelaudit.json"
"""Marks a folder as written here: ``force`` never replaces a stranger's. Hidden, as tools read what is not."""


@dataclass(frozen=True)
class PicturePlan:
    """How the pictures of a queue are to be reached.

    Attributes:
        way: Copies or none.
        root: What stands before the path of a picture, as the annotators' tool sees it: of a copy before its path in
            the queue's folder, else before its path in the dataset. None = nothing; without copies a file format
            then says nothing of pictures.
    """

    way: PictureWay
    root: str | None = None


@dataclass(frozen=True)
class Part:
    """What one annotator gets.

    Attributes:
        path: The file or folder.
        file: The file to fill in, inside the folder; of a format that is a folder, the folder.
        annotator: Who; None = anybody.
        rows: Rows in it.
    """

    path: Path
    file: Path
    annotator: str | None
    rows: int


@dataclass(frozen=True)
class HandOut:
    """A queue that was handed out.

    Attributes:
        parts: One, or one an annotator.
        pictures: Different pictures that were copied or linked.
        missing: Why rows have no picture, and how many for each reason.
        left_out: Whether those rows were therefore left out.
    """

    parts: tuple[Part, ...]
    pictures: int
    missing: dict[str, int]
    left_out: bool

    def to_json(self) -> JsonDict:
        """Plain values."""
        parts = [{**asdict(each), "path": str(each.path), "file": str(each.file)} for each in self.parts]
        return {**asdict(self), "parts": parts}


def plan_pictures(form: QueueFormat, way: PictureWay | None, root: str | None) -> PicturePlan:
    """Decides what is done about pictures.

    Args:
        form: The format.
        way: What a person asked for; None = what the format is best served with.
        root: As of ``PicturePlan``.

    Raises:
        SettingsError: The format needs copies.
    """
    if way is None:
        way = PictureWay.COPY if form.is_folder and root is None else PictureWay.NONE
    if form.needs_copies and way is PictureWay.NONE:
        raise SettingsError(f"{form.title} needs copies of the pictures; ask for them, and for no other place")
    return PicturePlan(way, root)


def default_name(form: QueueFormat, plan: PicturePlan, *, name: str = "queue") -> str:
    """What a queue is called in its run's folder: ``queue.csv``, ``queue-label-studio``."""
    return f"{name}-{form.name}" if _is_folder(form, plan) else f"{name}.{form.name}"


def write_queue(
    queue: Queue,
    out: Path,
    *,
    form: QueueFormat,
    plan: PicturePlan,
    source: LabelSource | None = None,
    annotators: Sequence[str] = (),
    force: bool = False,
    progress: Progress = no_progress,
) -> HandOut:
    """Writes a queue for annotators: all of it, or nothing.

    Args:
        queue: The rows; assigned, where there are annotators.
        out: The file or folder to be. Of several annotators each gets one of their own, with the name at its end.
        form: The format.
        plan: How pictures are reached.
        source: The dataset that was audited, where pictures are copied.
        annotators: Who has rows in the queue; empty = one queue for all.
        force: Replace what an earlier call left there.
        progress: Told of pictures as they are copied.

    Raises:
        QueueError: There is nothing to ask about, no picture can be had, or nothing can be written there.
    """
    if not queue.items:
        raise QueueError("no row is left to ask about: no label looks wrong, or the limits are too narrow; widen them")
    is_folder = _is_folder(form, plan)
    parts: list[tuple[str | None, Path, Queue]] = [
        (who, _path_of(out, who, is_folder=is_folder), part_of(queue, who)) for who in annotators
    ]
    parts = [each for each in parts if len(each[2])] or [(None, out, queue)]
    for _, path, _ in parts:
        _check_free(path, is_folder=is_folder, force=force)
    handed: list[Part] = []
    pictures = Pictures()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as finished:  # renames all parts at its end, when all are written
            for who, path, part in parts:
                aside = finished.enter_context((folder_aside if is_folder else written_aside)(path))
                if plan.way is PictureWay.NONE:
                    found = _linked(part, form, plan)
                else:
                    found = _write_copies(part, aside, source, plan.root or "", progress)
                if form.is_folder:
                    part = replace(part, items=tuple(item for item in part.items if item.sample_id in found.links))
                inside = f"queue.{form.name}" if is_folder and not form.is_folder else ""
                form.write(part, aside / inside, pictures=found.links)
                if is_folder:
                    write_json(aside / _MARK, _facts(part, form, who))
                handed.append(Part(path, path / inside, who, len(part)))
                pictures.links.update(found.links)
                pictures.missing.update(found.missing)
    except OSError as error:
        raise QueueError(f"cannot write {out}: {error.strerror}; free some space, or name another place") from error
    return HandOut(tuple(handed), len(pictures.links), dict(Counter(pictures.missing.values())), form.is_folder)


def _is_folder(form: QueueFormat, plan: PicturePlan) -> bool:
    return form.is_folder or plan.way is PictureWay.COPY


def _path_of(out: Path, annotator: str, *, is_folder: bool) -> Path:
    return out.with_name(f"{out.name}-{annotator}" if is_folder else f"{out.stem}-{annotator}{out.suffix}")


def _check_free(path: Path, *, is_folder: bool, force: bool) -> None:
    if not path.exists() or (is_folder and path.is_dir() and not any(path.iterdir())):
        return
    kind = "folder" if is_folder else "file"
    if path.is_dir() is not is_folder:
        raise QueueError(f"{path} exists already and is no {kind}; name a {kind} to be")
    if is_folder and not (path / _MARK).is_file():
        raise QueueError(f"{path} is a folder with something else in it; name another one")
    if not force:
        raise QueueError(f"{path} exists already, perhaps with decisions in it; add --force to replace it")


def _linked(queue: Queue, form: QueueFormat, plan: PicturePlan) -> Pictures:
    if plan.root is None and not form.is_folder:
        return Pictures()
    return _some(link_pictures(queue, plan.root or ""), queue, "let the pictures be copied")


def _write_copies(queue: Queue, aside: Path, source: LabelSource | None, root: str, progress: Progress) -> Pictures:
    if source is None:
        raise ValueError("pictures are to be copied, and there is no source")
    found = write_pictures(queue, aside, source=source, progress=progress)
    found.links = {sample_id: root + link for sample_id, link in found.links.items()}
    return _some(found, queue, "say where the dataset is now")


def _some(found: Pictures, queue: Queue, way_on: str) -> Pictures:
    if not found.links:
        first, why = next(iter(found.missing.items()))
        raise QueueError(f"none of the {len(queue):,} rows has a picture ({first}: {why}); {way_on}")
    return found


def _facts(queue: Queue, form: QueueFormat, annotator: str | None) -> JsonDict:
    return {
        "written_by": "labelaudit queue",
        "format": form.name,
        "dataset": queue.dataset,
        "model_version": queue.model_version,
        "rows": len(queue),
        "blind": queue.blind,
        "annotator": annotator,
    }
