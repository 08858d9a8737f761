"""From gathered evidence to what the audit says, by the steps of ``labelaudit audit`` (``conclude``), without files."""

from __future__ import annotations

import numpy as np

from labelaudit.bench.scores import KINDS, Scores
from labelaudit.evidence.gather import Gathered
from labelaudit.evidence.plan import Plan
from labelaudit.pixels.store import PixelStore
from labelaudit.records import SampleTable
from labelaudit.verdict.pools import judge_pools


def audit_scores(gathered: Gathered, table: SampleTable, store: PixelStore, plan: Plan) -> Scores:
    """Scores, probabilities and verdicts of all m rows, NaN and -1 where not audited.

    Args:
        gathered: The evidence.
        table: The rows under the given labels that are judged.
        store: Their pixels.
        plan: What was done.
    """
    evidence = gathered.evidence
    audited = np.isfinite(gathered.plain[:, 0])
    plain, given = gathered.plain[audited], table.given[audited]
    found = judge_pools(
        table, store.facts, evidence, plain=plain, before=given, audited=audited, settings=plan.settings
    ).verdicts
    codes = {name: code for code, name in enumerate(KINDS)}
    return Scores(
        score=1.0 - found.label_score,
        p=found.p_mislabelled,
        suggested=found.suggested,
        verdict=np.array([codes.get(str(each), -1) for each in found.verdict], dtype=np.int8),
    )
