"""How much a source of posteriors knows of labels that it has not seen, and whether that is more than chance.

With p_i the posterior of row i and y_i its given label, the source's *hit* is T = sum_i p_i(y_i). Had the same labels
been dealt out to the rows at random, T would have (Hoeffding, Annals of Mathematical Statistics 1951; n_k rows of
class k)::

    E T   = 1/n     * sum_i sum_k n_k p_ik
    Var T = 1/(n-1) * sum_i sum_k n_k d_ik^2,    d_ik = p_ik - (row's mean) - (class's mean) + (mean), over the n labels

so z = (T - E T) / sqrt(Var T) says how far it is from chance, and r = z / sqrt((n-1)(K-1)), which is 1 for perfect
answers on classes of equal size, how much it knows. Neither changes when posteriors are drawn towards their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelaudit.records import FloatArray, IntArray

CHANCE_Z = 2.33
"""Below it a source is not told from chance: shuffled labels reach it once in a hundred times."""
LEAST_R = 0.02
"""Below it a source knows nothing worth a verdict, however sure that little is: as if 98 % of the labels were noise."""
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Link:
    """How much a source knows of labels that it has not seen.

    Attributes:
        z: Standard deviations from chance.
        r: 1 = all, 0 = nothing.
    """

    z: float
    r: float

    @property
    def is_chance(self) -> bool:
        """True where the source cannot be told from one that knows nothing, or knows too little to matter."""
        return self.z < CHANCE_Z or self.r < LEAST_R


def link(posterior: FloatArray, given: IntArray) -> Link:
    """How much a source knows of the labels, by the formulas above; nothing where there is nothing to know.

    Args:
        posterior: (n, K), from models that have not seen the row's label.
        given: In [0, K), (n,).
    """
    count, classes = posterior.shape
    rows = np.bincount(given, minlength=classes).astype(np.float64)  # (K,)
    present = np.count_nonzero(rows)
    if present < 2:
        return Link(0.0, 0.0)
    p = posterior.astype(np.float64)
    by_row, by_class = p @ rows / count, p.mean(axis=0)  # (n,), (K,)
    mean = float(by_row.mean())
    deviation = p - by_row[:, None] - by_class + mean  # (n, K)
    variance = float((deviation**2 @ rows).sum()) / (count - 1)
    if variance < count * _ROUNDING:  # all rows have one posterior
        return Link(0.0, 0.0)
    z = (float(p[np.arange(count), given].sum()) - count * mean) / variance**0.5
    return Link(z, z / ((count - 1) * (present - 1)) ** 0.5)
