"""From all parts of a batch to what only the whole tells: duplicates, drift, and the evidence in input order.

Nothing here holds the parts. Of every row a few numbers stay in memory; thumbnails, which finding duplicates needs, lie
in a scratch file that is mapped; posteriors are read again a row group at a time.

Parts hold no coordinates, which are twenty times as long as all else that is said of a row. So the 2,000 pictures at
most that drift is measured on are drawn when it is known which ones are new to the model, and judged once more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import SourceError
from labelaudit.evidence.drift import draw_compared
from labelaudit.evidence.known import UNKNOWN, Matches
from labelaudit.evidence.scorer import Scorer
from labelaudit.likeness import Drift
from labelaudit.pixels.chunks import PART_SCHEMA, read_thumbnails
from labelaudit.pixels.duplicates import find_duplicates, label_conflicts
from labelaudit.pixels.measures import THUMBNAIL_SIDE
from labelaudit.records import Evidence, FloatArray, IntArray, PixelFacts, Progress, Stage, VerdictTable
from labelaudit.report.table import ROWS_A_GROUP
from labelaudit.scale.judged import facts_of, posterior_of, store_of
from labelaudit.scale.part import decode_part
from labelaudit.scale.shelf import Shelf
from labelaudit.source.interface import LabelSource
from labelaudit.verdict.judge import queue_order

_FACTS = [name for name in PART_SCHEMA.names if name != "thumbnail"]
_SAID = ["peer1", "peer2", "ridge"]
_DRAWN_AT_ONCE = 512
_FIRST = ["error", "thumbnail", "pixel_sha256", "known", "exact", "fresh"]


@dataclass(frozen=True)
class Whole:
    """What only all parts of a batch of N rows together tell.

    Attributes:
        matches: The pictures that the model was trained on.
        drift: How unlike the training data the others look; None where they are too few to say.
        group: Rows that show the same picture share a number, -1 = no twin, (N,).
        conflict: True where a row's group holds different given labels, (N,).
    """

    matches: Matches
    drift: Drift | None
    group: IntArray
    conflict: NDArray[np.bool_]


def look_at_all(
    shelf: Shelf,
    source: LabelSource,
    scorer: Scorer,
    *,
    seed: int,
    cache_dir: Path | None,
    progress: Progress,
) -> Whole:
    """Goes through the parts once.

    Args:
        shelf: All parts.
        source: The batch; up to 2,000 of its pictures are read again.
        scorer: The model.
        seed: Of the draw of these, and of the test for drift.
        cache_dir: Where what the model said before is kept.
        progress: Told of parts read, and of the search for duplicates.

    Raises:
        SourceError: A picture that was read before cannot be read again.
    """
    count = shelf.plan.rows
    readable, exact, fresh = (np.zeros(count, dtype=bool) for _ in range(3))
    known = np.full(count, UNKNOWN, dtype=np.int64)
    digests = np.zeros((count, 32), dtype=np.uint8)
    with tempfile.TemporaryFile(dir=shelf.folder) as scratch:
        thumbnails = np.memmap(scratch, np.uint8, "w+", shape=(max(count, 1), THUMBNAIL_SIDE, THUMBNAIL_SIDE))[:count]
        for number in shelf.plan:
            rows = shelf.plan.part(number)
            part, place = shelf.read(rows, _FIRST), slice(rows.start, rows.stop)
            readable[place] = part["error"].is_null().to_numpy()
            thumbnails[place] = read_thumbnails(part)
            digests[place] = np.frombuffer(b"".join(part["pixel_sha256"].to_pylist()), dtype=np.uint8).reshape(-1, 32)
            known[place] = part["known"].to_numpy()
            exact[place], fresh[place] = part["exact"].to_numpy(), part["fresh"].to_numpy()
            progress(Stage("parts", rows.stop, count, "faces"))
        # Equal digests stand for equal pixels.
        group = find_duplicates(digests, thumbnails, readable, progress=progress).group
        del thumbnails
    drift = _drift(shelf, source, scorer, np.flatnonzero(fresh), seed=seed, cache_dir=cache_dir)
    return Whole(Matches(known, exact), drift, group, label_conflicts(group, source.table.given_label))


Judge = Callable[[range, PixelFacts, Evidence], tuple[Evidence, VerdictTable]]
"""From some rows, what decoding found and what the model says to the evidence that counts, and verdicts."""


@dataclass(frozen=True)
class Order:
    """The order of the queue over N rows.

    Attributes:
        rank: 1 = ask about this first, -1 = not in the queue, (N,).
        p: p_mislabelled, which it follows, (N,).
    """

    rank: NDArray[np.int64]
    p: FloatArray


def order_of_queue(shelf: Shelf, scorer: Scorer, whole: Whole, judge: Judge) -> Order:
    """Judges all rows for their place in the queue, and keeps nothing else of the verdicts."""
    count = shelf.plan.rows
    p, score = np.full(count, np.nan, dtype=np.float32), np.full(count, np.nan, dtype=np.float32)
    asked = np.zeros(count, dtype=bool)
    for rows, facts, evidence in _in_order(shelf, scorer, whole):
        place = slice(rows.start, rows.stop)
        verdicts = judge(rows, facts, evidence)[1]
        p[place], score[place], asked[place] = verdicts.p_mislabelled, verdicts.label_score, verdicts.queue_rank > 0
    return Order(queue_order(p, score, asked), p)


def joined_parts(
    shelf: Shelf, scorer: Scorer, whole: Whole, judge: Judge, order: Order
) -> Iterator[tuple[Evidence, PixelFacts, VerdictTable]]:
    """What a report says of the batch, a row group at a time, in input order."""
    for rows, facts, evidence in _in_order(shelf, scorer, whole):
        counted, verdicts = judge(rows, facts, evidence)
        yield counted, facts, replace(verdicts, queue_rank=order.rank[rows.start : rows.stop])


def _in_order(shelf: Shelf, scorer: Scorer, whole: Whole) -> Iterator[tuple[range, PixelFacts, Evidence]]:
    for start in range(0, shelf.plan.rows, ROWS_A_GROUP):
        rows = range(start, min(start + ROWS_A_GROUP, shelf.plan.rows))
        part, place = shelf.read(rows, [*_FACTS, *_SAID, "outlier"]), slice(rows.start, rows.stop)
        facts = facts_of(part, group=whole.group[place], conflict=whole.conflict[place])
        peer1, peer2, ridge = (posterior_of(part, name) for name in _SAID)
        yield rows, facts, scorer.evidence(peer1, peer2, ridge, part["outlier"].to_numpy())


def _drift(
    shelf: Shelf,
    source: LabelSource,
    scorer: Scorer,
    fresh: NDArray[np.int64],
    *,
    seed: int,
    cache_dir: Path | None,
) -> Drift | None:
    """Judges the drawn pictures once more and compares them."""
    rows = fresh[draw_compared(len(fresh), seed=seed)].tolist()
    found: list[tuple[FloatArray, FloatArray]] = []
    for start in range(0, max(len(rows), 1), _DRAWN_AT_ONCE):
        decoded = decode_part(source, rows[start : start + _DRAWN_AT_ONCE], side=shelf.plan.side)
        if decoded["error"].null_count < decoded.num_rows:
            raise SourceError("a picture that was scored cannot be read any more; go on with --resume when it is back")
        found.append(scorer.compared(store_of(decoded), cache_dir=cache_dir))
    coordinates, posterior = (np.concatenate(each) for each in zip(*found, strict=True))
    return scorer.drift(coordinates, posterior, seed=seed)
