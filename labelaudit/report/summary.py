"""The figures of a run, counted from its report: what the terminal prints and ``summary.json`` keeps.

Everything is computed from the report's own columns, so it can be repeated from the file at any time; only the seconds
come from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import JsonDict, Reason, Verdict
from labelaudit.report.file import Report, open_report
from labelaudit.report.guidelines import GuidelineDoubt, doubted_guidelines
from labelaudit.report.metadata import Estimate, ReportMetadata, plain
from labelaudit.report.poor_pictures import PoorPictures
from labelaudit.report.slices import SliceColumn
from labelaudit.report.tally import COLUMNS as SUMMARY_COLUMNS
from labelaudit.report.tally import Mean, Tally
from labelaudit.rundir import RunDir, write_json

SUMMARY_SCHEMA_VERSION = 1
QUEUE_HEAD = 200
"""Rows of the queue that a first sitting takes in."""
_PAIRS = 10
_WORST = 10
_JUDGED = [list(Verdict).index(each) for each in (Verdict.CLEAN, Verdict.AMBIGUOUS, Verdict.MISLABELLED)]


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
        noise_rate: Share of its labels that are wrong, or None.
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
    noise_rate: Estimate | None = None


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
        slices: The same of the slices that were asked for, and which of them differ.
        poor_pictures: Classes and slices that hold many of the blurred and dark pictures.
        guidelines: Classes that are not told apart, or look like another: a matter of what the class means.
        assumed: What was assumed rather than told.
        distrust: Why the verdicts are not to be trusted, one sentence each; () where nothing speaks against them.
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
    distrust: Sequence[str] = ()
    slices: Sequence[SliceColumn] = ()
    poor_pictures: Sequence[PoorPictures] = ()
    guidelines: Sequence[GuidelineDoubt] = ()
    schema_version: int = SUMMARY_SCHEMA_VERSION

    def to_json(self) -> JsonDict:
        """Plain values, the version first, and ``trusted`` among them."""
        found: JsonDict = plain({"schema_version": self.schema_version, **asdict(self), "trusted": not self.distrust})
        return found


def write_summary(path: Path, summary: Summary) -> None:
    """Writes ``summary.json``, whole or not at all."""
    write_json(path, summary.to_json())


def summarise(report: Report, *, seconds: Mapping[str, float] | None = None, files: Iterable[str] = ()) -> Summary:
    """Counts the figures of a report that is in memory.

    Args:
        report: With at least ``SUMMARY_COLUMNS``.
        seconds: Stage -> seconds, where they are known.
        files: Names of the run's files, relative to its folder.
    """
    return _summarised(report.metadata, [report], seconds or {}, files)


def summarise_run(
    run: RunDir | Path | str, *, seconds: Mapping[str, float] | None = None, files: Iterable[str] = ()
) -> Summary:
    """``summarise`` of a report on disk, a row group at a time: memory does not grow with its rows.

    Args:
        run: A run, its folder, or the path of a ``report.parquet``.
        seconds: As of ``summarise``.
        files: As of ``summarise``.

    Raises:
        ReportError: The report cannot be read.
    """
    report = open_report(run)
    return _summarised(report.metadata, report.parts(SUMMARY_COLUMNS), seconds or {}, files)


def _summarised(
    meta: ReportMetadata, parts: Iterable[Report], seconds: Mapping[str, float], files: Iterable[str]
) -> Summary:
    classes = meta.classes
    tally = Tally(classes, head=QUEUE_HEAD, worst=_WORST)
    for part in parts:
        tally.add(part.table)
    groups, conflicts = tally.duplicates()
    return Summary(
        dataset=meta.dataset,
        source_format=meta.source_format,
        source_why=meta.source_why,
        rows=tally.rows,
        verdicts=_named(Verdict, tally.verdicts.sum(axis=0)),
        reasons=_named(Reason, tally.reasons),
        per_class=_per_class(tally, classes, meta.class_noise),
        confused=_top_pairs(tally.confused, classes),
        ambiguous_between=_top_pairs(np.triu(tally.between + tally.between.T), classes),
        worst=tuple(WorstRow(**{**row, "p_mislabelled": _round(row["p_mislabelled"])}) for row in tally.worst()),
        duplicates=Duplicates(groups, tally.copies, conflicts),
        mislabelled_precision=_precision(tally.flagged, meta.mislabelled_precision),
        queue_head=tally.head.rows,
        queue_precision=_precision(tally.head, meta.queue_precision),
        noise_rate=meta.noise_rate,
        assumed=meta.assumed,
        weights=meta.weights,
        device=meta.device,
        settings=meta.settings,
        seconds={name: round(value, 2) for name, value in seconds.items()},
        files=tuple(files),
        tool_version=meta.tool_version,
        scored=None if meta.scored is None else meta.scored.to_json(),
        distrust=meta.distrust,
        slices=meta.slices,
        poor_pictures=meta.poor_pictures,
        guidelines=doubted_guidelines(
            tally.leaning,
            tally.verdicts[:-1, _JUDGED].sum(axis=1),
            classes,
            second_opinion=meta.planted.get("second_opinion_share"),
        ),
    )


def _named(names: Iterable[str], counts: NDArray[np.int64]) -> dict[str, int]:
    return {str(name): count for name, count in zip(names, counts.tolist(), strict=True)}


def _per_class(tally: Tally, classes: Sequence[str], noise: Sequence[Estimate | None]) -> tuple[ClassSummary, ...]:
    found = []
    for k, label in enumerate(classes):
        by_verdict = dict(zip(Verdict, tally.verdicts[k].tolist(), strict=True))
        really = int(tally.confused[k].argmax())
        count = int(tally.confused[k, really])
        found.append(
            ClassSummary(
                label=label,
                given=int(tally.verdicts[k].sum()),
                clean=by_verdict[Verdict.CLEAN],
                ambiguous=by_verdict[Verdict.AMBIGUOUS],
                mislabelled=by_verdict[Verdict.MISLABELLED],
                undetermined=by_verdict[Verdict.UNDETERMINED],
                unreadable=by_verdict[Verdict.UNREADABLE],
                clean_threshold=_known(tally.clean[k]),
                noisy_threshold=_known(tally.noisy[k]),
                mean_confidence=_known(tally.confidence[k].value),
                really=classes[really] if count else None,
                really_count=count,
                noise_rate=noise[k] if noise else None,
            )
        )
    return tuple(found)


def _top_pairs(counts: NDArray[np.int64], classes: Sequence[str]) -> tuple[Pair, ...]:
    order = np.argsort(-counts, axis=None, kind="stable")[:_PAIRS]
    first, second = np.unravel_index(order, counts.shape)
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return tuple(Pair(classes[i], classes[j], int(counts[i, j])) for i, j in pairs if counts[i, j])


def _precision(p: Mean, measured: Estimate | None) -> Estimate | None:
    """What was measured, else the mean probability of being wrong."""
    if p.rows == 0:
        return None
    return measured if measured is not None else Estimate(_round(p.value))


def _known(value: float) -> float | None:
    """A rounded number, None for NaN."""
    return None if np.isnan(value) else _round(value)


def _round(value: float) -> float:
    return round(float(value), 4)
