"""How annotators' tools reach the pictures of a queue: copies beside it, or links to where the dataset is served.

A copy is the very picture that was audited: its bytes must have the hash that the report keeps. Its name tells nothing
but its place in the queue.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from PIL import Image

from labelaudit.errors import PixelError
from labelaudit.pixels.chunks import content_sha256, read_picture
from labelaudit.queue.item import Queue, QueueItem
from labelaudit.records import Progress, Stage, no_progress
from labelaudit.report.thumbnails import CHANGED, NOT_THERE
from labelaudit.source.interface import LabelSource, Picture

FOLDER = "images"
NO_FILE = "no file of its own in the dataset"
_ENDINGS = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)
"""How files begin; what begins otherwise keeps the ending that it has."""


@dataclass
class Pictures:
    """How the pictures of a queue are reached.

    Attributes:
        links: sample_id -> URL or path.
        missing: sample_id -> why there is none.
    """

    links: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def link_pictures(queue: Queue, root: str) -> Pictures:
    """Links to pictures that a tool reaches by itself; nothing is read.

    Args:
        queue: The rows.
        root: What stands before a picture's path in the dataset. Of a URL, the path that follows is quoted.
    """
    is_url = "://" in root or "?" in root
    found = Pictures()
    for item in queue.items:
        if item.path is None:
            found.missing[item.sample_id] = NO_FILE
        else:
            found.links[item.sample_id] = root + (quote(item.path) if is_url else item.path)
    return found


def write_pictures(queue: Queue, out: Path, *, source: LabelSource, progress: Progress = no_progress) -> Pictures:
    """Copies the pictures of a queue from the dataset into the folder ``images`` of a folder.

    Args:
        queue: The rows.
        out: An existing folder; links are relative to it.
        source: The dataset that was audited.
        progress: Told after each picture.

    Raises:
        OSError: The folder cannot be written.
    """
    wanted = {item.sample_id for item in queue.items}
    rows = {sample_id: row for row, sample_id in enumerate(source.table.sample_id) if sample_id in wanted}
    (out / FOLDER).mkdir()
    found = Pictures()
    width = len(str(len(queue)))
    for place, item in enumerate(queue.items, 1):
        try:
            content, suffix = _audited(source, rows, item)
        except PixelError as error:
            found.missing[item.sample_id] = str(error)
        else:
            link = f"{FOLDER}/{place:0{width}d}{suffix}"
            (out / link).write_bytes(content)
            found.links[item.sample_id] = link
        progress(Stage("pictures", place, len(queue), "faces"))
    return found


def _audited(source: LabelSource, rows: dict[str, int], item: QueueItem) -> tuple[bytes, str]:
    """The picture that was audited, as a file's content and ending.

    Raises:
        PixelError: It is not there, or it has changed.
    """
    if item.sample_id not in rows:
        raise PixelError(NOT_THERE)
    picture = read_picture(source, rows[item.sample_id])
    if content_sha256(picture) != item.content_sha256:
        raise PixelError(CHANGED)
    return encoded(picture, item.path)


def encoded(picture: Picture, path: str | None) -> tuple[bytes, str]:
    """A picture as a file's content and ending; raw pixels become PNG, a file stays as it is.

    Args:
        picture: Bytes or pixels.
        path: Its path in the dataset, for the ending of a file of a rare kind.
    """
    if not isinstance(picture, bytes):
        content = io.BytesIO()
        Image.fromarray(picture).save(content, "PNG")
        return content.getvalue(), ".png"
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return picture, ".webp"
    known = next((ending for beginning, ending in _ENDINGS if picture.startswith(beginning)), None)
    own = PurePosixPath(path or "").suffix.lower()
    return picture, known or (own if own.isascii() and own[1:].isalnum() else ".bin")
