"""Correcting p_mislabelled by what people found in a spot check.

    logit p' = a + b logit p,      b > 0,      a ~ Cauchy(0, SHIFT),  log b ~ Cauchy(0, SLOPE)

fitted by the maximum of the posterior: Platt scaling of a probability, with the prior at "p is right as it is". Cauchy
priors (Gelman, Jakulin, Pittau and Su, Annals of Applied Statistics 2, 2008) hold small corrections back, which a few
dozen looks cannot tell from chance, and let large ones through. p' rises with p: the order of the queue stays. Rows are
not weighted: how likely a row was to be drawn depends on p alone, and the model holds p fixed. The scales were chosen
on simulated audits, calibrated and not, with 60 looks. The curve is smooth: where the worst rows level off at some
purity, p' follows halfway, and the shares that ``spot_check`` estimates are the ones to go by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray

SHIFT = 0.5
SLOPE = 0.25
_EDGE = 0.005
"""p is clipped this far from 0 and 1: nothing is that sure."""


@dataclass(frozen=True)
class Recalibration:
    """The correction.

    Attributes:
        shift: a.
        slope: b, above 0.
    """

    shift: float = 0.0
    slope: float = 1.0

    def probability(self, p: FloatArray) -> FloatArray:
        """P corrected, (N,); NaN stays NaN."""
        found: FloatArray = _expit(self.shift + self.slope * _logit(p)).astype(np.float32)
        return found


def fit_recalibration(p: FloatArray, wrong: NDArray[np.float64]) -> Recalibration:
    """Fits the correction.

    Args:
        p: p_mislabelled of the rows that people decided, (n,).
        wrong: What they found, in [0, 1], (n,).
    """
    from scipy.optimize import minimize

    logit = _logit(p)

    def loss(parameters: NDArray[np.float64]) -> float:
        shift, log_slope = parameters
        score = shift + np.exp(log_slope) * logit
        likelihood = np.logaddexp(0.0, score).sum() - (wrong * score).sum()
        prior = np.log1p((shift / SHIFT) ** 2) + np.log1p((log_slope / SLOPE) ** 2)
        return float(likelihood + prior)

    shift, log_slope = minimize(loss, np.zeros(2), method="BFGS").x
    return Recalibration(round(float(shift), 6), round(float(np.exp(log_slope)), 6))


def _logit(p: FloatArray) -> NDArray[np.float64]:
    clipped = np.clip(p.astype(np.float64), _EDGE, 1.0 - _EDGE)
    return np.log(clipped) - np.log1p(-clipped)


def _expit(score: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-score))
