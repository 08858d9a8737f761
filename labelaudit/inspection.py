"""What can be said about a dataset before any training: what ``labelaudit inspect`` shows.

Joins ``source`` and ``pixels`` and imports no torch. The time an audit takes is a rough product, meant to tell minutes
from hours::

    seconds = rows * (features + training * folds / 5) * 2 / cores          on a CPU, frozen trunk
    seconds = rows * training * folds / 5                                   on a GPU, fine-tuned
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from labelaudit.labels import NO_CLASS
from labelaudit.pixels.build import build_store
from labelaudit.pixels.overview import DuplicateSummary, PictureSizes, picture_sizes, summarise_duplicates
from labelaudit.pixels.store import PixelStore
from labelaudit.records import JsonDict, Progress, SampleTable, no_progress
from labelaudit.settings import AuditSettings
from labelaudit.source.interface import LabelSource
from labelaudit.verdict.agreement import NO_CLASS_CHOICE, Agreement, measure_agreement

_DEFAULT_SIZE = 112
_SHOWN = 10
_FOLDS = 5
_CORES = 2

_CPU_FEATURE_SECONDS = 0.0073
"""A face on two cores: features of the small face trunk, two views, and its share of the ridge (8,000 in 58 s)."""

_CPU_TRAINING_SECONDS = 0.0046
"""A face on two cores: two heads in five folds (8,000 in 36 s)."""

_GPU_TRAINING_SECONDS = 0.02
"""A face: two fine-tuned ResNet-18 in five folds. An assumption about a mid-range GPU, not a measurement."""


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
class VoteSummary:
    """Votes of several annotators.

    Attributes:
        rows: Rows that hold a vote.
        ties: Rows whose given label shares the plurality with another class.
        votes_a_row: Mean number of votes of those rows, votes outside the classes included.
    """

    rows: int
    ties: int
    votes_a_row: float


@dataclass(frozen=True)
class AuditTime:
    """About how long an audit takes.

    Attributes:
        cpu_seconds: Frozen trunk on this machine's cores.
        gpu_seconds: Fine-tuned on one mid-range GPU.
    """

    cpu_seconds: float
    gpu_seconds: float


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
        agreement: How well annotators agree; None without votes, or where they are shares and no numbers.
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
    agreement: Agreement | None = None

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
    judged = np.bincount(table.given[facts.readable & (table.given != NO_CLASS)], minlength=len(table.labels))
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
        sizes=picture_sizes(facts),
        stored_size=store.size,
        duplicates=summarise_duplicates(store, table),
        small_classes={
            name: int(count)
            for name, count in zip(table.labels.names, judged, strict=True)
            if count < settings.verdict.min_class_size
        },
        imbalance=round(float(filled.max() / filled.min()), 2) if len(filled) else None,
        votes=_summarise_votes(table),
        audit_time=estimate_time(len(table) - len(failed), folds=settings.folds),
        cache_note=store.note,
        agreement=_agreement(table),
    )


def estimate_time(rows: int, *, folds: int | None = None, cores: int | None = None) -> AuditTime:
    """Says about how long an audit takes, by the formula of this module.

    Args:
        rows: Readable samples.
        folds: Parts of the cross-fitting; None = five.
        cores: Of the CPU; None = this machine's.
    """
    share = (folds or _FOLDS) / _FOLDS
    slowness = _CORES / (cores or os.cpu_count() or 1)
    return AuditTime(
        cpu_seconds=round(rows * (_CPU_FEATURE_SECONDS + _CPU_TRAINING_SECONDS * share) * slowness, 1),
        gpu_seconds=round(rows * _GPU_TRAINING_SECONDS * share, 1),
    )


def _summarise_votes(table: SampleTable) -> VoteSummary | None:
    if table.votes is None:
        return None
    most = table.votes.max(axis=1, initial=0.0)  # (N,)
    leaders = (table.votes == most[:, None]).sum(axis=1)
    total = table.votes.sum(axis=1) + (0.0 if table.votes_outside is None else table.votes_outside)
    voted = total > 0
    return VoteSummary(
        rows=int(voted.sum()),
        ties=int(((leaders > 1) & (most > 0) & (table.given != NO_CLASS)).sum()),
        votes_a_row=round(float(total[voted].mean()), 2) if voted.any() else 0.0,
    )


def _agreement(table: SampleTable) -> Agreement | None:
    """How well annotators agree; votes for none of the classes count as one more choice where there are any."""
    if table.votes is None:
        return None
    counts, choices, ballots = table.votes, table.labels.names, table.ballots
    if table.votes_outside is not None and table.votes_outside.any():
        counts = np.column_stack([counts, table.votes_outside])
        if ballots is not None:
            ballots = ballots.recoded(range(len(choices)), none=len(choices))
        choices = (*choices, NO_CLASS_CHOICE)
    return measure_agreement(counts, choices, ballots=ballots)
