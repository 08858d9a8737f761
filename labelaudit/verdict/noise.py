"""How many labels are wrong, and which class is mistaken for which: the noise rate and P(given | true).

Each audited row i with probability p_i of a wrong label counts as 1 - p_i of its given class, and p_i is shared among
the other classes in proportion to its posterior there. Summed over rows this is the expected joint count
J[true, given]; its rows divided by their sums are the transition matrix P(given | true). Intervals are percentile
bootstraps over rows, the calibration fitted anew in each draw, so they hold the uncertainty of the calibration too.
Those of the matrix and of the classes' own rates also hold the chance of drawing so many rows: each draw's expected
counts are drawn again from gamma distributions of these shapes (for a row of the matrix, a Dirichlet distribution).

The classes' rates know less than they say: p is calibrated over all classes together, and on four draws of real votes
the intervals held 4 or 5 of 8 classes. Rare ones of which most labels are wrong (disgust, contempt: four fifths) are
understated by a fifth.

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
_REPEATS = 10
_JEFFREYS = 0.05
"""Added to expected counts of a matrix's entries, so that one that was not seen has an interval, too."""
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
        transition_low, transition_high: Ends of its entries' intervals, (K, K).
        class_rates: Share of wrong labels among the rows of each given class, K of them; None where it has no rows.
        joint: Expected counts J[true, given], (K, K); they sum to n.
        firm_share: Share of rows on which the opinion is firm, in [0, 1].
        levels: The precision of rows of about equal p, from the least likely wrong to the most: what gives any other
            choice of rows its interval.
        draws: The calibration of each draw of rows, D of them.
        purity: The share of the worst rows that each draw takes to be wrong, (D,).
    """

    rate: Interval
    flagged_precision: Interval | None
    head_precision: Interval | None
    transition: FloatArray
    transition_low: FloatArray
    transition_high: FloatArray
    class_rates: tuple[Interval | None, ...]
    joint: FloatArray
    firm_share: float
    levels: tuple[Interval, ...]
    draws: tuple[Calibration, ...]
    purity: NDArray[np.float64]

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
    power: float,
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
        power: Of the calibration's margins; that of each draw is the same.
        seed: Of the bootstrap.
    """
    margin = margins(posterior, given, power=power)
    joint = expected_counts(posterior, given, p)
    with np.errstate(invalid="ignore"):
        transition = joint / joint.sum(axis=1, keepdims=True)
    drawn = _bootstrap(posterior, given if before is None else before, opinion, power, seed)
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
    some = slice(None, None, -(-len(p) // _MAX_ROWS))
    scale = len(p) / len(p[some])
    joints = [
        scale * expected_counts(posterior[some], given[some], np.where(known, p, doubted)[some].astype(np.float32))
        for each, share in zip(drawn, purity.tolist(), strict=True)
        for doubted in [share * each.probability(margin)]
    ]
    low, high, rates = _matrix_intervals(joint, joints, seed)
    return NoiseEstimate(
        rate=rate,
        flagged_precision=precision(flagged),
        head_precision=precision(head),
        transition=transition.astype(np.float32),
        transition_low=np.fmin(low, transition).astype(np.float32),
        transition_high=np.fmax(high, transition).astype(np.float32),
        class_rates=rates,
        joint=joint.astype(np.float32),
        firm_share=firm_share,
        levels=tuple(levels),
        draws=tuple(drawn),
        purity=purity,
    )


def expected_counts(
    posterior: FloatArray, given: IntArray, p: FloatArray, *, audited: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Expected counts J[true, given], (K, K).

    Args:
        posterior: Out of sample, (n, K).
        given: Given labels in [0, K), (n,).
        p: Probability that each is wrong, (n,).
        audited: Classes that a label may really be, (K,); None = those that were given.
    """
    classes = posterior.shape[1]
    rows = np.arange(len(given))
    audited = np.bincount(given, minlength=classes) > 0 if audited is None else audited
    share = np.where(audited, posterior.astype(np.float64) + _EVEN, 0.0)  # (n, K)
    share[rows, given] = 0.0
    share *= (p / share.sum(axis=1))[:, None]
    share[rows, given] = 1.0 - p
    return np.stack([share[given == k].sum(axis=0) for k in range(classes)], axis=1)


def _matrix_intervals(
    joint: NDArray[np.float64], joints: list[NDArray[np.float64]], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[Interval | None, ...]]:
    """Ends of the matrix's intervals, (K, K), and each given class's rate."""
    generator = np.random.default_rng([seed, 4])
    drawn = np.array([generator.gamma(each + _JEFFREYS) for each in joints for _ in range(_REPEATS)])  # (D, K, K)
    low, high = np.quantile(drawn / drawn.sum(axis=2, keepdims=True), _INTERVAL, axis=0)
    count = joint.sum(axis=0)
    value = 1.0 - np.diagonal(joint) / np.maximum(count, 1e-9)
    rates = 1.0 - np.diagonal(drawn, axis1=1, axis2=2) / drawn.sum(axis=1)  # (D, K)
    ends = np.quantile(rates, _INTERVAL, axis=0)
    found = tuple(
        Interval(float(value[k]), float(min(ends[0, k], value[k])), float(max(ends[1, k], value[k])))
        if count[k] > 0
        else None
        for k in range(len(count))
    )
    return low, high, found


def _bootstrap(
    posterior: FloatArray, given: IntArray, opinion: FloatArray, power: float, seed: int
) -> list[Calibration]:
    """The calibration of each draw of rows."""
    generator = np.random.default_rng([seed, 1])
    some = np.arange(len(given))
    if len(some) > _MAX_ROWS:
        some = np.sort(generator.permutation(len(some))[:_MAX_ROWS])
    posterior, given, opinion = posterior[some], given[some], opinion[some]
    draws = (generator.poisson(1.0, len(some)).astype(np.float32) for _ in range(DRAWS))
    return [calibrate(posterior, given, opinion, weights=weights, power=power) for weights in draws]


def _interval(value: float, draws: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(draws, _INTERVAL)
    return Interval(value, float(min(low, value)), float(max(high, value)))
