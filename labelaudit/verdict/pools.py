"""Two pools of one evidence to verdicts: one tells how many labels are wrong, the other which (``evidence.combine``).

The calibration is learned on the plain pool, and carried over to the balanced one, which ranks better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import Evidence, FloatArray, IntArray, PixelFacts, SampleTable, VerdictTable
from labelaudit.settings import AuditSettings
from labelaudit.verdict.class_rule import ClassRule
from labelaudit.verdict.judge import judge
from labelaudit.verdict.opinion import second_opinion
from labelaudit.verdict.planted import Calibration, calibrate


@dataclass(frozen=True)
class PooledVerdicts:
    """What came of it.

    Attributes:
        verdicts: Of all N rows.
        rule: The thresholds that decided them.
        opinion: What another annotator would say of the audited rows, (n, K).
        calibration: From margins of the plain pool to p_mislabelled.
        ranked: The same from margins of the balanced pool, by which verdicts were judged.
    """

    verdicts: VerdictTable
    rule: ClassRule
    opinion: FloatArray
    calibration: Calibration
    ranked: Calibration


def judge_pools(
    table: SampleTable,
    facts: PixelFacts,
    evidence: Evidence,
    *,
    plain: FloatArray,
    before: IntArray,
    audited: NDArray[np.bool_],
    settings: AuditSettings,
) -> PooledVerdicts:
    """Calibrates, and gives every row its verdict.

    Args:
        table: The samples under the labels that are judged, N rows.
        facts: What decoding found.
        evidence: N rows, the balanced pool; NaN where not audited.
        plain: The plain pool of the audited rows, (n, K).
        before: Labels of the audited rows that the calibration learns from, (n,): those that people put right as they
            were, because they are the surest errors there are, and without them the rest would look worse than it is.
        audited: Rows that evidence was gathered for, n of them, (N,).
        settings: Of the audit, all decided.
    """
    opinion = second_opinion(plain, before)
    calibration = calibrate(plain, before, opinion)
    balanced = calibration.margins(evidence.posterior[audited], before)
    ranked = calibration.along(calibration.margins(plain, before), balanced)
    verdicts, rule = judge(
        table, facts, evidence, audited=audited, calibration=ranked, settings=settings, opinion=opinion
    )
    return PooledVerdicts(verdicts, rule, opinion, calibration, ranked)
