"""A dataset's pictures -> a ``PixelStore``, decoded by a pool of threads, chunk by chunk.

A process killed at any moment loses the chunks it was working on, and the next one goes on with the rest. When all are
there, duplicates are found and the store is marked as finished. Memory holds a chunk a thread and a 24 x 24 thumbnail
a sample, never all pictures. What a row becomes depends on its picture alone: not on threads, chunks or interruptions.

Threads suffice: Pillow lets go of the interpreter while it decodes and resizes. Only pictures of a few dozen pixels,
which decode in some 50 microseconds, gain nothing from a second thread.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from labelaudit.errors import CacheError, PixelError, RunFolderError
from labelaudit.pixels.chunks import (
    FACT_SCHEMA,
    PART_SCHEMA,
    Chunk,
    build_chunk,
    parts_folder,
    plan_chunks,
    read_picture,
    read_thumbnails,
)
from labelaudit.pixels.decode import picture_size, quiet_decoder
from labelaudit.pixels.duplicates import find_duplicates
from labelaudit.pixels.measures import THUMBNAIL_SIDE
from labelaudit.pixels.store import DamagedStoreError, PixelStore, StoreLayout, open_store, store_key, write_finished
from labelaudit.records import PixelFacts, Progress, Stage, no_progress
from labelaudit.rundir import locked
from labelaudit.source.interface import LabelSource

_PROBE_RUNS, _PROBE_RUN = 32, 16
_MIN_SIDE = 16
_MAX_THREADS = 32
_WAIT_SECONDS = 0.2
_FACT_BYTES = 1_000


def build_store(
    source: LabelSource,
    *,
    size: int,
    cache_dir: Path,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> PixelStore:
    """Decodes a dataset into the cache, or opens what an earlier run left there.

    Args:
        source: The dataset.
        size: Side of the network's input; the store's own is smaller where the pictures are (see ``stored_side``).
        cache_dir: The user's cache folder; the store lies below it.
        workers: Threads; None = one a core.
        progress: Told as chunks are done.

    Raises:
        CacheError: The cache cannot be written, or there is not enough room.
    """
    side = stored_side(source, size=size)
    layout = StoreLayout(cache_dir, store_key(source, side=side), len(source.table), side)
    with _cache_errors(cache_dir), quiet_decoder():
        store, _ = _find_store(layout, source)
        if store is not None:
            return store
        with _held(layout.folder, progress):
            store, note = _find_store(layout, source)  # another process may have built it meanwhile
            if store is not None:
                return store
            if note is not None:
                _remove_store(layout)
            chunks = plan_chunks(layout)
            missing = _build_frame(layout, chunks)
            if len(missing) < len(chunks):
                left = sum(len(chunk.rows) for chunk in missing)
                note = f"an interrupted build of the pixel cache went on: {layout.rows - left:,} pictures were there"
            _check_room(layout, missing)
            _build_chunks(source, missing, layout, workers or _default_workers(), progress)
            _finish(layout, chunks, progress)
            return open_store(layout, source.table.given_label, reused=False, note=note)


def stored_side(source: LabelSource, *, size: int) -> int:
    """Side at which pictures are stored: that of the network, or of the largest picture where all are smaller.

    Enlarging is left to the device that trains: a 48-pixel face stored at 112 would take five times the room and hold
    nothing more. The largest picture is looked for among 512 in 32 evenly spaced runs, by their headers; a rare larger
    one is scaled down.

    Args:
        source: The dataset.
        size: Side of the network's input in pixels.
    """
    count = len(source.table)
    starts = np.linspace(0, max(count - _PROBE_RUN, 0), _PROBE_RUNS).astype(np.int64)
    rows = np.unique(np.clip(starts[:, None] + np.arange(_PROBE_RUN), 0, max(count - 1, 0)))
    largest = 0
    with quiet_decoder():
        for row in rows.tolist() if count else ():
            with contextlib.suppress(PixelError):  # the build will say so
                largest = max(largest, *picture_size(read_picture(source, row)))
            if largest >= size:
                break
    return min(size, max(largest, _MIN_SIDE)) if largest else size


def _find_store(layout: StoreLayout, source: LabelSource) -> tuple[PixelStore | None, str | None]:
    """A finished store, or None and why one that was there is of no use."""
    try:
        store = open_store(layout, source.table.given_label, reused=True, note=None)
    except FileNotFoundError:
        return None, None
    except (DamagedStoreError, pa.ArrowException) as error:
        return None, f"the pixel cache was damaged and has been rebuilt ({error})"
    if _can_be_read_now(source, store.facts):
        return None, "pictures that an earlier run could not read can be read now; the pixel cache has been rebuilt"
    return store, None


def _can_be_read_now(source: LabelSource, facts: PixelFacts) -> bool:
    """True where a picture that never reached the decoder (a share that was away, a missing right) does so now."""
    for row, (error, digest) in enumerate(zip(facts.error, facts.content_sha256, strict=True)):
        if error is not None and digest is None:
            with contextlib.suppress(PixelError):
                if len(read_picture(source, row)):
                    return True
    return False


def _build_frame(layout: StoreLayout, chunks: list[Chunk]) -> list[Chunk]:
    """Lays out the empty store, or finds what an interrupted build has done; returns the chunks that are missing."""
    total = layout.rows * layout.row_bytes
    if not layout.pixels.is_file() or layout.pixels.stat().st_size != total:
        shutil.rmtree(parts_folder(layout), ignore_errors=True)
        with open(layout.pixels, "wb") as handle:
            handle.truncate(total)
    parts_folder(layout).mkdir(exist_ok=True)
    return [chunk for chunk in chunks if not chunk.is_committed()]


def _check_room(layout: StoreLayout, missing: list[Chunk]) -> None:
    needed = sum(len(chunk.rows) for chunk in missing) * (layout.row_bytes + _FACT_BYTES)
    free = shutil.disk_usage(layout.folder).free
    if needed > free:
        raise CacheError(
            f"the pixel cache needs {needed / 1e9:.1f} GB in {layout.cache_dir}, where {free / 1e9:.1f} GB are free; "
            "make room or name another folder with --cache-dir"
        )


def _build_chunks(
    source: LabelSource, missing: list[Chunk], layout: StoreLayout, workers: int, progress: Progress
) -> None:
    done = layout.rows - sum(len(chunk.rows) for chunk in missing)
    progress(Stage("pixels", done, layout.rows, "faces"))
    with ThreadPoolExecutor(workers, thread_name_prefix="labelaudit-pixels") as pool:
        try:
            running = {pool.submit(build_chunk, source, chunk, layout): chunk for chunk in missing}
            for future in as_completed(running):
                future.result()
                done += len(running[future].rows)
                progress(Stage("pixels", done, layout.rows, "faces"))
        except BaseException:  # Ctrl-C too: what has not started does not start
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _finish(layout: StoreLayout, chunks: list[Chunk], progress: Progress) -> None:
    thumbnails = np.zeros((layout.rows, THUMBNAIL_SIDE, THUMBNAIL_SIDE), dtype=np.uint8)
    facts = []
    for chunk in chunks:
        part = pq.read_table(chunk.part, schema=PART_SCHEMA)
        thumbnails[chunk.rows.start : chunk.rows.stop] = read_thumbnails(part)
        facts.append(part.drop_columns(["thumbnail"]))
    index = pa.concat_tables(facts) if facts else FACT_SCHEMA.empty_table()
    readable = index["error"].is_null().to_numpy()
    duplicates = find_duplicates(layout.map_pixels(), thumbnails, readable, progress=progress)
    index = index.append_column("duplicate_group", pa.array(duplicates.group, pa.int32()))
    write_finished(layout, index.append_column("exact_group", pa.array(duplicates.exact, pa.int32())))
    shutil.rmtree(parts_folder(layout), ignore_errors=True)


def _remove_store(layout: StoreLayout) -> None:
    layout.meta.unlink(missing_ok=True)  # the mark first: what is left is no store
    layout.index.unlink(missing_ok=True)
    layout.pixels.unlink(missing_ok=True)
    shutil.rmtree(parts_folder(layout), ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path, progress: Progress) -> Iterator[None]:
    """Holds a store's folder, and waits for it while another process builds there."""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(locked(folder))
                break
            except RunFolderError as error:
                if not isinstance(error.__cause__, BlockingIOError):
                    raise error.__cause__ or error from error
            progress(Stage("waiting for another labelaudit to build the pixel cache", 0, 0, "faces"))
            time.sleep(_WAIT_SECONDS)
        yield


@contextlib.contextmanager
def _cache_errors(cache_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise CacheError(
            f"cannot use the cache folder {cache_dir}: {why}; name another one with --cache-dir"
        ) from error


def _default_workers() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # the cores this process may use; Linux only
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, _MAX_THREADS)
