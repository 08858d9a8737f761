"""Parts on this machine: threads read and decode ahead, one part after the other is judged."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from labelaudit.evidence.scorer import Scorer
from labelaudit.records import Progress, Stage
from labelaudit.scale.judged import judge_part
from labelaudit.scale.part import decode_part
from labelaudit.scale.shelf import Shelf
from labelaudit.source.interface import LabelSource

_MOST_AHEAD = 4
"""Parts that are decoded or wait to be judged: they are held in memory."""


def build_parts(
    source: LabelSource,
    scorer: Scorer,
    shelf: Shelf,
    missing: Sequence[int],
    *,
    cache_dir: Path | None,
    workers: int | None,
    progress: Progress,
) -> int:
    """Makes parts, in order.

    Args:
        source: The batch.
        scorer: The model.
        shelf: Where parts go.
        missing: Numbers of the parts to make.
        cache_dir: Where what the model said before is kept.
        workers: Threads that decode; None = one a core, at most four.
        progress: Told of faces scored.

    Returns:
        How many pictures were judged now.
    """
    plan = shelf.plan
    done = plan.rows - sum(len(plan.part(number)) for number in missing)
    computed = 0
    ahead = min(workers or os.cpu_count() or 1, _MOST_AHEAD)
    progress(Stage("scores", done, plan.rows, "faces"))
    with ThreadPoolExecutor(ahead, thread_name_prefix="labelaudit-parts") as pool:
        waiting = deque(missing)
        decoding: deque[tuple[int, Future[pa.Table]]] = deque()
        try:
            while waiting or decoding:
                while waiting and len(decoding) < ahead:
                    number = waiting.popleft()
                    decoding.append((number, pool.submit(decode_part, source, plan.part(number), side=plan.side)))
                number, future = decoding.popleft()
                part, fresh = judge_part(scorer, future.result(), cache_dir=cache_dir)
                shelf.write_part(number, part)
                computed += fresh
                done += part.num_rows
                progress(Stage("scores", done, plan.rows, "faces"))
        except BaseException:  # Ctrl-C too: what has not started does not start
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return computed
