"""The best two thresholds on a score, chosen on the truth: what a baseline without three-way verdicts is credited with.

A score of at least ``upper`` is called mislabelled, one below ``lower`` clean, between them ambiguous. All pairs of
thresholds at ``_STEPS`` quantiles of the score are tried, and the one with the highest macro-F1 is taken.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS = 400


def best_verdicts(score: NDArray[np.float64], kind: NDArray[np.int8]) -> NDArray[np.int8]:
    """Three-way verdicts by the best two thresholds, (n,): 0 clean, 1 ambiguous, 2 mislabelled.

    Args:
        score: Higher = worse, -inf = not judged, (n,).
        kind: What is true, the same codes, (n,).
    """
    ends = np.unique(np.quantile(score, np.linspace(0.0, 1.0, _STEPS), method="lower"))
    ends = np.append(ends, np.inf)  # nothing reaches the last one
    place = np.searchsorted(ends, score, side="right")  # how many ends a score reaches
    counts = np.stack([np.bincount(place[kind == code], minlength=len(ends) + 1) for code in range(3)])  # (3, E + 1)
    below = counts.cumsum(axis=1)[:, :-1]  # (3, E): rows of each kind under each end
    total = counts.sum(axis=1)  # (3,)
    lower, upper = np.triu_indices(len(ends))
    clean = below[:, lower]  # (3, pairs): said clean
    wrong = total[:, None] - below[:, upper]
    unsure = total[:, None] - clean - wrong
    said = np.stack([clean, unsure, wrong])  # (3 said, 3 true, pairs)
    right = said[np.arange(3), np.arange(3)]
    f1 = 2 * right / np.maximum(said.sum(axis=1) + total[:, None], 1)  # (3, pairs)
    best = int(f1[total > 0].mean(axis=0).argmax())
    verdict = np.ones(len(score), dtype=np.int8)
    verdict[score < ends[lower[best]]] = 0
    verdict[score >= ends[upper[best]]] = 2
    return verdict
