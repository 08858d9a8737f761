"""How many labels are wrong, and which class is mistaken for which: the noise rate and P(given | true).

Each audited row i with probability p_i of a wrong label counts as 1 - p_i of its given class, and p_i is shared among
the other classes in proportion to its posterior there. Summed over rows this is the expected joint count
J[true, given]; its rows divided by their sums are the transition matrix P(given | true). Intervals are percentile
bootstraps over rows, the calibration fitted anew in each draw, so they hold the uncertainty of the calibration too.

One thing no resampling can show: the calibration takes the very worst rows to be wrong to the last (``planted``), and
labels alone cannot tell whether they are. Each draw therefore takes only a share of them to be wrong, uniform between
``LEAST_PURITY`` and 1, and scales p by it. Where hardly a row is judged firmly the evidence is *weak*: its suspects are
then far from pure, p is more an upper bound than an estimate, and the range begins at ``LEAST_PURITY_IF_WEAK``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray
from labelaudit.verdict.interval import Interval
from labelaudit.verdict.planted import FIRM, Calibration, calibrate, margins

DRAWS = 40
LEVELS = 20
"""Groups of rows of about equal p whose precision is stated."""
LEAST_PURITY = 0.85
"""Share of wrong labels that the worst rows hold at the least."""
LEAST_PURITY_IF_WEAK = 0.5
WEAK = 0.15
"""Share of rows with a firm opinion below which evidence is weak."""
_INTERVAL = (0.05, 0.95)
_MAX_ROWS = 50_000
"""Bootstraps of larger sets draw from this many random rows; their intervals are a little too wide."""
_EVEN = 1e-9
"""Added to every posterior: where one is all on the given class, an error may be any other class alike."""


@dataclass(frozen=True)
class NoiseEstimate:
    """What the audit believes of the dataset as a whole.

    Attributes:
        rate: Share of wrong labels.
        flagged_precision: Share of wrong labels among the flagged rows; None where there are none.
        head_precision: The same for the head of the queue.
        transition: P(given | true), (K, K), rows are true classes and sum to 1; NaN where a class was not audited.
        joint: Expected counts J[true, given], (K, K); they sum to n.
        firm_share: Share of rows on which the opinion is firm, in [0, 1].
        levels: The precision of rows of about equal p, from the least likely wrong to the most: what gives any other
            choice of rows its interval.
    """

    rate: Interval
    flagged_precision: Interval | None
    head_precision: Interval | None
    transition: FloatArray
    joint: FloatArray
    firm_share: float
    levels: tuple[Interval, ...]

    @property
    def weak(self) -> bool:
        """True where p is more an upper bound than an estimate."""
        return self.firm_share < WEAK

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader of the figures must be told, one sentence each."""
        if not self.weak:
            return ()
        return (
            f"the evidence is weak: only {self.firm_share:.0%} of the faces are judged firmly, so p_mislabelled is "
            "rather an upper bound than an estimate; face weights or more faces would help",
        )


def estimate_noise(
    posterior: FloatArray,
    given: IntArray,
    opinion: FloatArray,
    p: FloatArray,
    *,
    known: NDArray[np.bool_] | None = None,
    before: IntArray | None = None,
    flagged: NDArray[np.bool_],
    head: NDArray[np.bool_],
    seed: int,
) -> NoiseEstimate:
    """Estimates noise and the precision of what is flagged.

    Args:
        posterior: Out of sample, (n, K), that the calibration was fitted to.
        given: Given labels in [0, K), at least two different ones, (n,).
        opinion: q of the same rows, (n, K).
        p: Calibrated probability that each label is wrong, (n,).
        known: Rows for which p is no estimate, because a person decided, (n,); None = none.
        before: Given labels as they were before any was put right, (n,): what the calibration was fitted to; None =
            they are as they were.
        flagged: Rows that were called mislabelled, (n,).
        head: Rows at the head of the queue, (n,).
        seed: Of the bootstrap.
    """
    margin = margins(posterior, given)
    joint = _joint(posterior, given, p)
    with np.errstate(invalid="ignore"):
        transition = joint / joint.sum(axis=1, keepdims=True)
    drawn = _bootstrap(posterior, given if before is None else before, opinion, seed)
    known = np.zeros(len(p), dtype=bool) if known is None else known
    firm_share = float((opinion.max(axis=1) >= FIRM).mean())
    least = LEAST_PURITY_IF_WEAK if firm_share < WEAK else LEAST_PURITY
    purity = np.random.default_rng([seed, 2]).uniform(least, 1.0, DRAWS)

    def precision(rows: NDArray[np.bool_]) -> Interval | None:
        if not rows.any():
            return None
        sure, open_rows = p[rows & known].sum(), rows & ~known
        doubted = purity * [float(each.probability(margin[open_rows]).sum()) for each in drawn]
        return _interval(float(p[rows].mean()), (sure + doubted) / np.count_nonzero(rows))

    levels = []
    for rows in np.array_split(np.argsort(p, kind="stable"), min(LEVELS, len(p))):
        alike = np.zeros(len(p), dtype=bool)
        alike[rows] = True
        level = precision(alike)
        assert level is not None
        levels.append(level)
    rate = precision(np.ones(len(p), dtype=bool))
    assert rate is not None
    return NoiseEstimate(
        rate=rate,
        flagged_precision=precision(flagged),
        head_precision=precision(head),
        transition=transition.astype(np.float32),
        joint=joint.astype(np.float32),
        firm_share=firm_share,
        levels=tuple(levels),
    )


def _joint(posterior: FloatArray, given: IntArray, p: FloatArray) -> NDArray[np.float64]:
    """Expected counts J[true, given], (K, K)."""
    classes = posterior.shape[1]
    rows = np.arange(len(given))
    audited = np.bincount(given, minlength=classes) > 0
    share = np.where(audited, posterior.astype(np.float64) + _EVEN, 0.0)  # (n, K)
    share[rows, given] = 0.0
    share *= (p / share.sum(axis=1))[:, None]
    share[rows, given] = 1.0 - p
    return np.stack([share[given == k].sum(axis=0) for k in range(classes)], axis=1)


def _bootstrap(posterior: FloatArray, given: IntArray, opinion: FloatArray, seed: int) -> list[Calibration]:
    """The calibration of each draw of rows."""
    generator = np.random.default_rng([seed, 1])
    some = np.arange(len(given))
    if len(some) > _MAX_ROWS:
        some = np.sort(generator.permutation(len(some))[:_MAX_ROWS])
    posterior, given, opinion = posterior[some], given[some], opinion[some]
    draws = (generator.poisson(1.0, len(some)).astype(np.float32) for _ in range(DRAWS))
    return [calibrate(posterior, given, opinion, weights=weights) for weights in draws]


def _interval(value: float, draws: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(draws, _INTERVAL)
    return Interval(value, float(min(low, value)), float(max(high, value)))
