"""How much a source of posteriors knows of labels that it has not seen, and whether that is more than chance.

With p_i the posterior of row i and y_i its given label, the source's *hit* is T = sum_i p_i(y_i). Had the same labels
been dealt out to the rows at random, T would have (Hoeffding, Annals of Mathematical Statistics 1951; n_k rows of
class k, posteriors as they are)::

    E T   = 1/n     * sum_i sum_k n_k p_ik
    Var T = 1/(n-1) * sum_i sum_k n_k d_ik^2,    d_ik = p_ik - (row's mean) - (class's mean) + (mean), over the n labels

But the posteriors come from the same labels: what row j says of i by its label, i says of j by its own. Each pair is
counted twice, and the variance is twice as large. So z = (T - E T) / sqrt(2 Var T) says how far a source is from chance
(on shuffled labels z has deviation 1), and r = (T - E T) / sqrt(Var T (n-1) (K-1)), which is 1 for perfect answers on
classes of equal size, how much it knows. Neither changes when posteriors are drawn towards their mean.

A model that was shown all rows but one has seen one label fewer of that row's class, and guesses that class a little
less. ``shown_alike`` puts that right: on a few hundred rows it would look like knowing less than nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelaudit.records import FloatArray, IntArray

CHANCE_Z = 2.0
"""Below it a source is not told from chance: shuffled labels reach it once in 44 times."""
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
    above = (float(p[np.arange(count), given].sum()) - count * mean) / variance**0.5
    return Link(above / 2**0.5, above / ((count - 1) * (present - 1)) ** 0.5)


def shown_alike(posterior: FloatArray, given: IntArray) -> FloatArray:
    """Leave-one-out posteriors (n, K) as if each row's model had been shown the classes in the shares of all rows."""
    count, classes = posterior.shape
    shares = np.bincount(given, minlength=classes) / count
    found: FloatArray = posterior + ((np.eye(classes)[given] - shares) / max(count - 1, 1)).astype(np.float32)
    return found
