"""What people decided goes over what the evidence says: decided rows are trusted, and not asked about again.

A row whose decided class is its given label is ``clean``; one whose decided class is another is ``mislabelled`` for
certain, and that class is suggested. ``ambiguous`` stays ambiguous, and what is no face is ``undetermined``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labelaudit.decided import Decided
from labelaudit.decision import Ruling
from labelaudit.labels import NO_CLASS
from labelaudit.records import Evidence, Reason, SampleTable, Verdict, VerdictTable
from labelaudit.verdict.planted import Calibration


def decide(
    verdicts: VerdictTable, table: SampleTable, evidence: Evidence, decided: Decided, *, calibration: Calibration
) -> VerdictTable:
    """Lays decisions over verdicts.

    Args:
        verdicts: Of N rows, judged under the decided labels.
        table: The dataset as it is.
        evidence: Of the same rows.
        decided: What people decided.
        calibration: That the verdicts were judged by.
    """
    if len(decided) == 0:
        return verdicts
    verdict, reason, detail = list(verdicts.verdict), list(verdicts.reason), list(verdicts.reason_detail)
    suggested, confidence = verdicts.suggested.copy(), verdicts.suggested_confidence.copy()
    p, rank = verdicts.p_mislabelled.copy(), verdicts.queue_rank.copy()
    clean, noisy = verdicts.clean_threshold.copy(), verdicts.noisy_threshold.copy()
    for row, ruling in enumerate(decided.ruling):
        if ruling is None or verdict[row] is Verdict.UNREADABLE:
            continue
        reason[row], rank[row] = Reason.DECIDED, -1
        suggested[row], confidence[row] = NO_CLASS, np.nan
        clean[row] = noisy[row] = np.nan  # they decided nothing here
        match ruling:
            case Ruling.LABEL:
                label = int(decided.label[row])
                right = label == table.given[row]
                detail[row] = f"a person decided: {table.labels.names[label]}"
                if table.given[row] != NO_CLASS:
                    verdict[row] = Verdict.CLEAN if right else Verdict.MISLABELLED
                    p[row] = 0.0 if right else 1.0
                if not right:
                    suggested[row], confidence[row] = label, 1.0
            case Ruling.AMBIGUOUS:
                verdict[row], detail[row] = Verdict.AMBIGUOUS, "a person decided: several classes fit"
            case _:
                verdict[row], detail[row] = Verdict.UNDETERMINED, "a person decided: not a face"
                p[row] = np.nan
    asked = np.flatnonzero(rank > 0)
    rank[asked[np.argsort(rank[asked])]] = np.arange(1, len(asked) + 1)
    score = verdicts.label_score.copy()
    changed = np.flatnonzero(decided.known & (table.given != NO_CLASS))
    score[changed] = (1.0 - calibration.margins(evidence.posterior[changed], table.given[changed])) / 2.0
    return replace(
        verdicts,
        verdict=verdict,
        reason=reason,
        reason_detail=detail,
        suggested=suggested,
        suggested_confidence=confidence,
        p_mislabelled=p,
        label_score=score,
        clean_threshold=clean,
        noisy_threshold=noisy,
        queue_rank=rank,
        decided=decided.label,
    )
