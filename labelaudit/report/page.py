"""Everything that the page shows, gathered from a report: numbers, sentences and figures, no markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.records import IntArray, Verdict
from labelaudit.report import findings
from labelaudit.report.counts import codes_among, pair_counts
from labelaudit.report.curves import QueueCurve, confidence_counts, epoch_curves, margin_curve, queue_curve
from labelaudit.report.figures import (
    draw_calibration,
    draw_class_epochs,
    draw_confidence,
    draw_partitions,
    draw_queue,
)
from labelaudit.report.gallery import Galleries, choose
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.poor_pictures import poor_sentences
from labelaudit.report.slice_words import column_finding
from labelaudit.report.spot_check import SpotFindings
from labelaudit.report.spot_words import spot_sentences
from labelaudit.report.summary import Summary, summarise
from labelaudit.report.svg import Drawing
from labelaudit.report.table import Report
from labelaudit.report.words import distrust_sentence

_MAP_CLASSES = 12
_DRAWN_CLASSES = 24
_SLICES = 50
_LENGTHS = tuple(step * 10**power for power in range(1, 8) for step in (1, 2, 5))
_FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:]+[/\\])+([^\s/\\:]+)")


@dataclass(frozen=True)
class QueueStep:
    """A length of the queue and what to expect of it.

    Attributes:
        length: Rows.
        wrong: Wrong labels expected among them.
        share: Their share, with an interval where one was measured.
    """

    length: int
    wrong: int
    share: Estimate


@dataclass(frozen=True)
class HeatMap:
    """Mislabelled rows by given and suggested class.

    Attributes:
        labels: Classes that are shown.
        counts: A row a given class, a column a suggested one.
        shades: Share of the given class's rows, relative to the largest one, in [0, 1].
        left_out: Classes with fewer such rows that are not shown.
    """

    labels: Sequence[str]
    counts: Sequence[Sequence[int]]
    shades: Sequence[Sequence[float]]
    left_out: int


@dataclass(frozen=True)
class Page:
    """The content of the page.

    Attributes:
        summary, metadata: Of the report.
        calibrated: Whether p_mislabelled was put to a test.
        headline: How many, how sure, what to do.
        finding: Part of the page -> the sentence it proves.
        galleries: Rows shown one by one.
        heat_map: None where no label is likely to belong to another class.
        queue, calibration, partitions: Figures, None where there is nothing to draw.
        queue_steps: The queue's figure as numbers.
        epochs, confidence: A figure a class.
        slice_findings: What the slices of each column show.
        slices_shown: Slices of a column that have a row of their own, at most.
        poor_pictures: Where the blurred and the dark pictures sit, one sentence each.
        classes_left_out: Classes for which there is no figure of their own.
        reasons: Why rows were not judged, with how many.
        settings: Name and value, in order.
        assumed: What was assumed rather than told.
        distrust: Why the verdicts are not to be trusted, in one sentence; None where nothing speaks against them.
        spot: What people's looks at a random sample tell; None where nobody looked.
    """

    summary: Summary
    metadata: ReportMetadata
    calibrated: bool
    headline: tuple[str, str, str]
    finding: Mapping[str, str]
    galleries: Galleries
    heat_map: HeatMap | None
    queue: Drawing | None
    queue_steps: Sequence[QueueStep]
    calibration: Drawing | None
    partitions: Drawing | None
    epochs: Sequence[Drawing]
    confidence: Sequence[Drawing]
    slice_findings: Sequence[str]
    slices_shown: int
    poor_pictures: Sequence[str]
    classes_left_out: int
    reasons: Sequence[tuple[str, int]]
    settings: Sequence[tuple[str, str]]
    assumed: Sequence[str]
    distrust: str | None
    spot: SpotFindings | None = None


def gather_page(report: Report, history: pa.Table, *, spot: SpotFindings | None = None) -> Page:
    """Gathers what the page shows.

    Args:
        report: With at least the ``COLUMNS`` that choosing needs.
        history: Columns of ``THRESHOLDS_SCHEMA``, maybe without rows.
        spot: What people's looks at a random sample tell, or None.
    """
    summary, metadata = summarise(report), report.metadata
    calibrated = findings.is_calibrated(metadata)
    confused = _by_suggestion(report)
    epochs = epoch_curves(history, report.classes)
    queue, margins = queue_curve(report), margin_curve(report)
    measured = summary.queue_precision if calibrated else None
    drawn = _drawn_classes(summary)
    counts = confidence_counts(report)
    per_class = summary.per_class
    by_epoch = [] if epochs is None else [draw_class_epochs(epochs, k, label=per_class[k].label) for k in drawn]
    by_confidence = [
        draw_confidence(
            counts[k],
            k,
            label=per_class[k].label,
            clean=per_class[k].clean_threshold,
            noisy=per_class[k].noisy_threshold,
        )
        for k in drawn
    ]
    return Page(
        summary=summary,
        metadata=metadata,
        calibrated=calibrated,
        headline=findings.headline(summary, calibrated=calibrated),
        finding={
            "classes": findings.classes_finding(per_class),
            "confusion": findings.confusion_finding(summary),
            "known": _known(summary, spot, calibrated=calibrated),
            "training": findings.training_finding(epochs),
            "thresholds": findings.thresholds_finding(per_class),
            "ambiguous": findings.ambiguous_finding(summary),
            "duplicates": findings.duplicates_finding(summary),
            "unjudged": findings.unjudged_finding(summary),
        },
        galleries=choose(report),
        heat_map=_heat_map(confused, summary),
        queue=None if queue is None else draw_queue(queue, head=summary.queue_head, measured=measured),
        queue_steps=() if queue is None else _steps(queue, head=summary.queue_head, measured=measured),
        calibration=None if margins is None or not calibrated else draw_calibration(margins),
        partitions=None if epochs is None else draw_partitions(epochs),
        epochs=[each for each in by_epoch if each is not None],
        confidence=[each for each in by_confidence if each is not None],
        slice_findings=[column_finding(each) for each in summary.slices],
        slices_shown=_SLICES,
        poor_pictures=[f"{each[0].upper()}{each[1:]}." for each in poor_sentences(summary.poor_pictures)],
        classes_left_out=len(per_class) - len(drawn),
        reasons=[
            (words, summary.reasons[reason])
            for reason, words in findings.REASON_WORDS.items()
            if summary.reasons[reason]
        ],
        settings=[(name, without_folders(value)) for name, value in _flat(metadata.settings)],
        assumed=[without_folders(each) for each in summary.assumed],
        distrust=distrust_sentence(summary.distrust) if summary.distrust else None,
        spot=spot,
    )


def _known(summary: Summary, spot: SpotFindings | None, *, calibrated: bool) -> str:
    """What people found, where they looked; else what the audit measured itself."""
    return findings.known_finding(summary, calibrated=calibrated) if spot is None else f"{spot_sentences(spot)[0]}."


def without_folders(text: str) -> str:
    """The text with every absolute path cut down to its last part: a page that is shared tells no folders."""
    return _FOLDERS.sub(r"\1", text)


def _flat(settings: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}{key}.")
        else:
            yield f"{name}{key}", "not set" if value is None else str(value)


def _by_suggestion(report: Report) -> NDArray[np.int64]:
    """Mislabelled rows by given and suggested class, (K, K)."""
    table, size = report.table, len(report.classes)
    wrong = codes_among(table["verdict"], [Verdict.MISLABELLED]) == 0
    given, suggested = (codes_among(table[name], report.classes)[wrong] for name in ("given_label", "suggested_label"))
    return pair_counts(given, suggested, size)


def _drawn_classes(summary: Summary) -> list[int]:
    """Classes with a figure of their own: all, or those with most rows, in the order of the report."""
    sizes = np.array([each.given for each in summary.per_class])
    return sorted(np.argsort(-sizes, kind="stable")[:_DRAWN_CLASSES].tolist())


def _heat_map(confused: NDArray[np.int64], summary: Summary) -> HeatMap | None:
    if not confused.any():
        return None
    activity = confused.sum(axis=0) + confused.sum(axis=1)
    chosen: IntArray = np.sort(np.argsort(-activity, kind="stable")[:_MAP_CLASSES]).astype(np.int32)
    given = np.array([max(summary.per_class[k].given, 1) for k in chosen.tolist()])
    counts = confused[np.ix_(chosen, chosen)]
    shares = counts / given[:, None]
    return HeatMap(
        labels=[summary.per_class[k].label for k in chosen.tolist()],
        counts=counts.tolist(),
        shades=(shares / max(float(shares.max()), 1e-9)).tolist(),
        left_out=len(confused) - len(chosen),
    )


def _steps(curve: QueueCurve, *, head: int, measured: Estimate | None) -> list[QueueStep]:
    """A few round lengths, the head and the whole queue."""
    last = int(curve.length[-1])
    lengths = sorted({*(length for length in _LENGTHS if 50 <= length < last), head, last})
    found = []
    for length in lengths:
        share = measured if length == head and measured is not None else Estimate(curve.at(length))
        found.append(QueueStep(length, round(share.value * length), share))
    return found
