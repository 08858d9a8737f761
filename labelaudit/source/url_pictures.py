"""Pictures that are files in a store: read whole, and ahead where rows are read one after the other.

A file of a store takes some 30 ms to come, however small it is. So who reads rows in a row, as decoding does, has the
next ones under way already; who looks at a single picture, as the review page does, has that one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import PixelError
from labelaudit.source.interface import Picture
from labelaudit.source.pictures import leaves_root, signature_of
from labelaudit.source.store import Files

_AHEAD = 32
"""Rows under way beyond the one that is read."""
_MOST_KEPT = 256
"""Pictures that came and were not asked for, at most; the oldest is forgotten first."""


class UrlPictures:
    """Pictures below a place in a store, by row.

    Args:
        files: The place.
        paths: Of each row, relative to it; None = the row names no picture.
        facts: Size and stamp of each row's file, (N, 2), -1 where there is none.
    """

    def __init__(self, files: Files, paths: Sequence[str | None], facts: NDArray[np.int64]) -> None:
        self._files, self._paths, self._facts = files, paths, facts
        self._pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="labelaudit-store")
        self._lock = threading.Lock()
        self._coming: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._expected: OrderedDict[int, None] = OrderedDict()

    def read(self, row: int) -> Picture:
        """The file's bytes.

        Raises:
            PixelError: The row names no picture, or it is not there.
            SourceError: The store is away or says no: that is not the picture's fault, and ends the run.
        """
        with self._lock:
            future = self._coming.pop(row, None)
            if future is not None or row in self._expected:
                self._fetch_ahead(row)
            self._expected.pop(row, None)
            self._expected[row + 1] = None
            while len(self._expected) > _MOST_KEPT:
                self._expected.popitem(last=False)
        return self._fetch(row) if future is None else future.result()

    def signature(self) -> str:
        """Digest of every path, size and stamp."""
        return signature_of(self._paths, self._facts, None)

    def _fetch_ahead(self, row: int) -> None:
        for each in range(row + 1, min(row + 1 + _AHEAD, len(self._paths))):
            if each not in self._coming:
                self._coming[each] = self._pool.submit(self._fetch, each)
        while len(self._coming) > _MOST_KEPT:
            self._coming.popitem(last=False)[1].cancel()

    def _fetch(self, row: int) -> bytes:
        path = self._paths[row]
        if path is None:
            raise PixelError("the row names no picture")
        if leaves_root(path) or "://" in path:
            raise PixelError("the path leaves the dataset's folder: only files below it are read")
        try:
            return self._files.read(path)
        except FileNotFoundError as error:
            raise PixelError(f"file not found: {path}") from error
