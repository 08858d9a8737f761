"""The sentences of the page: what each part of it proves, in words that hold for the figures at hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelaudit.records import Reason, Verdict
from labelaudit.report.curves import EpochCurves
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.summary import ClassSummary, Summary
from labelaudit.report.words import counted, expected_wrong, interval, number, percent, share_of

REASON_WORDS = {
    Reason.DECODE_ERROR: "unreadable picture",
    Reason.CLASS_TOO_SMALL: "in a class too small to judge",
    Reason.NO_LABEL: "without a label",
    Reason.NOT_A_CLASS: "with a label that is no class",
    Reason.CLASS_UNKNOWN: "with a label that the model does not know",
    Reason.OFF_TOPIC: "fits no class",
}


def is_calibrated(metadata: ReportMetadata) -> bool:
    """False where the networks judged labels that they had learned, so that p_mislabelled was never put to a test."""
    return bool(metadata.settings.get("verdict", {}).get("rule") != "asm")


def headline(summary: Summary, *, calibrated: bool) -> tuple[str, str, str]:
    """How many, how sure, and what to do."""
    counts, rows = summary.verdicts, summary.rows
    wrong, ambiguous = counts[Verdict.MISLABELLED], counts[Verdict.AMBIGUOUS]
    unjudged = counts[Verdict.UNDETERMINED] + counts[Verdict.UNREADABLE]
    rest = f"; {number(unjudged)} could not be judged" if unjudged else ""
    many = (
        f"Of {counted(rows, 'face', 'faces')}, {number(wrong)} ({share_of(wrong, rows)}) {_be(wrong)} "
        f"likely mislabelled and {number(ambiguous)} ({share_of(ambiguous, rows)}) {_be(ambiguous)} ambiguous{rest}."
    )
    return many, _how_sure(summary, calibrated=calibrated), _what_to_do(summary, calibrated=calibrated)


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _how_sure(summary: Summary, *, calibrated: bool) -> str:
    precision = summary.mislabelled_precision
    if precision is None:
        return "No label is called wrong."
    if not calibrated:
        return "How many of them are wrong was not measured: the networks had learned the labels that they judge."
    return f"Of the likely mislabelled, {expected_wrong(precision, of_them=False)}, by errors planted in this dataset."


def _what_to_do(summary: Summary, *, calibrated: bool) -> str:
    head, precision = summary.queue_head, summary.queue_precision
    if precision is None:
        return "There is nothing to ask people about."
    worst = "the one row in question" if head == 1 else f"the {number(head)} worst rows"
    return f"Start with {worst}: {expected_wrong(precision)}." if calibrated else f"Start with {worst}."


def classes_finding(classes: Sequence[ClassSummary]) -> str:
    """Where labels go wrong most often, and where least."""
    judged = [each for each in classes if each.clean_threshold is not None]
    if not any(each.mislabelled for each in judged):
        return "No class has a label that is likely wrong."
    ordered = sorted(judged, key=lambda each: each.mislabelled / each.given)
    least, most = ordered[0], ordered[-1]
    return (
        f"Labels are wrong most often in {most.label}, where {share_of(most.mislabelled, most.given)} are likely "
        f"mislabelled, and least often in {least.label}, where {share_of(least.mislabelled, least.given)} are."
    )


def confusion_finding(summary: Summary) -> str:
    """The pair of classes that is confused most."""
    if not summary.confused:
        return "No label is likely to belong to another class."
    top = summary.confused[0]
    faces, look = counted(top.count, "face", "faces"), "looks" if top.count == 1 else "look"
    return f"The commonest mistake: {faces} labelled {top.first} that {look} {top.second}."


def known_finding(summary: Summary, *, calibrated: bool) -> str:
    """What was measured about the verdicts."""
    head, precision = summary.queue_head, summary.queue_precision
    if precision is None:
        return "There is no queue, and so nothing of which the precision could be measured."
    if not calibrated:
        return "Nothing was measured: take the probabilities on this page as an order, not as probabilities."
    queued = summary.verdicts[Verdict.MISLABELLED] + summary.verdicts[Verdict.AMBIGUOUS]
    where = f"In the first {number(head)} rows of the queue" if queued > head else "In the whole queue"
    span = interval(precision)
    return (
        f"{where} {percent(precision.value, digits=0)} of the labels should be wrong{f' {span}' if span else ''}"
        f"{'; further down it is fewer' if queued > head else ''}."
    )


def training_finding(curves: EpochCurves | None) -> str:
    """Where thresholds and partitions ended."""
    if curves is None:
        return "No epoch was mined, so there are no thresholds to show."
    clean = np.nanmean(curves.clean, axis=0)
    share = curves.held[0, -1] / max(int(curves.held[:, -1].sum()), 1)
    return (
        f"Over {counted(len(curves.epoch), 'mined epoch', 'mined epochs')} the clean threshold went from "
        f"{clean[0]:.2f} to {clean[-1]:.2f} (mean of the classes), and {percent(float(share), digits=0)} of the "
        "training samples ended as clean."
    )


def thresholds_finding(classes: Sequence[ClassSummary]) -> str:
    """How far the classes' own thresholds lie apart."""
    judged = sorted((each.clean_threshold, each.label) for each in classes if each.clean_threshold is not None)
    if not judged:
        return "No class was judged."
    (low, easy), (high, hard) = judged[0], judged[-1]
    return (
        f"Each class is judged on its own scale: a label counts as clean from {low:.2f} on in {easy}, "
        f"and from {high:.2f} on in {hard}."
    )


def ambiguous_finding(summary: Summary) -> str:
    """How many rows stand between two classes, and between which most often."""
    rows = summary.verdicts[Verdict.AMBIGUOUS]
    if rows == 0:
        return "No face stands between two classes."
    between = summary.ambiguous_between
    most = f", most often between {between[0].first} and {between[0].second} ({number(between[0].count)})"
    return (
        f"{counted(rows, 'face is', 'faces are')} ambiguous{most if between else ''}: the models cannot settle "
        "them, and several people's opinions say more than one correction."
    )


def duplicates_finding(summary: Summary) -> str:
    """Pictures that stand in the dataset more than once."""
    twins = summary.duplicates
    if twins.groups == 0:
        return "No picture stands in the dataset more than once."
    pictures = counted(twins.groups, "picture stands", "pictures stand")
    if twins.conflicts == 0:
        return f"{pictures} in more than one row ({number(twins.rows)} rows), always under the same label."
    under = "one of them" if twins.conflicts == 1 else f"{number(twins.conflicts)} of them"
    if twins.conflicts == twins.groups:
        under = "all of them" if twins.groups > 1 else "and that"
    return (
        f"{pictures} in more than one row ({number(twins.rows)} rows), {under} under different labels: "
        "there at least one label is wrong, whatever a model says."
    )


def unjudged_finding(summary: Summary) -> str:
    """How many rows have no verdict."""
    rows = summary.verdicts[Verdict.UNDETERMINED] + summary.verdicts[Verdict.UNREADABLE]
    if rows == 0:
        return "Every row was judged."
    return f"{counted(rows, 'row was', 'rows were')} not judged; they stand in the report with their reason."
