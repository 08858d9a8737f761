"""What a model said of single pictures, kept by their content: only new and changed files are scored again.

One SQLite file a model, ``<cache>/scores/<key>.sqlite``: many processes may use it at once, and one killed at any
moment loses what it was writing and nothing else. A file that is damaged, or cannot be used where it lies, is passed
over and the pictures are scored: a cache never ends a run.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from labelaudit.records import FloatArray

_PATIENCE_SECONDS = 30.0
_TABLE = "CREATE TABLE IF NOT EXISTS rows (digest TEXT PRIMARY KEY, said BLOB NOT NULL) WITHOUT ROWID"
_LITTLE = np.dtype("<f4")
_CHECKSUM = 4
"""Bytes of a row's checksum: SQLite has none, and would give a byte that the disk changed as it is."""


class RowCache:
    """What one model said of pictures, one vector each.

    Args:
        cache_dir: The user's cache folder.
        key: Hex digest of all that the numbers depend on beside the picture.
        width: Length of a vector, W.
    """

    def __init__(self, cache_dir: Path, *, key: str, width: int) -> None:
        self._path = cache_dir / "scores" / f"{key}.sqlite"
        self._bytes = width * _LITTLE.itemsize

    def read(self, digests: Sequence[str]) -> dict[str, FloatArray]:
        """Digest -> vector (W,) of the pictures that are there."""
        found: dict[str, FloatArray] = {}
        if not self._path.is_file():
            return found
        with contextlib.suppress(sqlite3.Error, OSError), self._open() as database:
            for digest in digests:
                row = database.execute("SELECT said FROM rows WHERE digest = ?", (digest,)).fetchone()
                if row is not None and len(row[0]) == self._bytes + _CHECKSUM:
                    said, checksum = row[0][:-_CHECKSUM], row[0][-_CHECKSUM:]
                    if checksum == _checksum(digest, said):
                        found[digest] = np.frombuffer(said, dtype=_LITTLE).astype(np.float32)
        return found

    def write_rows(self, digests: Sequence[str], said: FloatArray) -> None:
        """Keeps vectors (n, W) by digest, where that can be done."""
        vectors = [each.tobytes() for each in said.astype(_LITTLE)]
        rows = [(digest, each + _checksum(digest, each)) for digest, each in zip(digests, vectors, strict=True)]
        with contextlib.suppress(OSError, sqlite3.Error):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._insert(rows)
            except sqlite3.OperationalError:  # in use for long, a full disk, no right to write
                return
            except sqlite3.DatabaseError:  # damaged
                self._path.unlink(missing_ok=True)
                self._insert(rows)

    def _insert(self, rows: Sequence[tuple[str, bytes]]) -> None:
        with self._open() as database, database:
            database.execute(_TABLE)
            database.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", rows)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path, timeout=_PATIENCE_SECONDS)
        try:
            yield database
        finally:
            database.close()


def _checksum(digest: str, said: bytes) -> bytes:
    return zlib.crc32(said, zlib.crc32(digest.encode())).to_bytes(_CHECKSUM, "little")
