"""Several posteriors to one: the linear opinion pool with equal weights.

    posterior = mean over sources s of p_s(k | x)                     (Stone, Annals of Mathematical Statistics 1961)

Sources that err differently gain from it most at the head of the list. Weights fitted to the likelihood of given
labels were tried and lost: that favours the source which predicts labels best, errors and all, over the one that
ranks the errors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelaudit.records import FloatArray


def combine(sources: Sequence[FloatArray]) -> FloatArray:
    """The pooled posterior (N, K) of at least one posterior (N, K)."""
    pooled: FloatArray = np.mean(sources, axis=0, dtype=np.float32)
    return pooled
