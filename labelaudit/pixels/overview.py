"""A store's pictures as a whole: their sizes, and how many of them show the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelaudit.pixels.duplicates import NO_GROUP, label_conflicts
from labelaudit.pixels.store import PixelStore
from labelaudit.records import IntArray, PixelFacts, SampleTable

_SHOWN = 10


@dataclass(frozen=True)
class PictureSizes:
    """Sizes of the readable pictures, in pixels.

    Attributes:
        smallest, median, largest: Width and height of the picture whose area is the smallest, the median, the largest.
        distinct: How many sizes occur.
    """

    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    distinct: int


@dataclass(frozen=True)
class DuplicateSummary:
    """Rows that show the same picture.

    Attributes:
        groups, rows: Groups of such rows, exact and near, and the rows in them.
        conflicts: Groups that hold different given labels.
        exact_groups, exact_rows, exact_conflicts: The same for pixel-identical rows only.
        across_splits: Groups that reach over several splits: test pictures that a network may have trained on.
        conflict_examples: The first groups with a conflict, as pairs of sample id and given label.
    """

    groups: int
    rows: int
    conflicts: int
    exact_groups: int
    exact_rows: int
    exact_conflicts: int
    across_splits: int
    conflict_examples: Sequence[Sequence[tuple[str, str | None]]]


def picture_sizes(facts: PixelFacts) -> PictureSizes | None:
    """Sizes of the readable pictures; None where there are none.

    Args:
        facts: Of all pictures.
    """
    size = np.stack([facts.width, facts.height], axis=1)[facts.readable]  # (R, 2)
    if not len(size):
        return None
    by_area = size[np.argsort(size[:, 0].astype(np.int64) * size[:, 1], kind="stable")]
    smallest, median, largest = ((int(width), int(height)) for width, height in by_area[[0, len(size) // 2, -1]])
    return PictureSizes(smallest, median, largest, distinct=len(np.unique(size, axis=0)))


def summarise_duplicates(store: PixelStore, table: SampleTable) -> DuplicateSummary:
    """Counts the groups of rows that show the same picture.

    Args:
        store: The pictures.
        table: Their samples.
    """
    group, exact = store.facts.duplicate_group, store.exact_group
    conflicts = np.unique(group[store.facts.conflict])
    exact_conflicts = np.unique(exact[label_conflicts(exact, table.given_label)])
    return DuplicateSummary(
        groups=_count_groups(group),
        rows=int((group != NO_GROUP).sum()),
        conflicts=len(conflicts),
        exact_groups=_count_groups(exact),
        exact_rows=int((exact != NO_GROUP).sum()),
        exact_conflicts=len(exact_conflicts),
        across_splits=len(np.unique(group[label_conflicts(group, table.split)])),
        conflict_examples=[
            [(table.sample_id[row], table.given_label[row]) for row in np.flatnonzero(group == number).tolist()]
            for number in conflicts[:_SHOWN].tolist()
        ],
    )


def _count_groups(group: IntArray) -> int:
    return int(group.max(initial=NO_GROUP)) + 1
