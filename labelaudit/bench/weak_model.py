"""A weak model whose doubts make noise that depends on the picture: logistic regression on small grey pictures.

It shares nothing with the networks that are measured, and is fitted to true labels out of fold: making noise is the
one thing, beside the oracle, that they are used for.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray

SIDE = 12
_FOLDS = 2
_AT_ONCE = 4_096


def weak_posterior(pixels: NDArray[np.uint8], true: IntArray, *, num_classes: int) -> FloatArray:
    """Out-of-fold posteriors of the weak model.

    Args:
        pixels: RGB, (m, s, s, 3); may be a memory map.
        true: In [0, K), (m,).
        num_classes: K.

    Returns:
        (m, K), rows sum to 1.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    small = small_grey(pixels)
    found = np.zeros((len(true), num_classes), dtype=np.float32)
    for learned, held in KFold(_FOLDS, shuffle=True, random_state=0).split(small):
        classes = np.unique(true[learned])
        if len(classes) == 1:
            found[np.ix_(held, classes)] = 1.0
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=100))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a weak model need not be the best of its kind
            model.fit(small[learned], true[learned])
        found[np.ix_(held, classes)] = model.predict_proba(small[held])
    return found


def small_grey(pixels: NDArray[np.uint8]) -> FloatArray:
    """Pictures (m, s, s, 3) averaged to ``SIDE`` x ``SIDE`` grey values, (m, SIDE^2)."""
    side = pixels.shape[1]
    edges = np.linspace(0, side, SIDE + 1).round().astype(int)
    sizes = np.maximum(np.diff(edges), 1)
    found = np.empty((len(pixels), SIDE * SIDE), dtype=np.float32)
    for start in range(0, len(pixels), _AT_ONCE):
        grey = np.asarray(pixels[start : start + _AT_ONCE]).mean(axis=3, dtype=np.float32)  # (B, s, s)
        summed = np.add.reduceat(np.add.reduceat(grey, edges[:-1], axis=1), edges[:-1], axis=2)
        found[start : start + len(grey)] = (summed / np.outer(sizes, sizes)).reshape(len(grey), -1)
    return found
