"""What another annotator would say: a posterior calibrated as a prediction of given labels.

    q(k | x) = softmax_k( a * log p(k | x) + b_k )

with one temperature (Guo et al., ICML 2017) and an offset a class, fitted to the given labels by maximum likelihood
under a light penalty on the offsets. p is out of sample, so a handful of numbers fitted to its rows do not overfit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from labelaudit.records import FloatArray, IntArray

_FLOOR = 1e-4
_OFFSET_PENALTY = 1e-3
_FIT_ROWS = 20_000


def second_opinion(posterior: FloatArray, given: IntArray) -> FloatArray:
    """The distribution that another annotator's label would follow, (N, K), rows sum to 1.

    Args:
        posterior: Out of sample, (N, K), without NaN.
        given: Given labels in [0, K), (N,). Of more than 20,000 rows an even sample is fitted to.
    """
    logs = np.log(np.maximum(posterior.astype(np.float64), _FLOOR))
    some = slice(None, None, -(-len(given) // _FIT_ROWS))
    fitted, label = logs[some], given[some]
    count, classes = fitted.shape
    rows = np.arange(count)
    target = np.zeros((count, classes))
    target[rows, label] = 1.0

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        temperature, offsets = theta[0], theta[1:]
        scores = log_softmax(temperature * fitted + offsets, axis=1)
        error = (np.exp(scores) - target) / count  # (n, K)
        slope = np.concatenate([[(error * fitted).sum()], error.sum(axis=0) + 2 * _OFFSET_PENALTY * offsets])
        return -float(scores[rows, label].mean()) + _OFFSET_PENALTY * float(offsets @ offsets), slope

    start = np.concatenate([[1.0], np.zeros(classes)])
    bounds = [(0.05, 20.0)] + [(None, None)] * classes
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    opinion: FloatArray = softmax(best[0] * logs + best[1:], axis=1).astype(np.float32)
    return opinion
