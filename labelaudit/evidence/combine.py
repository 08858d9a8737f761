"""Several posteriors to one calibrated posterior, weighted by how well each predicts given labels it never saw.

Log-linear pooling (Genest and Zidek, Statistical Science 1986) with free weights and class offsets::

    q(k | x) = softmax_k( sum_s a_s * log p_s(k | x) + b_k ),    a_s >= 0

The S weights and K offsets minimise the mean cross-entropy of the given labels under q plus a small ridge on the
offsets. Every p_s is out of sample, so this needs no truth and cannot reward a source for memorising; S + K numbers
fitted to thousands of labels do not overfit. q is calibrated as a prediction of the *given* label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from labelaudit.records import FloatArray, IntArray

_FLOOR = 1e-4
_OFFSET_PENALTY = 1e-3


@dataclass(frozen=True)
class Pool:
    """A fitted pool of posteriors.

    Attributes:
        weights: a_s of each source, by name.
        offsets: b_k, (K,).
    """

    weights: Mapping[str, float]
    offsets: FloatArray

    def apply(self, sources: Mapping[str, FloatArray]) -> FloatArray:
        """Pooled posterior (N, K) of the sources' posteriors, each (N, K) and without NaN."""
        total = np.broadcast_to(self.offsets, next(iter(sources.values())).shape).astype(np.float64)
        for name, weight in self.weights.items():
            total = total + weight * _log(sources[name])
        return softmax(total, axis=1).astype(np.float32)


def combine(sources: Mapping[str, FloatArray], given: IntArray) -> Pool:
    """Fits the pool.

    Args:
        sources: Name -> out-of-sample posteriors, (N, K) each, without NaN.
        given: Given labels in [0, K), (N,).
    """
    names = list(sources)
    logs = np.stack([_log(sources[name]) for name in names])  # (S, N, K)
    count, classes = logs.shape[1:]
    rows = np.arange(count)
    target = np.zeros((count, classes))
    target[rows, given] = 1.0

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, offsets = theta[: len(names)], theta[len(names) :]
        scores = log_softmax(np.tensordot(weights, logs, axes=1) + offsets, axis=1)
        error = (np.exp(scores) - target) / count  # (N, K)
        slope = np.concatenate([np.tensordot(logs, error, axes=2), error.sum(axis=0) + 2 * _OFFSET_PENALTY * offsets])
        value = -scores[rows, given].mean() + _OFFSET_PENALTY * float(offsets @ offsets)
        return float(value), slope

    start = np.concatenate([np.full(len(names), 1.0 / len(names)), np.zeros(classes)])
    bounds = [(0.0, None)] * len(names) + [(None, None)] * classes
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = {name: float(best[place]) for place, name in enumerate(names)}
    return Pool(weights, best[len(names) :].astype(np.float32))


def _log(posterior: FloatArray) -> NDArray[np.float64]:
    return np.log(np.maximum(posterior.astype(np.float64), _FLOOR))
