"""The pixel cache: all faces of a dataset as one memory-mapped array, with what decoding found out about each.

A store is a folder ``<cache>/pixels/<key>/``::

    pixels.u8       N x s x s x 3 bytes, RGB, zeros where a picture is unreadable
    index.parquet   one row a sample: error, hashes, sizes, measures, duplicate groups
    meta.json       written last: a folder without it is not a store, however much it holds

The key names the dataset's pictures, the side s and the version of the decoder, so a store never has to be updated:
what would change it has another key. Labels are not part of it; conflicts are worked out when it is opened.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelaudit.checksum import block_checksums
from labelaudit.pixels.decode import DECODER_VERSION
from labelaudit.pixels.duplicates import label_conflicts
from labelaudit.records import IntArray, PixelFacts
from labelaudit.rundir import write_json, written_aside
from labelaudit.source.interface import LabelSource

_STORE_VERSION = 2


@dataclass(frozen=True)
class StoreLayout:
    """Where a store's files are and how large they must be.

    Attributes:
        cache_dir: The user's cache folder.
        key: Hex digest that names the store.
        rows: Samples, N.
        side: Side of the stored squares in pixels, s.
    """

    cache_dir: Path
    key: str
    rows: int
    side: int

    @property
    def folder(self) -> Path:
        """Everything of this store."""
        return self.cache_dir / "pixels" / self.key

    @property
    def pixels(self) -> Path:
        """The array."""
        return self.folder / "pixels.u8"

    @property
    def index(self) -> Path:
        """The facts."""
        return self.folder / "index.parquet"

    @property
    def meta(self) -> Path:
        """The mark of a finished store."""
        return self.folder / "meta.json"

    @property
    def row_bytes(self) -> int:
        """Bytes of one face."""
        return self.side * self.side * 3

    def map_pixels(self) -> NDArray[np.uint8]:
        """The array on disk, read-only, (N, s, s, 3)."""
        shape = (self.rows, self.side, self.side, 3)
        if not self.rows:  # an empty file cannot be mapped
            return np.zeros(shape, dtype=np.uint8)
        return np.memmap(self.pixels, dtype=np.uint8, mode="r", shape=shape)


@dataclass(frozen=True)
class PixelStore:
    """All faces of a dataset.

    Attributes:
        pixels: RGB on disk, (N, s, s, 3), mapped read-only; zeros where a picture is unreadable.
        facts: What decoding found out.
        exact_group: Groups of pixel-identical rows, (N,), -1 where a row has none. ``facts.duplicate_group`` holds
            near duplicates as well.
        key: Hex digest that names the pictures, their side and the decoder.
        folder: Where the store lies.
        reused: True where an earlier run had built it.
        note: One sentence on anything a person may want to know: a damaged store rebuilt, an interrupted build gone
            on with. None as a rule.
    """

    pixels: NDArray[np.uint8]
    facts: PixelFacts
    exact_group: IntArray
    key: str
    folder: Path
    reused: bool
    note: str | None

    @property
    def size(self) -> int:
        """Side of the stored squares in pixels."""
        return int(self.pixels.shape[1])

    def __len__(self) -> int:
        return len(self.pixels)


class DamagedStoreError(Exception):
    """A store that says it is finished and is not whole; the text says how."""


def store_key(source: LabelSource, *, side: int) -> str:
    """Names the store of a dataset's pictures at one side.

    Args:
        source: The dataset; its pictures and their order count, its labels do not.
        side: Side of the stored squares in pixels.
    """
    named = [_STORE_VERSION, DECODER_VERSION, side, source.signature(), len(source.table)]
    digest = hashlib.sha256(json.dumps(named).encode())
    for sample_id in source.table.sample_id:
        digest.update(json.dumps(sample_id).encode())
    return digest.hexdigest()[:40]


def open_store(layout: StoreLayout, given_label: Sequence[str | None], *, reused: bool, note: str | None) -> PixelStore:
    """Opens a finished store. One that an earlier run built is read once and compared with what was written.

    Args:
        layout: The store.
        given_label: Labels of its rows, for conflicts between duplicates.
        reused: As in ``PixelStore``.
        note: As in ``PixelStore``.

    Raises:
        FileNotFoundError: There is no finished store.
        DamagedStoreError: There is one, but it is not whole.
    """
    written = layout.meta.read_bytes()
    try:
        meta = json.loads(written)
    except ValueError as error:
        raise DamagedStoreError("meta.json cannot be read") from error
    index = _read_checked_index(layout, meta, every_byte=reused)
    return PixelStore(
        pixels=layout.map_pixels(),
        facts=_facts(index, given_label),
        exact_group=index["exact_group"].to_numpy(),
        key=layout.key,
        folder=layout.folder,
        reused=reused,
        note=note,
    )


def write_finished(layout: StoreLayout, index: pa.Table) -> None:
    """Writes the index and then the mark that makes the folder a store.

    Args:
        layout: The store; its pixels are on disk.
        index: A row a sample.
    """
    with written_aside(layout.index) as aside:
        pq.write_table(index, aside, compression="zstd")
    write_json(layout.meta, _meta(layout))


def _meta(layout: StoreLayout) -> dict[str, Any]:
    return {
        "rows": layout.rows,
        "side": layout.side,
        "pixel_bytes": layout.pixels.stat().st_size,
        "pixel_crc32": block_checksums(layout.pixels),
        "index_sha256": hashlib.sha256(layout.index.read_bytes()).hexdigest(),
    }


def _read_checked_index(layout: StoreLayout, meta: Any, *, every_byte: bool) -> pa.Table:
    for path in (layout.pixels, layout.index):
        if not path.is_file():
            raise DamagedStoreError(f"{path.name} is missing")
    if layout.pixels.stat().st_size != layout.rows * layout.row_bytes:
        raise DamagedStoreError(f"{layout.pixels.name} has the wrong size")
    if every_byte and meta != _meta(layout):
        raise DamagedStoreError("its files are not those that were written")
    return pq.read_table(layout.index)


def _facts(index: pa.Table, given_label: Sequence[str | None]) -> PixelFacts:
    group = index["duplicate_group"].to_numpy()
    return PixelFacts(
        error=index["error"].to_pylist(),
        content_sha256=index["content_sha256"].to_pylist(),
        width=index["width"].to_numpy(),
        height=index["height"].to_numpy(),
        sharpness=index["sharpness"].to_numpy(),
        brightness=index["brightness"].to_numpy(),
        duplicate_group=group,
        conflict=label_conflicts(group, given_label),
    )
