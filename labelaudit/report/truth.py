"""What verdicts are worth where the truth is known, as it is of drawn faces.

Intervals are Wilson's at 95 % (scipy): they stay inside [0, 1] and are honest for small numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from labelaudit.errors import ReportError
from labelaudit.faces.dataset import LabelTruth
from labelaudit.records import JsonDict, Verdict
from labelaudit.report.metadata import Estimate
from labelaudit.report.summary import QUEUE_HEAD
from labelaudit.report.table import Report

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Tally:
    """Rows that were picked out, and what is true of them.

    Attributes:
        rows: How many.
        wrong: Those whose given label is wrong.
        ambiguous: Those that show a blend of two classes, so that their label is neither right nor wrong.
        precision: ``wrong`` of ``rows`` with its interval; None without rows.
    """

    rows: int
    wrong: int
    ambiguous: int
    precision: Estimate | None

    @classmethod
    def of(cls, kinds: Sequence[LabelTruth]) -> Tally:
        """Counts what is true of each row."""
        wrong = kinds.count(LabelTruth.MISLABELLED)
        return cls(len(kinds), wrong, kinds.count(LabelTruth.AMBIGUOUS), share(wrong, len(kinds)))


@dataclass(frozen=True)
class TruthScore:
    """Verdicts against the truth.

    Attributes:
        wrong: Rows whose given label is wrong.
        recall: Share of them with the verdict ``mislabelled``; None where nothing is wrong.
        flagged: Rows with the verdict ``mislabelled``.
        head: The rows at the head of the queue.
    """

    wrong: int
    recall: Estimate | None
    flagged: Tally
    head: Tally

    def to_json(self) -> JsonDict:
        """Plain values."""
        return asdict(self)


def score_against_truth(report: Report, truth: Mapping[str, LabelTruth]) -> TruthScore:
    """Compares a report's verdicts with what is true.

    Args:
        report: With the columns ``path``, ``verdict`` and ``queue_rank``.
        truth: Path -> what is true of the label given there.

    Raises:
        ReportError: The report has a row that the truth does not speak of.
    """
    columns = [report.table[name].to_pylist() for name in ("path", "verdict", "queue_rank")]
    rows = list(zip(*columns, strict=True))
    for path, _, _ in rows:
        if path not in truth:
            raise ReportError(f"{path} is in the report and not in the truth; is it of another dataset?")
    flagged = Tally.of([truth[path] for path, verdict, _ in rows if verdict == Verdict.MISLABELLED])
    head = Tally.of([truth[path] for path, _, rank in rows if rank is not None and rank <= QUEUE_HEAD])
    wrong = sum(truth[path] is LabelTruth.MISLABELLED for path, _, _ in rows)
    return TruthScore(wrong, share(flagged.wrong, wrong), flagged, head)


def share(part: int, whole: int) -> Estimate | None:
    """A part of a whole with its interval; None where there is no whole."""
    if whole == 0:
        return None
    from scipy.stats import binomtest  # takes half a second to import, and only this needs it

    ends = binomtest(part, whole).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(round(part / whole, 4), round(float(ends.low), 4), round(float(ends.high), 4))
