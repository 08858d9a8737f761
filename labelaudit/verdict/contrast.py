"""Do some rows have more wrong labels than the others, beyond what their classes explain, or is it chance?

The statistic is the sum of p_mislabelled over the rows. Were they drawn at random, class by class, from the rows of
the same given labels, its first three moments are known: in a class of N rows with central moments m2 and m3, a sum of
n rows drawn without replacement has

    variance n (N - n) / (N - 1) m2,      third moment n (N - n) (N - 2 n) / ((N - 1) (N - 2)) m3

and the moments of the classes add up. The chance of a sum as far out comes from the gamma distribution (Pearson's type
III) with these moments, which is close to the permutation test that it stands for even far out in the tail and for
skewed values as p are (Winkler et al., "Faster permutation inference in brain imaging", NeuroImage 141, 2016).

Where many groups are compared, some are far out by chance. ``holm`` raises their chances so that with 95 % none that
does not differ falls below 5 % (Holm, Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray

_ALMOST_NORMAL = 1e-2


def chances(p: FloatArray, part: IntArray, given: IntArray, *, parts: int, classes: int) -> NDArray[np.float64]:
    """How likely chance alone puts each part's sum as far out, on either side, (S,), in [0, 1].

    Args:
        p: p_mislabelled, (n,).
        part: Part of each row in [0, S), (n,).
        given: Given label in [0, K), (n,).
        parts: S.
        classes: K.
    """
    size = np.bincount(given, minlength=classes).astype(np.float64)  # N, (K,)
    mean = np.bincount(given, p, classes) / np.maximum(size, 1.0)
    off = p - mean[given]
    second = np.bincount(given, off**2, classes) / np.maximum(size, 1.0)
    third = np.bincount(given, off**3, classes) / np.maximum(size, 1.0)
    pairs = part * np.int64(classes) + given
    drawn = np.bincount(pairs, minlength=parts * classes).reshape(parts, classes)  # n, (S, K)
    total = np.bincount(part, off, parts).astype(np.float64)
    variance = (drawn * (size - drawn) / np.maximum(size - 1.0, 1.0) * second).sum(axis=1)
    skewed = drawn * (size - drawn) * (size - 2.0 * drawn)
    moment = (skewed / np.maximum((size - 1.0) * (size - 2.0), 1.0) * third).sum(axis=1)
    return _two_sided(total, variance, moment)


def _two_sided(
    total: NDArray[np.float64], variance: NDArray[np.float64], moment: NDArray[np.float64]
) -> NDArray[np.float64]:
    from scipy.special import gammainc, gammaincc, ndtr  # slow to import, and reports without slices do without

    spread = np.sqrt(np.maximum(variance, 1e-12))
    z, skew = total / spread, moment / spread**3
    z = np.where(skew < 0, -z, z)
    skew = np.abs(skew)
    shape = 4.0 / np.maximum(skew, _ALMOST_NORMAL) ** 2
    place = np.maximum(shape + z * np.sqrt(shape), 0.0)
    normal = skew < _ALMOST_NORMAL
    above = np.where(normal, ndtr(-z), gammaincc(shape, place))
    below = np.where(normal, ndtr(z), gammainc(shape, place))
    found: NDArray[np.float64] = np.where(variance > 1e-12, np.minimum(1.0, 2.0 * np.minimum(above, below)), 1.0)
    return found


def holm(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chances of several comparisons, raised for there being several, (S,)."""
    order = np.argsort(chance, kind="stable")
    raised = np.maximum.accumulate(chance[order] * np.arange(len(chance), 0, -1))
    found = np.empty(len(chance))
    found[order] = np.minimum(raised, 1.0)
    return found
