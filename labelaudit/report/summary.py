"""The figures of a run, counted from its report: what the terminal prints and ``summary.json`` keeps.

Everything is computed from the report's own columns, so it can be repeated from the file at any time; only the seconds
come from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray, JsonDict, Reason, Verdict
from labelaudit.report.counts import (
    best_other,
    codes_among,
    counts_by_name,
    differing_groups,
    distinct_names,
    floats,
    pair_counts,
    shared_by_class,
)
from labelaudit.report.metadata import Estimate, plain
from labelaudit.report.table import Report
from labelaudit.rundir import write_json

SUMMARY_SCHEMA_VERSION = 1
QUEUE_HEAD = 200
"""Rows of the queue that a first sitting takes in."""
_PAIRS = 10
_WORST = 10


@dataclass(frozen=True)
class ClassSummary:
    """One class's rows, by the label that was given.

    Attributes:
        label: Class name.
        given: Rows with this label.
        clean, ambiguous, mislabelled, undetermined, unreadable: Those with each verdict; they add up to ``given``.
        clean_threshold, noisy_threshold: What decided its rows; None where it was not audited.
        mean_confidence: Mean posterior at this label, in [0, 1]; None where it was not audited.
        really: The class most often suggested for its mislabelled rows, or None.
        really_count: How often.
    """

    label: str
    given: int
    clean: int
    ambiguous: int
    mislabelled: int
    undetermined: int
    unreadable: int
    clean_threshold: float | None
    noisy_threshold: float | None
    mean_confidence: float | None
    really: str | None
    really_count: int


@dataclass(frozen=True)
class Pair:
    """Two classes and how many rows stand between them."""

    first: str
    second: str
    count: int


@dataclass(frozen=True)
class WorstRow:
    """A row at the head of the queue."""

    queue_rank: int
    sample_id: str
    given_label: str
    suggested_label: str | None
    p_mislabelled: float


@dataclass(frozen=True)
class Duplicates:
    """Pictures that stand in the dataset more than once.

    Attributes:
        groups: Distinct pictures with twins.
        rows: Rows that show them.
        conflicts: Groups whose rows carry different labels.
    """

    groups: int
    rows: int
    conflicts: int


@dataclass(frozen=True)
class Summary:
    """The figures of one run.

    Attributes:
        dataset, source_format, source_why: What was audited, as in the metadata.
        rows: Rows of the dataset.
        verdicts, reasons: Name -> rows, every name in it.
        per_class: The K classes in the order of the metadata.
        confused: (given, suggested) of the mislabelled rows, most frequent first.
        ambiguous_between: The unordered pairs that ambiguous rows stand between, most frequent first.
        worst: The ten rows to ask about first.
        duplicates: Pictures that stand in the dataset more than once.
        mislabelled_precision: Share of the mislabelled rows that are expected to be wrong; None without such rows.
        queue_head: Rows in the head of the queue, at most 200.
        queue_precision: Share of them that are expected to be wrong; None where the queue is empty.
        noise_rate: Share of all labels that are wrong, or None.
        assumed: What was assumed rather than told.
        weights, device, settings: How it was run.
        seconds: Stage -> seconds.
        files: Names of the run's files, relative to its folder.
        tool_version: Version of labelaudit.
        scored: Which model judged, drift and overlap, as ``Scored.to_json`` has them; None for an audit.
        schema_version: ``SUMMARY_SCHEMA_VERSION``.
    """

    dataset: str
    source_format: str
    source_why: str
    rows: int
    verdicts: Mapping[str, int]
    reasons: Mapping[str, int]
    per_class: Sequence[ClassSummary]
    confused: Sequence[Pair]
    ambiguous_between: Sequence[Pair]
    worst: Sequence[WorstRow]
    duplicates: Duplicates
    mislabelled_precision: Estimate | None
    queue_head: int
    queue_precision: Estimate | None
    noise_rate: Estimate | None
    assumed: Sequence[str]
    weights: str
    device: str
    settings: JsonDict
    seconds: Mapping[str, float]
    files: Sequence[str]
    tool_version: str
    scored: JsonDict | None = None
    schema_version: int = SUMMARY_SCHEMA_VERSION

    def to_json(self) -> JsonDict:
        """Plain values, the version first."""
        found: JsonDict = plain({"schema_version": self.schema_version, **asdict(self)})
        return found


def write_summary(path: Path, summary: Summary) -> None:
    """Writes ``summary.json``, whole or not at all."""
    write_json(path, summary.to_json())


def summarise(report: Report, *, seconds: Mapping[str, float] | None = None, files: Iterable[str] = ()) -> Summary:
    """Counts the figures of a report.

    Args:
        report: All of its columns.
        seconds: Stage -> seconds, where they are known.
        files: Names of the run's files, relative to its folder.
    """
    table, meta = report.table, report.metadata
    classes = report.classes
    verdict = codes_among(table["verdict"], list(Verdict))
    given = codes_among(table["given_label"], classes)
    suggested = codes_among(table["suggested_label"], classes)
    p = floats(table["p_mislabelled"])
    mislabelled = verdict == list(Verdict).index(Verdict.MISLABELLED)
    ambiguous = verdict == list(Verdict).index(Verdict.AMBIGUOUS)
    confused = pair_counts(given[mislabelled], suggested[mislabelled], len(classes))
    other = best_other(table["posterior"], given)
    between = pair_counts(given[ambiguous], other[ambiguous], len(classes))
    rank = floats(table["queue_rank"])
    head = rank <= QUEUE_HEAD  # NaN: not in the queue
    return Summary(
        dataset=meta.dataset,
        source_format=meta.source_format,
        source_why=meta.source_why,
        rows=len(report),
        verdicts=counts_by_name(verdict, list(Verdict)),
        reasons=counts_by_name(codes_among(table["reason"], list(Reason)), list(Reason)),
        per_class=_per_class(table, classes, given, verdict, confused),
        confused=_top_pairs(confused, classes),
        ambiguous_between=_top_pairs(np.triu(between + between.T), classes),
        worst=_worst(table, rank),
        duplicates=_duplicates(table),
        mislabelled_precision=_precision(p[mislabelled], meta.mislabelled_precision),
        queue_head=int(head.sum()),
        queue_precision=_precision(p[head], meta.queue_precision),
        noise_rate=meta.noise_rate,
        assumed=meta.assumed,
        weights=meta.weights,
        device=meta.device,
        settings=meta.settings,
        seconds={} if seconds is None else {name: round(value, 2) for name, value in seconds.items()},
        files=tuple(files),
        tool_version=meta.tool_version,
        scored=None if meta.scored is None else meta.scored.to_json(),
    )


def _per_class(
    table: pa.Table, classes: Sequence[str], given: IntArray, verdict: IntArray, confused: NDArray[np.int64]
) -> tuple[ClassSummary, ...]:
    size, kinds = len(classes), len(Verdict)
    known = given >= 0
    counts = np.bincount(given[known] * kinds + verdict[known], minlength=size * kinds).reshape(size, kinds)  # (K, V)
    confidence = floats(table["confidence"])
    judged = known & ~np.isnan(confidence)
    rows = np.bincount(given[judged], minlength=size)
    total = np.bincount(given[judged], weights=confidence[judged], minlength=size)
    clean = shared_by_class(floats(table["clean_threshold"]), given, size)
    noisy = shared_by_class(floats(table["noisy_threshold"]), given, size)
    found = []
    for k, label in enumerate(classes):
        by_verdict = dict(zip(Verdict, counts[k].tolist(), strict=True))
        really = int(confused[k].argmax())
        found.append(
            ClassSummary(
                label=label,
                given=int(counts[k].sum()),
                clean=by_verdict[Verdict.CLEAN],
                ambiguous=by_verdict[Verdict.AMBIGUOUS],
                mislabelled=by_verdict[Verdict.MISLABELLED],
                undetermined=by_verdict[Verdict.UNDETERMINED],
                unreadable=by_verdict[Verdict.UNREADABLE],
                clean_threshold=_known(clean[k]),
                noisy_threshold=_known(noisy[k]),
                mean_confidence=_known(total[k] / rows[k] if rows[k] else np.nan),
                really=classes[really] if confused[k, really] else None,
                really_count=int(confused[k, really]),
            )
        )
    return tuple(found)


def _top_pairs(counts: NDArray[np.int64], classes: Sequence[str]) -> tuple[Pair, ...]:
    order = np.argsort(-counts, axis=None, kind="stable")[:_PAIRS]
    first, second = np.unravel_index(order, counts.shape)
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return tuple(Pair(classes[i], classes[j], int(counts[i, j])) for i, j in pairs if counts[i, j])


def _worst(table: pa.Table, rank: FloatArray) -> tuple[WorstRow, ...]:
    columns = table.select(["queue_rank", "sample_id", "given_label", "suggested_label", "p_mislabelled"])
    head = np.flatnonzero(rank <= _WORST)
    rows = [columns.slice(row, 1).to_pylist()[0] for row in head[np.argsort(rank[head])].tolist()]
    return tuple(WorstRow(**{**row, "p_mislabelled": _round(row["p_mislabelled"])}) for row in rows)


def _duplicates(table: pa.Table) -> Duplicates:
    group, label = floats(table["duplicate_group"]), table["given_label"]
    groups, conflicts = differing_groups(group, codes_among(label, distinct_names(label)))
    return Duplicates(groups, int(np.count_nonzero(~np.isnan(group))), conflicts)


def _precision(p: FloatArray, measured: Estimate | None) -> Estimate | None:
    """What was measured, else the mean probability of being wrong."""
    if len(p) == 0:
        return None
    return measured if measured is not None else Estimate(_round(float(np.nanmean(p))))


def _known(value: float) -> float | None:
    """A rounded number, None for NaN."""
    return None if np.isnan(value) else _round(value)


def _round(value: float) -> float:
    return round(float(value), 4)
