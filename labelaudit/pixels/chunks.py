"""One chunk of a store in the making: read, decode, measure, write the pixels, commit the facts.

The order is what makes a build survive a kill: pixels are on disk before the part that vouches for them appears.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelaudit.errors import PixelError
from labelaudit.pixels.decode import decode_face
from labelaudit.pixels.measures import THUMBNAIL_SIDE, brightness, grey_of, sharpness, thumbnails
from labelaudit.pixels.store import StoreLayout
from labelaudit.rundir import written_aside
from labelaudit.source.interface import LabelSource, Picture

_CHUNK_BYTES = 8_000_000
"""Of pixels a chunk; measuring takes about six times as much for a moment, in each thread."""

_MAX_CHUNK_ROWS = 1_024
_DIGEST_BYTES = 16

PART_SCHEMA = pa.schema(
    [
        ("error", pa.string()),
        ("content_sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("sharpness", pa.float32()),
        ("brightness", pa.float32()),
        ("thumbnail", pa.binary(THUMBNAIL_SIDE * THUMBNAIL_SIDE)),
        ("pixel_digest", pa.binary(_DIGEST_BYTES)),
    ]
)
"""What a part holds: the facts, and the last two columns, which only finding duplicates needs."""


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
    """Builds one chunk and commits it. Unreadable pictures become rows with an error and black pixels.

    Args:
        source: The dataset.
        chunk: What to build.
        layout: The store, whose pixel file has its full length already.

    Raises:
        OSError: The cache cannot be written.
    """
    count = len(chunk.rows)
    pixels = np.zeros((count, layout.side, layout.side, 3), dtype=np.uint8)
    size = np.zeros((count, 2), dtype=np.int32)  # width, height
    digests = np.zeros((count, _DIGEST_BYTES), dtype=np.uint8)
    errors: list[str | None] = [None] * count
    hashes: list[str | None] = [None] * count
    for place, row in enumerate(chunk.rows):
        try:
            picture = read_picture(source, row)
            hashes[place] = _content_sha256(picture)
            face = decode_face(picture, size=layout.side)
        except PixelError as error:
            errors[place] = str(error)
            continue
        pixels[place] = face.pixels
        size[place] = face.width, face.height
        digest = hashlib.blake2b(face.pixels, digest_size=_DIGEST_BYTES).digest()
        digests[place] = np.frombuffer(digest, dtype=np.uint8)
    _write_pixels(layout, chunk.rows.start, pixels)
    grey = grey_of(pixels)
    unreadable = np.array([error is not None for error in errors], dtype=bool)
    part = {
        "error": pa.array(errors, pa.string()),
        "content_sha256": pa.array(hashes, pa.string()),
        "width": size[:, 0],
        "height": size[:, 1],
        "sharpness": np.where(unreadable, np.float32(np.nan), sharpness(grey)),
        "brightness": np.where(unreadable, np.float32(np.nan), brightness(grey)),
        "thumbnail": _binary(thumbnails(grey).reshape(count, -1)),
        "pixel_digest": _binary(digests),
    }
    with written_aside(chunk.part) as aside:
        pq.write_table(pa.table(part, schema=PART_SCHEMA), aside, compression="none")


def read_picture(source: LabelSource, row: int) -> Picture:
    """Reads a picture; whatever the disk says of it becomes a ``PixelError``.

    Raises:
        PixelError: The picture is missing or cannot be read.
    """
    try:
        return source.read(row)
    except OSError as error:
        raise PixelError(f"cannot be read: {error.strerror or type(error).__name__}") from error


def binary_rows(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """A column of fixed-size bytes as an array, (N, bytes)."""
    width = column.type.byte_width
    rows = [
        np.frombuffer(piece.buffers()[1], dtype=np.uint8)[piece.offset * width :][: len(piece) * width]
        for piece in column.chunks
    ]
    return np.concatenate([np.zeros(0, dtype=np.uint8), *rows]).reshape(-1, width)


def _binary(rows: NDArray[np.uint8]) -> pa.Array:
    content = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, content])


def _content_sha256(picture: Picture) -> str | None:
    """Of the encoded bytes, or of raw pixels row by row; None where a file is empty."""
    content = picture if isinstance(picture, bytes) else np.ascontiguousarray(picture)
    return hashlib.sha256(content).hexdigest() if len(content) else None


def _write_pixels(layout: StoreLayout, start: int, pixels: NDArray[np.uint8]) -> None:
    """Writes through the file and not through a map: a full disk then is an error and not the end of the process."""
    with open(layout.pixels, "rb+") as handle:
        handle.seek(start * layout.row_bytes)
        handle.write(pixels.data)
        handle.flush()
        os.fsync(handle.fileno())
