"""What can be said about a dataset before any training: what ``labelaudit inspect`` shows.

Joins ``source`` and ``pixels`` and imports no torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from labelaudit.audit_time import AuditTime, estimate_time
from labelaudit.pixels.build import build_store
from labelaudit.pixels.duplicates import NO_GROUP, label_conflicts
from labelaudit.pixels.store import PixelStore
from labelaudit.records import IntArray, JsonDict, PixelFacts, Progress, SampleTable, no_progress
from labelaudit.settings import AuditSettings
from labelaudit.source.interface import LabelSource

_DEFAULT_SIZE = 112
_SHOWN = 10


@dataclass(frozen=True)
class Unreadable:
    """A picture that cannot be decoded.

    Attributes:
        sample_id: Of its row.
        message: The decoder's.
    """

    sample_id: str
    message: str


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


@dataclass(frozen=True)
class VoteSummary:
    """Votes of several annotators.

    Attributes:
        rows: Rows that hold a vote.
        ties: Rows whose plurality is shared by several classes.
        votes_a_row: Mean number of votes of those rows, votes outside the classes included.
    """

    rows: int
    ties: int
    votes_a_row: float


@dataclass(frozen=True)
class Inspection:
    """A dataset as it was found.

    Attributes:
        format: Of the source.
        why: Why this format was chosen.
        assumed: What was assumed rather than told, one sentence each.
        rows: Samples.
        classes: Rows a class, in the order of the classes.
        other_labels: Rows a label that is none of the classes ("no face" and the like); they are not audited.
        missing_labels: Rows without a label.
        splits: Rows a split; empty where the dataset has none.
        unreadable: Rows whose picture cannot be decoded.
        unreadable_examples: The first of them.
        sizes: Of the pictures; None where none is readable.
        stored_size: Side at which pictures are cached, in pixels.
        duplicates: Rows that show the same picture.
        small_classes: Classes with too few readable samples to judge, and how many they have.
        imbalance: Rows of the largest class over those of the smallest that is not empty; None without classes.
        votes: None where the dataset has one label a sample.
        audit_time: About how long an audit takes.
        cache_note: What the pixel cache has to say; None as a rule.
    """

    format: str
    why: str
    assumed: Sequence[str]
    rows: int
    classes: Mapping[str, int]
    other_labels: Mapping[str, int]
    missing_labels: int
    splits: Mapping[str, int]
    unreadable: int
    unreadable_examples: Sequence[Unreadable]
    sizes: PictureSizes | None
    stored_size: int
    duplicates: DuplicateSummary
    small_classes: Mapping[str, int]
    imbalance: float | None
    votes: VoteSummary | None
    audit_time: AuditTime
    cache_note: str | None

    def to_json(self) -> JsonDict:
        """Plain values, with the numbers of duplicates at the top level: ``duplicate_groups``, ``label_conflicts``."""
        values = asdict(self)
        duplicates = values.pop("duplicates")
        values["duplicate_groups"] = duplicates.pop("groups")
        values["duplicate_rows"] = duplicates.pop("rows")
        values["label_conflicts"] = duplicates.pop("conflicts")
        values["exact_duplicate_groups"] = duplicates.pop("exact_groups")
        values["exact_duplicate_rows"] = duplicates.pop("exact_rows")
        values["exact_label_conflicts"] = duplicates.pop("exact_conflicts")
        values["duplicate_groups_across_splits"] = duplicates.pop("across_splits")
        values["conflict_examples"] = [
            [{"sample_id": sample_id, "given_label": label} for sample_id, label in group]
            for group in duplicates.pop("conflict_examples")
        ]
        return values


def inspect_source(
    source: LabelSource, *, settings: AuditSettings, cache_dir: Path, progress: Progress = no_progress
) -> Inspection:
    """Decodes a dataset (or opens its cached pixels) and says what it holds. Trains nothing.

    Args:
        source: The dataset.
        settings: Of the audit to be: the network's size, workers, the smallest class that is judged, folds.
        cache_dir: Where pixels are kept.
        progress: Told as pictures are decoded.

    Raises:
        CacheError: The pixels cannot be kept.
    """
    size = settings.nets.size or _DEFAULT_SIZE
    store = build_store(source, size=size, cache_dir=cache_dir, workers=settings.workers, progress=progress)
    return describe_source(source, store, settings=settings)


def describe_source(source: LabelSource, store: PixelStore, *, settings: AuditSettings) -> Inspection:
    """Says what a dataset holds whose pixels are at hand.

    Args:
        source: The dataset.
        store: Its pixels.
        settings: Of the audit to be.
    """
    table, facts = source.table, store.facts
    counts = table.class_counts()
    labels = Counter(table.given_label)
    judged = np.bincount(table.given[facts.readable & (table.given >= 0)], minlength=len(table.labels))
    filled = counts[counts > 0]
    failed = np.flatnonzero(~facts.readable)
    return Inspection(
        format=source.format,
        why=source.why,
        assumed=tuple(source.assumed),
        rows=len(table),
        classes={name: int(count) for name, count in zip(table.labels.names, counts, strict=True)},
        other_labels={
            label: count for label, count in labels.items() if label is not None and label not in table.labels
        },
        missing_labels=labels[None],
        splits=dict(sorted(Counter(split for split in table.split if split is not None).items())),
        unreadable=len(failed),
        unreadable_examples=[
            Unreadable(table.sample_id[row], facts.error[row] or "") for row in failed[:_SHOWN].tolist()
        ],
        sizes=_picture_sizes(facts),
        stored_size=store.size,
        duplicates=_summarise_duplicates(table, store),
        small_classes={
            name: int(count)
            for name, count in zip(table.labels.names, judged, strict=True)
            if count < settings.verdict.min_class_size
        },
        imbalance=round(float(filled.max() / filled.min()), 2) if len(filled) else None,
        votes=_summarise_votes(table),
        audit_time=estimate_time(len(table) - len(failed), folds=settings.folds),
        cache_note=store.note,
    )


def _picture_sizes(facts: PixelFacts) -> PictureSizes | None:
    size = np.stack([facts.width, facts.height], axis=1)[facts.readable]  # (R, 2)
    if not len(size):
        return None
    by_area = size[np.argsort(size[:, 0].astype(np.int64) * size[:, 1], kind="stable")]
    smallest, median, largest = ((int(width), int(height)) for width, height in by_area[[0, len(size) // 2, -1]])
    return PictureSizes(smallest, median, largest, distinct=len(np.unique(size, axis=0)))


def _summarise_duplicates(table: SampleTable, store: PixelStore) -> DuplicateSummary:
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


def _summarise_votes(table: SampleTable) -> VoteSummary | None:
    if table.votes is None:
        return None
    most = table.votes.max(axis=1, initial=0.0)  # (N,)
    leaders = (table.votes == most[:, None]).sum(axis=1)
    total = table.votes.sum(axis=1) + (0.0 if table.votes_outside is None else table.votes_outside)
    voted = total > 0
    return VoteSummary(
        rows=int(voted.sum()),
        ties=int(((leaders > 1) & (most > 0)).sum()),
        votes_a_row=round(float(total[voted].mean()), 2) if voted.any() else 0.0,
    )
