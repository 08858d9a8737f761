"""Evidence -> verdicts with reasons.

The evidence is turned into one decision a row by two thresholds a class on ``confidence``, the posterior at the given
label (``class_rule``), and by p_mislabelled.

At or above the clean threshold a row is ``clean``. At or below the noisy threshold it is ``mislabelled`` where another
class beats the given one (and, where p_mislabelled is calibrated, the label is more likely wrong than right), and
``ambiguous`` where none does. Between them it is ``ambiguous``: people would split on the picture, or the models cannot
tell. Pictures that stand in the set twice under different labels are never clean: one of the two labels is wrong
whatever the model says. A picture that looks like no face of the set (``off_topic``) is ``undetermined``: judging its
label would be calling it a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from labelaudit.labels import NO_CLASS
from labelaudit.records import (
    Evidence,
    FloatArray,
    PixelFacts,
    Reason,
    SampleTable,
    Verdict,
    VerdictTable,
)
from labelaudit.settings import AuditSettings, ThresholdRule
from labelaudit.verdict.class_rule import ClassRule, learn_class_rule
from labelaudit.verdict.planted import Calibration, margins
from labelaudit.verdict.split import vote_chances

WRONG = 0.5
"""p_mislabelled from which a label is called wrong."""


def judge(
    table: SampleTable,
    facts: PixelFacts,
    evidence: Evidence,
    *,
    audited: NDArray[np.bool_],
    calibration: Calibration,
    settings: AuditSettings,
    opinion: FloatArray | None = None,
    rule: ClassRule | None = None,
) -> tuple[VerdictTable, ClassRule]:
    """Gives every row of the dataset its verdict.

    Args:
        table: The samples, N rows.
        facts: What decoding found.
        evidence: N rows, NaN where not audited.
        audited: Rows that evidence was gathered for, (N,).
        calibration: From margin to p_mislabelled.
        settings: Of the audit, all decided.
        opinion: What another annotator would say of the audited rows, (n, K); None = what the posterior says.
        rule: The thresholds; None = learn them from these rows.

    Returns:
        The verdicts and the thresholds that decided them.
    """
    count, classes = evidence.posterior.shape
    given = table.given
    where = np.flatnonzero(audited)
    posterior, label = evidence.posterior[where], given[where]
    margin = calibration.margins(posterior, label)
    p = calibration.probability(margin)
    confidence = posterior[np.arange(len(where)), label]
    wrong = margin > 0
    if settings.verdict.rule is ThresholdRule.CALIBRATED:
        wrong &= p >= WRONG
    if rule is None:
        slip = (1.0 - calibration.second_opinion) * calibration.noise_rate
        chances = vote_chances(posterior if opinion is None else opinion, label, slip=slip)
        agreed = np.minimum(chances[:, 0] - chances[:, 1:].max(axis=1), -margins(posterior, label))
        rule = learn_class_rule(confidence, label, wrong=wrong, agreed=agreed, num_classes=classes, settings=settings)

    others = posterior.copy()
    others[np.arange(len(where)), label] = -np.inf
    best_other = others.argmax(axis=1)
    above, below = confidence >= rule.clean[label], confidence <= rule.noisy[label]
    conflict = facts.conflict[where]
    odd = np.zeros(len(where), dtype=bool)
    if evidence.outlier_score is not None:
        odd = evidence.outlier_score[where] >= evidence.outlier_threshold
    mislabelled = below & wrong
    convincing = ~above & (margin > 0) & ~odd

    verdict = _all(count, Verdict.UNDETERMINED)
    reason = _all(count, Reason.NO_LABEL)
    verdict[where] = _first_true(
        [
            (odd, Verdict.UNDETERMINED),
            (mislabelled, Verdict.MISLABELLED),
            (above & ~conflict, Verdict.CLEAN),
        ],
        otherwise=Verdict.AMBIGUOUS,
    )
    reason[where] = _first_true(
        [
            (odd, Reason.OFF_TOPIC),
            (mislabelled, Reason.BELOW_NOISY_THRESHOLD),
            (conflict, Reason.DUPLICATE_CONFLICT),
            (above, Reason.ABOVE_CLEAN_THRESHOLD),
            (below, Reason.NO_CONVINCING_CLASS),
        ],
        otherwise=Reason.BETWEEN_THRESHOLDS,
    )
    _explain_unaudited(table, facts, audited, verdict, reason)

    suggested = np.full(count, NO_CLASS, dtype=np.int32)
    suggested[where] = np.where(convincing, best_other, NO_CLASS)
    share = posterior[np.arange(len(where)), best_other] / np.maximum(1.0 - confidence, 1e-6)  # of what is not given
    columns = {
        "suggested_confidence": np.where(convincing, p * np.minimum(share, 1.0), np.nan),
        "p_mislabelled": p,
        "label_score": (1.0 - margin) / 2.0,
        "clean_threshold": rule.clean[label],
        "noisy_threshold": rule.noisy[label],
    }
    spread = {name: _spread(values, where, count) for name, values in columns.items()}
    other = posterior[np.arange(len(where)), best_other]
    details = _explain_numbers(table, reason, confidence, rule, where, best_other, other)
    details.update(_explain_missing(table, facts, reason, settings))
    found = VerdictTable(
        verdict=verdict.tolist(),
        reason=reason.tolist(),
        reason_detail=[details[row] for row in range(count)],
        suggested=suggested,
        queue_rank=queue_order(spread["p_mislabelled"], spread["label_score"], _is_asked(verdict, reason)),
        decided=None,
        **spread,
    )
    return found, rule


def _first_true(choices: Sequence[tuple[NDArray[np.bool_], StrEnum]], *, otherwise: StrEnum) -> NDArray[np.object_]:
    """The word of each row's first condition that holds, (n,)."""
    found = _all(len(choices[0][0]), otherwise)
    for holds, word in reversed(choices):
        found[holds] = word
    return found


def _all(count: int, word: StrEnum) -> NDArray[np.object_]:
    """One word for all rows, (count,); ``np.full`` would make plain text of it."""
    found = np.empty(count, dtype=object)
    found[:] = word
    return found


def _explain_unaudited(
    table: SampleTable,
    facts: PixelFacts,
    audited: NDArray[np.bool_],
    verdict: NDArray[np.object_],
    reason: NDArray[np.object_],
) -> None:
    """Sets, in place, verdict and reason of rows for which there is no evidence."""
    unlabelled = np.array([label is None for label in table.given_label], dtype=bool)
    outside = (table.given == NO_CLASS) & ~unlabelled
    reason[~audited & ~unlabelled] = Reason.CLASS_TOO_SMALL
    reason[~audited & outside] = Reason.NOT_A_CLASS
    unreadable = ~facts.readable
    verdict[unreadable] = Verdict.UNREADABLE
    reason[unreadable] = Reason.DECODE_ERROR


def _explain_missing(
    table: SampleTable, facts: PixelFacts, reason: NDArray[np.object_], settings: AuditSettings
) -> dict[int, str | None]:
    """Row -> why there is no evidence, for people."""
    usable = table.given[facts.readable & (table.given != NO_CLASS)]
    sizes = np.bincount(usable, minlength=len(table.labels))
    least = settings.verdict.min_class_size
    details: dict[int, str | None] = {}
    for row, why in enumerate(reason.tolist()):
        label = table.given_label[row]
        match why:
            case Reason.DECODE_ERROR:
                details[row] = facts.error[row]
            case Reason.CLASS_TOO_SMALL:
                size = sizes[table.given[row]]
                noun = "sample" if size == 1 else "samples"
                details[row] = f"{label} has {size} readable {noun}, judging needs {least}"
            case Reason.NOT_A_CLASS:
                details[row] = f"{label} is none of the audited classes"
            case Reason.NO_LABEL:
                details[row] = "the dataset gives no label"
    return details


def _explain_numbers(
    table: SampleTable,
    reason: NDArray[np.object_],
    confidence: FloatArray,
    rule: ClassRule,
    where: NDArray[np.int64],
    best_other: NDArray[np.int64],
    other: FloatArray,
) -> dict[int, str | None]:
    """Audited row -> the numbers behind its reason, for people; of ambiguous rows both likely classes."""
    details: dict[int, str | None] = {}
    columns = (where.tolist(), confidence.tolist(), best_other.tolist(), other.tolist())
    for row, value, j, next_value in zip(*columns, strict=True):
        k = int(table.given[row])
        said = f"confidence {value:.3f} in {table.labels.names[k]}"
        both = f"{said} and {next_value:.3f} in {table.labels.names[j]}"
        match reason[row]:
            case Reason.ABOVE_CLEAN_THRESHOLD:
                details[row] = f"{said}, clean from {rule.clean[k]:.3f}"
            case Reason.BELOW_NOISY_THRESHOLD:
                details[row] = f"{said}, noisy up to {rule.noisy[k]:.3f}"
            case Reason.BETWEEN_THRESHOLDS:
                details[row] = f"{both}, between {rule.noisy[k]:.3f} and {rule.clean[k]:.3f}"
            case Reason.NO_CONVINCING_CLASS:
                details[row] = f"{both}, noisy up to {rule.noisy[k]:.3f}, and no other class is likely enough"
            case Reason.OFF_TOPIC:
                details[row] = f"looks like no face of this dataset: a wrong crop, or no face; {said}"
            case Reason.DUPLICATE_CONFLICT:
                details[row] = f"the same picture has another label too; {said}"
    return details


def queue_order(p: FloatArray, score: FloatArray, asked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """1 for the row to ask about first: most likely wrong, then lowest label score; -1 for rows not asked about, (N,).

    Args:
        p: p_mislabelled, (N,).
        score: label_score, (N,).
        asked: Rows that people are asked about, (N,).
    """
    rank = np.full(len(p), -1, dtype=np.int64)
    rows = np.flatnonzero(asked)
    order = np.lexsort((rows, score[rows], -p[rows]))
    rank[rows[order]] = np.arange(1, len(rows) + 1)
    return rank


def _is_asked(verdict: NDArray[np.object_], reason: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Doubted rows. Clean ones are not asked about, nor those that nobody judged."""
    found: NDArray[np.bool_] = (
        (verdict == Verdict.MISLABELLED) | (verdict == Verdict.AMBIGUOUS) | (reason == Reason.OFF_TOPIC)
    )
    return found


def _spread(values: FloatArray, where: NDArray[np.int64], count: int) -> FloatArray:
    """Values of the audited rows at their places among all rows, NaN elsewhere."""
    full = np.full(count, np.nan, dtype=np.float32)
    full[where] = values
    return full
