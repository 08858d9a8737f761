"""How many labels are wrong, and which class is mistaken for which: the noise rate and P(given | true).

Each audited row i with probability p_i of a wrong label counts as 1 - p_i of its given class, and p_i is shared among
the other classes in proportion to its posterior there. Summed over rows this is the expected joint count
J[true, given]; its rows divided by their sums are the transition matrix P(given | true). Intervals are percentile
bootstraps over rows, the calibration fitted anew in each draw, so they hold the uncertainty of the calibration too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray
from labelaudit.verdict.planted import Calibration, calibrate, margins

DRAWS = 40
_INTERVAL = (0.05, 0.95)
_MAX_ROWS = 50_000
"""Bootstraps of larger sets draw from this many random rows; their intervals are a little too wide."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class NoiseEstimate:
    """What the audit believes of the dataset as a whole.

    Attributes:
        rate: Share of wrong labels.
        flagged_precision: Share of wrong labels among the rows with p_mislabelled >= 0.5; None where there are none.
        top_precision: Share of wrong labels among the ``top`` rows with the highest p; None where there are none.
        top: How many rows ``top_precision`` speaks of.
        transition: P(given | true), (K, K), rows are true classes and sum to 1; NaN where a class was not audited.
        joint: Expected counts J[true, given], (K, K).
    """

    rate: Interval
    flagged_precision: Interval | None
    top_precision: Interval | None
    top: int
    transition: FloatArray
    joint: FloatArray


def estimate_noise(
    posterior: FloatArray,
    given: IntArray,
    opinion: FloatArray,
    calibration: Calibration,
    *,
    seed: int,
    top: int = 200,
) -> NoiseEstimate:
    """Estimates noise and the precision of what is flagged.

    Args:
        posterior: Out of sample, (n, K).
        given: Given labels in [0, K), (n,).
        opinion: q of the same rows, (n, K).
        calibration: Fitted to the same rows.
        seed: Of the bootstrap.
        top: Rows that a first look at the queue takes in.
    """
    margin = margins(posterior, given)
    p = calibration.probability(margin)
    joint = _joint(posterior, given, p)
    with np.errstate(invalid="ignore"):
        transition = joint / joint.sum(axis=1, keepdims=True)
    flagged = p >= 0.5
    worst = np.argsort(-margin, kind="stable")[: min(top, len(margin))]
    draws = _bootstrap(posterior, given, opinion, flagged, worst, seed)
    return NoiseEstimate(
        rate=_interval(float(p.mean()), draws[:, 0]),
        flagged_precision=_interval(float(p[flagged].mean()), draws[:, 1]) if flagged.any() else None,
        top_precision=_interval(float(p[worst].mean()), draws[:, 2]) if len(worst) else None,
        top=len(worst),
        transition=transition.astype(np.float32),
        joint=joint.astype(np.float32),
    )


def _joint(posterior: FloatArray, given: IntArray, p: FloatArray) -> FloatArray:
    classes = posterior.shape[1]
    rows = np.arange(len(given))
    share = posterior.astype(np.float64)
    share[rows, given] = 0.0
    share *= (p / np.maximum(share.sum(axis=1), 1e-9))[:, None]
    share[rows, given] = 1.0 - p
    joint = np.zeros((classes, classes))
    for k in range(classes):
        joint[:, k] = share[given == k].sum(axis=0)
    return joint.astype(np.float32)


def _bootstrap(
    posterior: FloatArray,
    given: IntArray,
    opinion: FloatArray,
    flagged: NDArray[np.bool_],
    worst: NDArray[np.int64],
    seed: int,
) -> FloatArray:
    """Noise rate, precision of the flagged and precision of the worst rows in each draw, (DRAWS, 3)."""
    generator = np.random.default_rng([seed, 1])
    some = np.arange(len(given))
    if len(some) > _MAX_ROWS:
        some = np.sort(generator.permutation(len(some))[:_MAX_ROWS])
    margin = margins(posterior, given)
    found = []
    for _ in range(DRAWS):
        weights = generator.poisson(1.0, len(some)).astype(np.float32)
        drawn = calibrate(posterior[some], given[some], opinion[some], weights=weights)
        p = drawn.probability(margin)
        found.append(
            [
                drawn.noise_rate,
                p[flagged].mean() if flagged.any() else np.nan,
                p[worst].mean() if len(worst) else np.nan,
            ]
        )
    return np.array(found, dtype=np.float32)


def _interval(value: float, draws: FloatArray) -> Interval:
    low, high = np.quantile(draws, _INTERVAL)
    return Interval(value, float(min(low, value)), float(max(high, value)))
