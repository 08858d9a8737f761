"""One part of a batch: consecutive rows that are read, decoded, judged and written together.

What a row becomes depends on its picture and the model alone, so parts may be made by anybody, anywhere, in any order,
and once more after a machine died. What needs the whole batch (duplicates, drift, the order of the queue) is worked out
from the parts' columns when all are there (``join``).

Reading and decoding (here) need no torch, so that processes that do nothing else start quickly; judging is ``judged``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from labelaudit.errors import SourceError
from labelaudit.pixels.chunks import PART_SCHEMA, decode_rows
from labelaudit.source.interface import LabelSource

_PART_BYTES = 64 << 20
"""Of pixels in a part, about, where nobody says how long parts are to be."""
_LEAST_ROWS, _MOST_ROWS = 256, 4_096
_DIGEST = pa.binary(32)


@dataclass(frozen=True)
class PartPlan:
    """How a batch is cut.

    Attributes:
        rows: Of the batch, N.
        part_rows: Rows of every part but the last.
        side: Side at which pictures are judged, in pixels: the same in all parts.
        key: Hex digest of the batch, the model and all that is above: parts of another plan are none of this one's.
    """

    rows: int
    part_rows: int
    side: int
    key: str

    @classmethod
    def make(cls, *, rows: int, part_rows: int | None, side: int, fingerprint: str, model: str) -> PartPlan:
        """Decides the length of parts where nobody has.

        Args:
            rows: Of the batch.
            part_rows: Rows a part; None = as many as fill about 64 MB.
            side: Of pictures, in pixels.
            fingerprint: Hex digest of the batch.
            model: Hex digest of the model.
        """
        length = part_rows or min(max(_PART_BYTES // (side * side * 3), _LEAST_ROWS), _MOST_ROWS)
        named = f"{rows} {length} {side} {fingerprint} {model}"
        return cls(rows, length, side, hashlib.sha256(named.encode()).hexdigest())

    def __len__(self) -> int:
        return -(-self.rows // self.part_rows)

    def part(self, number: int) -> range:
        """The rows of a part."""
        start = number * self.part_rows
        return range(start, min(start + self.part_rows, self.rows))

    def parts_of(self, rows: range) -> range:
        """Numbers of the parts that hold consecutive rows, of which there is at least one."""
        return range(rows.start // self.part_rows, (rows.stop - 1) // self.part_rows + 1)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))


def decoded_schema(side: int) -> pa.Schema:
    """What reading and decoding leave of a row: facts, a digest of its pixels, the pixels."""
    return PART_SCHEMA.append(pa.field("pixel_sha256", _DIGEST)).append(pa.field("pixels", pa.binary(side * side * 3)))


def scored_schema(classes: int) -> pa.Schema:
    """What a part keeps of a row: facts, and what the model says of it; K classes."""
    posterior = pa.list_(pa.float32(), classes)
    said = [(name, posterior) for name in ("peer1", "peer2", "ridge")]
    more = [("outlier", pa.float32()), ("known", pa.int64()), ("exact", pa.bool_()), ("fresh", pa.bool_())]
    return pa.schema([*PART_SCHEMA, ("pixel_sha256", _DIGEST), *said, *more])


def rows_digest(source: LabelSource, rows: range) -> str:
    """Hex digest of rows' ids: what a worker that opens the dataset itself must find, too."""
    ids = "\0".join(source.table.sample_id[rows.start : rows.stop])
    return hashlib.sha256(f"{len(source.table)}\0{ids}".encode("utf-8", "surrogateescape")).hexdigest()


def decode_part(source: LabelSource, rows: Sequence[int], *, side: int) -> pa.Table:
    """Reads and decodes a part, a table of ``decoded_schema``. What cannot be read is a row with an error."""
    pixels, facts = decode_rows(source, rows, side=side)
    digests = [hashlib.sha256(face.tobytes()).digest() for face in pixels]
    flat = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(side * side * 3), len(rows), [None, pa.py_buffer(np.ascontiguousarray(pixels))]
    )
    columns = [*facts.columns, pa.array(digests, _DIGEST), flat]
    return pa.Table.from_arrays(columns, schema=decoded_schema(side))


def check_rows(source: LabelSource, rows: range, digest: str) -> None:
    """Makes sure that a dataset that was opened here is the one that parts were planned for.

    Raises:
        SourceError: It is another.
    """
    if rows_digest(source, rows) != digest:
        raise SourceError(
            "a worker finds another dataset at the same place: every machine needs the same files under the same path"
        )
