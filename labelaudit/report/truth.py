"""What verdicts are worth where the truth is known, as it is of drawn faces.

Intervals are Wilson's at 95 % (scipy): they stay inside [0, 1] and are honest for small numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from labelaudit.errors import ReportError
from labelaudit.faces.dataset import LabelTruth
from labelaudit.records import JsonDict, Verdict
from labelaudit.report.metadata import Estimate
from labelaudit.report.table import Report

CONFIDENCE = 0.95


@dataclass(frozen=True)
class TruthScore:
    """Verdicts against the truth.

    Attributes:
        wrong: Rows whose given label is wrong.
        found: Those with the verdict ``mislabelled``.
        flagged: Rows with the verdict ``mislabelled``.
        flagged_ambiguous: Those that show a blend of two classes, so that their label is neither right nor wrong.
        ambiguous: Blends in all.
        ambiguous_found: Those with the verdict ``ambiguous`` or ``mislabelled``.
        recall: ``found`` of ``wrong``; None where nothing is wrong.
        precision: ``found`` of ``flagged``; None where nothing is flagged.
    """

    wrong: int
    found: int
    flagged: int
    flagged_ambiguous: int
    ambiguous: int
    ambiguous_found: int
    recall: Estimate | None
    precision: Estimate | None

    def to_json(self) -> JsonDict:
        """Plain values."""
        return asdict(self)


def score_against_truth(report: Report, truth: Mapping[str, LabelTruth]) -> TruthScore:
    """Compares a report's verdicts with what is true.

    Args:
        report: With the columns ``path`` and ``verdict``.
        truth: Path -> what is true of the label given there.

    Raises:
        ReportError: The report has a row that the truth does not speak of.
    """
    counts = {(kind, verdict): 0 for kind in LabelTruth for verdict in Verdict}
    paths, verdicts = report.table["path"].to_pylist(), report.table["verdict"].to_pylist()
    for path, verdict in zip(paths, verdicts, strict=True):
        if path not in truth:
            raise ReportError(f"{path} is in the report and not in the truth; is it of another dataset?")
        counts[truth[path], Verdict(verdict)] += 1
    found = counts[LabelTruth.MISLABELLED, Verdict.MISLABELLED]
    flagged_ambiguous = counts[LabelTruth.AMBIGUOUS, Verdict.MISLABELLED]
    wrong = sum(counts[LabelTruth.MISLABELLED, verdict] for verdict in Verdict)
    flagged = sum(counts[kind, Verdict.MISLABELLED] for kind in LabelTruth)
    return TruthScore(
        wrong=wrong,
        found=found,
        flagged=flagged,
        flagged_ambiguous=flagged_ambiguous,
        ambiguous=sum(counts[LabelTruth.AMBIGUOUS, verdict] for verdict in Verdict),
        ambiguous_found=flagged_ambiguous + counts[LabelTruth.AMBIGUOUS, Verdict.AMBIGUOUS],
        recall=share(found, wrong),
        precision=share(found, flagged),
    )


def share(part: int, whole: int) -> Estimate | None:
    """A part of a whole with its interval; None where there is no whole."""
    if whole == 0:
        return None
    from scipy.stats import binomtest  # takes half a second to import, and only this needs it

    ends = binomtest(part, whole).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(round(part / whole, 4), round(float(ends.low), 4), round(float(ends.high), 4))
