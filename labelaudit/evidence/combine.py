"""Several posteriors to one: linear opinion pools (Stone, Annals of Mathematical Statistics 1961).

Two pools of the same sources, for two questions.

*How many are wrong?* The plain pool, all sources alike. It is what p_mislabelled and the noise rate are calibrated on.

    plain(k | x) = mean over sources s of p_s(k | x)

*Which ones first?* A frequent class swallows its neighbours: every source leans on how often a class was given, and
doubtful faces of a rare class are drawn to the frequent one. The balanced pool takes a part of that back from each
source, and leans on the one that ranks errors better where the trunk is frozen (the ridge, which has all features
and all other samples; heads have the first principal components and four fifths of them):

    balanced(k | x) = sum over sources s of w_s * b_s(k | x),      b_s(k | x) ~ p_s(k | x) / share_k^PRIOR_POWER

Weights fitted to the likelihood of given labels, or to agreement with them, were tried and lost: that favours what
predicts labels best, errors and all, over what ranks the errors. So both numbers are fixed: the power is the one that a
prototype found on other draws of the faces of ``examples/benchmarks/voted_faces.py``, and two draws that no figure is
reported on agreed with it and gave the share.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelaudit.records import FloatArray

PRIOR_POWER = 0.25
RIDGE_SHARE = 0.7
"""Of the ridge in the balanced pool, beside heads on the same frozen trunk."""
RIDGE_SHARE_BESIDE_NETWORKS = 0.5
"""The same beside peers that learned the whole network."""


def combine(sources: Sequence[FloatArray]) -> FloatArray:
    """The plain pool (N, K) of at least one posterior (N, K)."""
    pooled: FloatArray = np.mean(sources, axis=0, dtype=np.float32)
    return pooled


def combine_balanced(peers: FloatArray, ridge: FloatArray, *, shares: FloatArray, frozen: bool) -> FloatArray:
    """The balanced pool.

    Args:
        peers: Posterior of the peers, (N, K).
        ridge: Posterior of the ridge, (N, K).
        shares: Of each class among the given labels, (K,); a class that was not given keeps what it has.
        frozen: Whether the peers are heads on the ridge's own trunk.

    Returns:
        (N, K), rows sum to 1.
    """
    weight = RIDGE_SHARE if frozen else RIDGE_SHARE_BESIDE_NETWORKS
    factor = np.where(shares > 0, np.maximum(shares, 1e-9) ** -PRIOR_POWER, 1.0).astype(np.float32)
    pooled = weight * _balanced(ridge, factor) + (1.0 - weight) * _balanced(peers, factor)
    return pooled.astype(np.float32)


def _balanced(posterior: FloatArray, factor: FloatArray) -> FloatArray:
    weighed = posterior * factor
    found: FloatArray = weighed / weighed.sum(axis=1, keepdims=True)
    return found
