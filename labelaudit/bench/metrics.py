"""How good a method's scores are, by the truth.

Rankings: *mislabelled* is a given label that is not the true one where the truth is firm, *clean* one that is; where it
is not firm the row is *ambiguous*, and *wrong* is any label that is not the true one. Rows that a method does not judge
come last. Definitions are those of ``examples/benchmarks/tasks.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.bench.scores import KINDS, Scores
from labelaudit.bench.thresholds import best_verdicts
from labelaudit.labels import NO_CLASS
from labelaudit.records import FloatArray, IntArray

CALIBRATION_BINS = 15
Figures = dict[str, float | None]

FIGURES = {
    "ap": "AP",
    "ap_all": "AP all",
    "auroc": "AUROC",
    "p100": "P@100",
    "p500": "P@500",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "macro_f1": "macro F1",
    "agreement": "agreement",
    "suggested_right": "suggested",
    "calibration": "calibration",
    "noise_error": "noise error",
    "test_accuracy": "test accuracy",
    "seconds": "seconds",
    "peak_gb": "peak GB",
    "peak_gpu_gb": "peak GPU GB",
}
"""Name of every figure -> what a table's column is called."""


@dataclass(frozen=True)
class LabelTruths:
    """What is true of n rows that methods judged.

    Attributes:
        given: Given label, ``NO_CLASS`` = none, (n,).
        true: True class, (n,).
        firm: Whether people agree on it, (n,).
    """

    given: IntArray
    true: IntArray
    firm: NDArray[np.bool_]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Labels that are not the true class, (n,)."""
        wrong: NDArray[np.bool_] = self.given != self.true
        return wrong

    @property
    def kind(self) -> NDArray[np.int8]:
        """Code in ``KINDS``, (n,)."""
        return np.where(self.firm, np.where(self.wrong, 2, 0), 1).astype(np.int8)


def measure(scores: Scores, truths: LabelTruths) -> tuple[Figures, NDArray[np.int8]]:
    """All figures of one method on one task.

    Args:
        scores: What it says of n rows; a NaN score = not judged.
        truths: Of the same rows.

    Returns:
        The figures, None where one is not defined; and the three-way verdicts (n,) that they were counted from: the
        method's own, else those of the best two thresholds on its score, which no method could choose.
    """
    wrong, kind = truths.wrong, truths.kind
    score = np.nan_to_num(scores.score.astype(np.float64), nan=-np.inf)
    verdict = best_verdicts(score, kind) if scores.verdict is None else scores.verdict
    flagged = verdict == KINDS.index("mislabelled") if scores.flagged is None else scores.flagged
    order = np.argsort(-score, kind="stable")
    told = scores.suggested[flagged & wrong]
    true = truths.true[flagged & wrong]
    precision, recall = _mean(wrong[flagged]), _mean(flagged[wrong])
    figures: Figures = {
        "ap": _ranking(score[truths.firm], wrong[truths.firm], "average_precision_score"),
        "ap_all": _ranking(score, wrong, "average_precision_score"),
        "auroc": _ranking(score[truths.firm], wrong[truths.firm], "roc_auc_score"),
        "p100": _mean(wrong[order[:100]]) if len(order) >= 100 else None,
        "p500": _mean(wrong[order[:500]]) if len(order) >= 500 else None,
        "precision": precision,
        "recall": recall,
        "f1": _f1(precision, recall),
        "macro_f1": macro_f1(verdict, kind),
        "agreement": _mean(verdict == kind),
        "suggested_right": _mean((told == true) & (told != NO_CLASS)),
        "calibration": None,
        "noise_error": None,
    }
    if scores.p is not None:
        p = np.nan_to_num(scores.p.astype(np.float64), nan=0.0)
        figures["calibration"] = calibration_error(p, wrong)
        figures["noise_error"] = float(p.mean() - wrong.mean())
    return figures, verdict


def calibration_error(p: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float:
    """Expected calibration error in 15 bins of equal size, in [0, 1]."""
    bins = np.array_split(np.argsort(p, kind="stable"), CALIBRATION_BINS)
    return float(sum(abs(p[rows].mean() - wrong[rows].mean()) * len(rows) for rows in bins if len(rows)) / len(p))


def macro_f1(verdict: NDArray[np.int8], kind: NDArray[np.int8]) -> float:
    """Mean over the kinds that there are of F1 = 2 tp / (said + true)."""
    found = []
    for code in np.unique(kind).tolist():
        both = np.count_nonzero((verdict == code) & (kind == code))
        found.append(2 * both / (np.count_nonzero(verdict == code) + np.count_nonzero(kind == code)))
    return float(np.mean(found))


def accuracy(posterior: FloatArray, true: IntArray, firm: NDArray[np.bool_]) -> float | None:
    """Share of test faces with a firm truth whose likeliest class is the true one; None without any."""
    return _mean(posterior[firm].argmax(axis=1) == true[firm])


def _ranking(score: NDArray[np.float64], wrong: NDArray[np.bool_], name: str) -> float | None:
    from sklearn import metrics  # slow to import

    if wrong.all() or not wrong.any():
        return None
    least = score[np.isfinite(score)].min(initial=0.0)
    return float(getattr(metrics, name)(wrong, np.where(np.isfinite(score), score, least - 1.0)))


def _mean(values: NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
