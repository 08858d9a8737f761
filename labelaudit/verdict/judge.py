"""Evidence -> verdicts with reasons.

The evidence is turned into one decision a row by two thresholds a class on ``confidence``, the posterior at the given
label. Two rules learn them:

- ``calibrated`` (cross-fitted evidence): within each class, p_mislabelled falls as confidence rises; a monotone fit of
  it is cut where a label is as likely wrong as right (p = 0.5, ``noisy_threshold``) and where it is nearly sure
  (p = 0.15, ``clean_threshold``). So each class is judged by its own difficulty and all by one meaning.
- ``asm`` (a single run, whose peers know the labels they judge): the method's own 0.8 and 0.2 of the class's mean
  confidence.

At or above the clean threshold a row is ``clean``. At or below the noisy threshold it is ``mislabelled`` where another
class beats the given one, and ``ambiguous`` where none does. Between them it is ``ambiguous``. Pictures that stand in
the set twice under different labels are never clean: one of the two labels is wrong whatever the model says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from labelaudit.labels import NO_CLASS
from labelaudit.records import (
    Evidence,
    FloatArray,
    IntArray,
    PixelFacts,
    Reason,
    SampleTable,
    Verdict,
    VerdictTable,
)
from labelaudit.settings import AuditSettings, ThresholdRule
from labelaudit.verdict.planted import Calibration, margins

WRONG = 0.5
"""p_mislabelled from which a label is called wrong."""
SURE = 0.15
"""p_mislabelled up to which a label is called clean."""


@dataclass(frozen=True)
class ClassRule:
    """The two thresholds of every class.

    Attributes:
        clean, noisy: On confidence, (K,); NaN for classes that were not audited. noisy < clean.
        rule: How they were learned.
    """

    clean: FloatArray
    noisy: FloatArray
    rule: ThresholdRule


def learn_class_rule(
    confidence: FloatArray, p: FloatArray, given: IntArray, *, num_classes: int, settings: AuditSettings
) -> ClassRule:
    """Learns the thresholds that decide.

    Args:
        confidence: Posterior at the given label of the audited rows, (n,).
        p: Their calibrated probability of being wrong, (n,).
        given: Their given labels in [0, K), (n,).
        num_classes: K.
        settings: ``verdict.rule`` and the scales of ``asm``.
    """
    rule = settings.verdict.rule
    if rule is None:
        raise ValueError("the threshold rule must be decided before judging")
    clean = np.full(num_classes, np.nan, dtype=np.float32)
    noisy = np.full(num_classes, np.nan, dtype=np.float32)
    for k in np.unique(given).tolist():
        mine = given == k
        if rule is ThresholdRule.ASM:
            mean = confidence[mine].mean()
            clean[k], noisy[k] = settings.asm.clean_scale * mean, settings.asm.noisy_scale * mean
        else:
            clean[k], noisy[k] = _cut(confidence[mine], p[mine])
    return ClassRule(clean, noisy, rule)


def _cut(confidence: FloatArray, p: FloatArray) -> tuple[float, float]:
    """Where a falling fit of p over confidence passes ``SURE`` and ``WRONG``: (clean, noisy) thresholds."""
    order = np.argsort(confidence, kind="stable")
    fitted = IsotonicRegression(increasing=False).fit_transform(confidence[order], p[order])
    sorted_confidence = confidence[order]
    wrong = sorted_confidence[fitted >= WRONG]
    sure = sorted_confidence[fitted <= SURE]
    noisy = float(wrong.max()) if len(wrong) else 0.0
    clean = float(sure.min()) if len(sure) else 1.0
    return (clean, noisy) if noisy < clean else (float(np.nextafter(np.float32(noisy), np.float32(2.0))), noisy)


def judge(
    table: SampleTable,
    facts: PixelFacts,
    evidence: Evidence,
    *,
    audited: NDArray[np.bool_],
    calibration: Calibration,
    settings: AuditSettings,
) -> tuple[VerdictTable, ClassRule]:
    """Gives every row of the dataset its verdict.

    Args:
        table: The samples, N rows.
        facts: What decoding found.
        evidence: N rows, NaN where not audited.
        audited: Rows that evidence was gathered for, (N,).
        calibration: From margin to p_mislabelled.
        settings: Of the audit, all decided.

    Returns:
        The verdicts and the thresholds that decided them.
    """
    count, classes = evidence.posterior.shape
    given = table.given
    where = np.flatnonzero(audited)
    posterior, label = evidence.posterior[where], given[where]
    margin = margins(posterior, label)
    p = calibration.probability(margin)
    confidence = posterior[np.arange(len(where)), label]
    rule = learn_class_rule(confidence, p, label, num_classes=classes, settings=settings)

    others = posterior.copy()
    others[np.arange(len(where)), label] = -np.inf
    best_other = others.argmax(axis=1)
    above, below = confidence >= rule.clean[label], confidence <= rule.noisy[label]
    conflict = facts.conflict[where]
    convincing = (margin > 0) & ~above

    verdict = np.full(count, Verdict.UNDETERMINED, dtype=object)
    reason = np.full(count, Reason.NO_LABEL, dtype=object)
    verdict[where] = np.select(
        [above & ~conflict, below & (margin > 0)], [Verdict.CLEAN, Verdict.MISLABELLED], Verdict.AMBIGUOUS
    )
    reason[where] = np.select(
        [below & (margin > 0), conflict, above, below],
        [
            Reason.BELOW_NOISY_THRESHOLD,
            Reason.DUPLICATE_CONFLICT,
            Reason.ABOVE_CLEAN_THRESHOLD,
            Reason.NO_CONVINCING_CLASS,
        ],
        Reason.BETWEEN_THRESHOLDS,
    )
    _explain_unaudited(table, facts, audited, verdict, reason)

    suggested = np.full(count, NO_CLASS, dtype=np.int32)
    suggested[where] = np.where(convincing, best_other, NO_CLASS)
    odds = posterior[np.arange(len(where)), best_other] / np.maximum(1.0 - confidence, 1e-6)
    columns = {
        "suggested_confidence": np.where(convincing, p * np.minimum(odds, 1.0), np.nan),
        "p_mislabelled": p,
        "label_score": (1.0 - margin) / 2.0,
        "clean_threshold": rule.clean[label],
        "noisy_threshold": rule.noisy[label],
    }
    spread = {name: _spread(values, where, count) for name, values in columns.items()}
    found = VerdictTable(
        verdict=verdict.tolist(),
        reason=reason.tolist(),
        reason_detail=_details(table, facts, verdict, reason, confidence, rule, where, settings),
        suggested=suggested,
        queue_rank=_rank(spread["p_mislabelled"], spread["label_score"], verdict),
        **spread,
    )
    return found, rule


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


def _details(
    table: SampleTable,
    facts: PixelFacts,
    verdict: NDArray[np.object_],
    reason: NDArray[np.object_],
    confidence: FloatArray,
    rule: ClassRule,
    where: NDArray[np.int64],
    settings: AuditSettings,
) -> list[str | None]:
    """The numbers behind each reason, for people."""
    details: list[str | None] = list(facts.error)
    sizes = table.class_counts()
    names = table.labels.names
    for row in np.flatnonzero(verdict == Verdict.UNDETERMINED).tolist():
        label = table.given_label[row]
        if reason[row] == Reason.CLASS_TOO_SMALL:
            details[row] = (
                f"{label} has {sizes[table.given[row]]} samples, judging needs {settings.verdict.min_class_size}"
            )
        elif reason[row] == Reason.NOT_A_CLASS:
            details[row] = f"{label} is none of the audited classes"
        else:
            details[row] = "the dataset gives no label"
    for row, value in zip(where.tolist(), confidence.tolist(), strict=True):
        given = int(table.given[row])
        noisy, clean = rule.noisy[given], rule.clean[given]
        details[row] = {
            Reason.ABOVE_CLEAN_THRESHOLD: f"confidence {value:.3f} in {names[given]}, clean from {clean:.3f}",
            Reason.BELOW_NOISY_THRESHOLD: f"confidence {value:.3f} in {names[given]}, noisy up to {noisy:.3f}",
            Reason.BETWEEN_THRESHOLDS: f"confidence {value:.3f} in {names[given]}, between {noisy:.3f} and {clean:.3f}",
            Reason.NO_CONVINCING_CLASS: f"confidence {value:.3f} in {names[given]}, and no other class is likelier",
            Reason.DUPLICATE_CONFLICT: f"the same picture has another label too; confidence {value:.3f}",
        }[reason[row]]
    return details


def _rank(p: FloatArray, score: FloatArray, verdict: NDArray[np.object_]) -> NDArray[np.int64]:
    """1 for the row to ask about first: most likely wrong, then lowest label score. Clean rows are not asked about."""
    rank = np.full(len(p), -1, dtype=np.int64)
    asked = np.flatnonzero((verdict == Verdict.MISLABELLED) | (verdict == Verdict.AMBIGUOUS))
    order = np.lexsort((asked, score[asked], -p[asked]))
    rank[asked[order]] = np.arange(1, len(asked) + 1)
    return rank


def _spread(values: FloatArray, where: NDArray[np.int64], count: int) -> FloatArray:
    """Values of the audited rows at their places among all rows, NaN elsewhere."""
    full = np.full(count, np.nan, dtype=np.float32)
    full[where] = values
    return full
