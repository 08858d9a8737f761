"""The two thresholds of every class on ``confidence``, the posterior at the given label.

- ``calibrated`` (cross-fitted evidence): a label is called clean from the confidence on where it is likelier that most
  people would give it than that they would split on the picture or give another (``split``), and no other class is
  ahead of it, by a rising fit within the class. The noisy threshold is the highest confidence at which a label of the
  class is more likely wrong than right. So each class is judged by its own difficulty and all by one meaning. (Both
  thresholds were cuts of p_mislabelled, at 0.15 and 0.5, before: on six draws that no figure is reported on the three
  verdicts agreed with ten votes by a macro F1 of 0.564 on average, and of 0.583 by these. On three of them, boosted
  trees that were taught the votes themselves got 0.604 from the same evidence, these rules 0.588.)
- ``asm`` (a single run, whose peers know the labels they judge): the method's own 0.8 and 0.2 of the class's mean
  confidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray
from labelaudit.settings import AuditSettings, ThresholdRule


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
    confidence: FloatArray,
    given: IntArray,
    *,
    wrong: NDArray[np.bool_],
    agreed: FloatArray,
    num_classes: int,
    settings: AuditSettings,
) -> ClassRule:
    """Learns the thresholds that decide.

    Args:
        confidence: Posterior at the given label of the audited rows, (n,).
        given: Their given labels in [0, K), (n,).
        wrong: Those more likely wrong than right, (n,).
        agreed: How far the label stands ahead, (n,), in [-1, 1]: the chance that most people would give it less that
            of the likelier other outcome, or the posterior's lead over the best other class, whichever is less.
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
            mean = math.fsum(confidence[mine].tolist()) / np.count_nonzero(mine)  # exact: rows may come in any order
            clean[k], noisy[k] = settings.asm.clean_scale * mean, settings.asm.noisy_scale * mean
        else:
            clean[k] = _clean_from(confidence[mine], agreed[mine])
            noisy[k] = confidence[mine & wrong].max(initial=0.0)  # what is more likely wrong than right is never clean
    return ClassRule(np.maximum(clean, np.nextafter(noisy, np.float32(2.0))), noisy, rule)


def _clean_from(confidence: FloatArray, agreed: FloatArray) -> float:
    """The lowest confidence at which a rising fit of ``agreed`` is 0 or more; 1 where it never is."""
    from sklearn.isotonic import IsotonicRegression  # slow to import, and judging by known thresholds needs none

    order = np.argsort(confidence, kind="stable")
    fitted = IsotonicRegression(increasing=True).fit_transform(confidence[order], agreed[order])
    sure = confidence[order][fitted >= 0]
    return float(sure.min()) if len(sure) else 1.0
