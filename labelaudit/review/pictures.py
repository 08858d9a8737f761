"""The pictures of the desk, as a browser can show them: only those that were audited, never another file.

A picture is sent as it lies in the dataset where that is a JPEG or a PNG of moderate size. Anything else is decoded
here, with the decoder and the limits of the audit, and sent as a PNG: browsers do not know TIFF, and an animation would
move.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from PIL import Image

from labelaudit.errors import PixelError, ReportError
from labelaudit.pixels.chunks import content_sha256, read_picture
from labelaudit.pixels.decode import decode_face
from labelaudit.review.desk import Shown
from labelaudit.source.interface import LabelSource, Picture

SMALL = 160
"""Longest side of a picture that is shown beside the one to decide, in pixels."""
_LARGE = 1_024
_MOST_BYTES = 2_000_000
_MOST_SMALL_BYTES = 24_000
_MOVES = b"acTL"  # the chunk that makes a PNG an animation, before its first picture
_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_HEAD = 4_096
_TRIED = 50

NOT_THERE = "not in the dataset"
CHANGED = "changed since the audit"


@dataclass(frozen=True, slots=True)
class Served:
    """A picture as it goes to a browser.

    Attributes:
        content: The file.
        media_type: What it is.
    """

    content: bytes
    media_type: str


class Album:
    """Reads the pictures that may be shown. Its methods may be called from several threads at once.

    Args:
        source: The dataset that was audited.
        pictures: Report row -> what it must be.
    """

    def __init__(self, source: LabelSource, pictures: Mapping[int, Shown]) -> None:
        self._source = source
        self._pictures = pictures
        self._rows = _rows_in(source, pictures)

    def check(self) -> None:
        """Looks at the first pictures until one is as it was audited.

        Raises:
            ReportError: None is: this is another dataset.
        """
        why = ""
        for row in islice(self._pictures, _TRIED):
            try:
                self._read(row)
                return
            except PixelError as error:
                why = why or f"{self._pictures[row].sample_id}: {error}"
        raise ReportError(f"the pictures are not in the dataset as they were audited ({why}); name it with --dataset")

    def holds(self, row: int) -> bool:
        """Whether the picture of a row may be shown."""
        return row in self._pictures

    def large(self, row: int) -> Served:
        """The picture of a row, to look at.

        Raises:
            KeyError: The album does not hold the row.
            PixelError: There is no such picture any more; the message says why, without folders.
        """
        picture = self._read(row)
        return _as_it_is(picture, _MOST_BYTES) or _redrawn(picture, _LARGE)

    def small(self, row: int) -> Served:
        """The picture of a row, to be shown beside another.

        Raises:
            KeyError, PixelError: As ``large``.
        """
        picture = self._read(row)
        return _as_it_is(picture, _MOST_SMALL_BYTES) or _redrawn(picture, SMALL)

    def _read(self, row: int) -> Picture:
        shown = self._pictures[row]
        if row not in self._rows:
            raise PixelError(NOT_THERE)
        picture = read_picture(self._source, self._rows[row])
        if content_sha256(picture) != shown.content_sha256:
            raise PixelError(CHANGED)
        return picture


def _rows_in(source: LabelSource, pictures: Mapping[int, Shown]) -> dict[int, int]:
    """Row of the report -> row of the dataset; mostly the same, unless the dataset has grown or shrunk since."""
    ids = source.table.sample_id
    moved = {
        shown.sample_id: row for row, shown in pictures.items() if not (row < len(ids) and ids[row] == shown.sample_id)
    }
    found = {row: row for row, shown in pictures.items() if shown.sample_id not in moved}
    if moved:
        found |= {moved[sample_id]: row for row, sample_id in enumerate(ids) if sample_id in moved}
    return found


def _as_it_is(picture: Picture, most_bytes: int) -> Served | None:
    if isinstance(picture, bytes) and len(picture) <= most_bytes and _MOVES not in picture[:_HEAD]:
        for signature, media_type in _SIGNATURES.items():
            if picture.startswith(signature):
                return Served(picture, media_type)
    return None


def _redrawn(picture: Picture, side: int) -> Served:
    """The picture at most ``side`` pixels wide and high, in its own proportions."""
    face = decode_face(picture, size=side)
    longest = max(face.width, face.height)
    if longest < side:
        face = decode_face(picture, size=longest)  # a smaller one keeps its pixels
    sides = [max(1, round(len(face.pixels) * each / longest)) for each in (face.width, face.height)]
    content = io.BytesIO()
    Image.fromarray(face.pixels).resize((sides[0], sides[1])).save(content, "PNG", compress_level=1)
    return Served(content.getvalue(), "image/png")
