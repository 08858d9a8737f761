"""Who is asked about which rows: every row goes to as many annotators as its label is to be sure.

Row by row, the annotators with the fewest rows so far are taken, among them those who had the fewest rows in common
with the ones already taken. Loads then differ by one row at most, and pairs of annotators meet about equally often,
so that their agreement can be measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labelaudit.errors import SettingsError
from labelaudit.queue.item import Queue

_NAME = re.compile(r"\w[\w.@+-]*")  # it becomes part of a file's name


def assign(queue: Queue, annotators: Sequence[str], *, overlap: int = 1, seed: int = 0) -> Queue:
    """Gives every row to some annotators.

    Args:
        queue: The rows.
        annotators: Distinct names of letters, digits and ``. _ @ + -``.
        overlap: Annotators a row, from 1 to all.
        seed: Of who comes first where it makes no difference.

    Returns:
        The same rows in the same order, with ``annotators`` in the order in which they were named.

    Raises:
        SettingsError: A name is unfit or stands twice, or there are fewer annotators than ``overlap``.
    """
    check_annotators(annotators, overlap)
    count = len(annotators)
    order = np.random.default_rng(seed).permutation(count)  # of the annotators, where all else is equal
    loads = np.zeros(count, dtype=np.int64)
    common = np.zeros((count, count), dtype=np.int64)  # rows that two annotators share
    items = []
    for item in queue.items:
        taken: list[int] = []
        for _ in range(overlap):
            met = common[taken].sum(axis=0)
            candidates = (each for each in order.tolist() if each not in taken)
            taken.append(min(candidates, key=lambda each: (loads[each], met[each])))
        loads[taken] += 1
        common[np.ix_(taken, taken)] += 1
        items.append(replace(item, annotators=tuple(annotators[each] for each in sorted(taken))))
    return replace(queue, items=tuple(items))


def check_annotators(annotators: Sequence[str], overlap: int) -> None:
    """Refuses annotators that ``assign`` cannot work with.

    Raises:
        SettingsError: As ``assign``.
    """
    for name in annotators:
        if not _NAME.fullmatch(name):
            raise SettingsError(f"the annotator {name!r} has no fit name; use letters, digits and . _ @ + -")
    if len({name.casefold() for name in annotators}) < len(annotators):
        raise SettingsError(f"annotators must have different names, got {', '.join(annotators)}")
    if not 1 <= overlap <= len(annotators):
        raise SettingsError(
            f"overlap is {overlap}; it must be at least 1 and at most {len(annotators)}, the number of annotators"
        )


def part_of(queue: Queue, annotator: str) -> Queue:
    """The rows that one annotator is asked about, as if nobody else were."""
    mine = (item for item in queue.items if annotator in item.annotators)
    return replace(queue, items=tuple(replace(item, annotators=(annotator,)) for item in mine))
