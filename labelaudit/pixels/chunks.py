"""One chunk of a store in the making: read, decode, measure, write the pixels, commit the facts.

The order is what makes a build survive a kill: pixels are on disk before the part that vouches for them appears.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelaudit.errors import PixelError
from labelaudit.pixels.decode import decode_face
from labelaudit.pixels.measures import THUMBNAIL_SIDE, measure
from labelaudit.pixels.store import StoreLayout
from labelaudit.rundir import written_aside
from labelaudit.source.interface import LabelSource, Picture

_CHUNK_BYTES = 8_000_000
"""Of pixels a chunk, in memory once in each thread."""

_MAX_CHUNK_ROWS = 1_024

FACT_SCHEMA = pa.schema(
    [
        ("error", pa.string()),
        ("content_sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("sharpness", pa.float32()),
        ("brightness", pa.float32()),
    ]
)
"""What is kept of a row."""

PART_SCHEMA = FACT_SCHEMA.append(pa.field("thumbnail", pa.binary(THUMBNAIL_SIDE * THUMBNAIL_SIDE)))
"""What a part holds: the facts, and what only finding duplicates needs."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows that are built and committed together.

    Attributes:
        rows: The rows.
        part: The file that commits them.
    """

    rows: range
    part: Path

    def is_committed(self) -> bool:
        """True where an earlier, interrupted build has finished this chunk."""
        if not self.part.is_file():
            return False
        try:
            return int(pq.read_table(self.part, schema=PART_SCHEMA).num_rows) == len(self.rows)
        except (pa.ArrowException, OSError):
            return False


def parts_folder(layout: StoreLayout) -> Path:
    """Where a store in the making keeps its parts."""
    return layout.folder / "parts"


def plan_chunks(layout: StoreLayout) -> list[Chunk]:
    """Cuts a store's rows into chunks; depends on the store alone, so an interrupted build finds its parts again."""
    step = min(max(_CHUNK_BYTES // layout.row_bytes, 1), _MAX_CHUNK_ROWS)
    starts = range(0, layout.rows, step)
    return [
        Chunk(range(start, min(start + step, layout.rows)), parts_folder(layout) / f"{number:06d}.parquet")
        for number, start in enumerate(starts)
    ]


def build_chunk(source: LabelSource, chunk: Chunk, layout: StoreLayout) -> None:
    """Builds one chunk and commits it.

    Args:
        source: The dataset.
        chunk: What to build.
        layout: The store, whose pixel file has its full length already.

    Raises:
        OSError: The cache cannot be written.
    """
    pixels, part = decode_rows(source, chunk.rows, side=layout.side)
    _write_pixels(layout, chunk.rows.start, pixels)
    with written_aside(chunk.part) as aside:
        pq.write_table(part, aside, compression="none")


def decode_rows(source: LabelSource, rows: Sequence[int], *, side: int) -> tuple[NDArray[np.uint8], pa.Table]:
    """Reads, decodes and measures rows. Unreadable pictures become rows with an error and black pixels.

    Args:
        source: The dataset.
        rows: n of its rows.
        side: Side of the squares in pixels.

    Returns:
        Pixels (n, side, side, 3), and a table of ``PART_SCHEMA``.
    """
    count = len(rows)
    pixels = np.zeros((count, side, side, 3), dtype=np.uint8)
    size = np.zeros((count, 2), dtype=np.int32)  # width, height
    errors: list[str | None] = [None] * count
    hashes: list[str | None] = [None] * count
    for place, row in enumerate(rows):
        try:
            picture = read_picture(source, row)
            hashes[place] = content_sha256(picture)
            face = decode_face(picture, size=side)
        except PixelError as error:
            errors[place] = str(error)
            continue
        pixels[place] = face.pixels
        size[place] = face.width, face.height
    measures = measure(pixels)
    unreadable = np.array([error is not None for error in errors], dtype=bool)
    part = {
        "error": pa.array(errors, pa.string()),
        "content_sha256": pa.array(hashes, pa.string()),
        "width": size[:, 0],
        "height": size[:, 1],
        "sharpness": np.where(unreadable, np.float32(np.nan), measures.sharpness),
        "brightness": np.where(unreadable, np.float32(np.nan), measures.brightness),
        "thumbnail": [face.tobytes() for face in measures.thumbnails],
    }
    return pixels, pa.table(part, schema=PART_SCHEMA)


def read_picture(source: LabelSource, row: int) -> Picture:
    """Reads a picture; whatever the disk says of it becomes a ``PixelError``.

    Raises:
        PixelError: The picture is missing or cannot be read.
    """
    try:
        return source.read(row)
    except OSError as error:
        raise PixelError(f"cannot be read: {error.strerror or type(error).__name__}") from error


def read_thumbnails(part: pa.Table) -> NDArray[np.uint8]:
    """The thumbnails of a part, (N, T, T).

    Args:
        part: A table of ``PART_SCHEMA``.
    """
    content = b"".join(part["thumbnail"].to_pylist())
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, THUMBNAIL_SIDE, THUMBNAIL_SIDE)


def content_sha256(picture: Picture) -> str | None:
    """Hex digest of the encoded bytes, or of raw pixels row by row; None where a file is empty."""
    content = picture if isinstance(picture, bytes) else picture.tobytes()
    return hashlib.sha256(content).hexdigest() if content else None


def _write_pixels(layout: StoreLayout, start: int, pixels: NDArray[np.uint8]) -> None:
    """Writes through the file and not through a map: a full disk then is an error and not the end of the process."""
    with open(layout.pixels, "rb+") as handle:
        handle.seek(start * layout.row_bytes)
        handle.write(pixels.data)
        handle.flush()
        os.fsync(handle.fileno())
