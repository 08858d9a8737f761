"""The user's own pictures, small, for a page that must hold them itself.

A picture is shown only if it is the one that was audited: its bytes must have the hash that the report keeps.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from labelaudit.errors import PixelError, ReportError
from labelaudit.pixels.chunks import content_sha256, read_picture
from labelaudit.pixels.decode import decode_face
from labelaudit.records import Progress, Stage, no_progress
from labelaudit.source.interface import LabelSource, Picture

SIDE = 112
"""Longest side of a thumbnail, in pixels and in CSS pixels."""
_LOSSLESS_SIDE = 64
_QUALITY = 85

NOT_THERE = "not in the dataset"
CHANGED = "changed since the audit"


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a page holds it.

    Attributes:
        uri: A ``data:`` URI.
        width, height: To show it at, in CSS pixels; the longer one is ``SIDE``.
    """

    uri: str
    width: int
    height: int


@dataclass
class Thumbnails:
    """What a dataset gave of the pictures that were asked for.

    Attributes:
        found: sample_id -> picture.
        missing: sample_id -> why there is none.
    """

    found: dict[str, Thumbnail] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def fetch_thumbnails(source: LabelSource, wanted: Mapping[str, str], *, progress: Progress = no_progress) -> Thumbnails:
    """Reads pictures from the dataset that was audited.

    Args:
        source: The dataset.
        wanted: sample_id -> ``content_sha256`` that the report has.
        progress: Told after each picture.

    Raises:
        ReportError: None of the pictures is there as it was audited: this is another dataset.
    """
    rows = {sample_id: row for row, sample_id in enumerate(source.table.sample_id) if sample_id in wanted}
    got = Thumbnails()
    for done, (sample_id, digest) in enumerate(wanted.items()):
        progress(Stage("pictures", done, len(wanted), "faces"))
        if sample_id not in rows:
            got.missing[sample_id] = NOT_THERE
            continue
        try:
            picture = read_picture(source, rows[sample_id])
            if content_sha256(picture) == digest:
                got.found[sample_id] = make_thumbnail(picture)
            else:
                got.missing[sample_id] = CHANGED
        except PixelError as error:
            got.missing[sample_id] = str(error)
    progress(Stage("pictures", len(wanted), len(wanted), "faces"))
    if wanted and not got.found:
        first, why = next(iter(got.missing.items()))
        raise ReportError(
            f"none of the {len(wanted):,} pictures to show is in the dataset as it was audited ({first}: {why}); "
            "name it with --dataset, or choose --no-images"
        )
    return got


def make_thumbnail(picture: Picture) -> Thumbnail:
    """A picture at most ``SIDE`` pixels wide and high, without its metadata; a smaller one keeps its pixels.

    Raises:
        PixelError: It cannot be decoded.
    """
    face = decode_face(picture, size=SIDE)
    longest = max(face.width, face.height)
    if longest < SIDE:
        face = decode_face(picture, size=longest)
    image = Image.fromarray(face.pixels)  # a square; the page gives it its true proportions back
    if (face.pixels == face.pixels[..., :1]).all():
        image = image.convert("L")
    lossless = longest <= _LOSSLESS_SIDE
    content = io.BytesIO()
    if lossless:
        image.save(content, "PNG", optimize=True)
    else:
        image.save(content, "JPEG", quality=_QUALITY, optimize=True)
    encoded = base64.b64encode(content.getvalue()).decode("ascii")
    width, height = (max(1, round(SIDE * side / longest)) for side in (face.width, face.height))
    return Thumbnail(f"data:image/{'png' if lossless else 'jpeg'};base64,{encoded}", width, height)
