"""How many labels are wrong in one part of a dataset, where p_mislabelled was calibrated on the whole of it.

The calibration gives a label with margin m the probability that labels with this margin have in the whole dataset. In a
part with another share of wrong labels the same margin means something else, and the mean of p is drawn towards the
whole. (Of 300 faces of which 2 % or 60 % were wrong, the mean of p said 15 % and 36 % on ``one-vote`` of
``examples/benchmarks``; what follows says 3 % and 62 %.) What carries over is how much likelier a margin makes a wrong
label, class by class. So a part s is given one factor t_s for the odds of a wrong label in every class c: with the
class's rate w_c over the whole dataset,

    odds of a wrong label before looking    t_s w_c / (1 - w_c)
    odds after looking                      t_s p_i / (1 - p_i)

and t_s is the one that makes the part's margins most likely: as many wrong labels are then expected after looking as
before, sum over i of p_i(t) - w_c(i)(t) = 0 (for one class the fixed point of the expectation maximisation of Saerens,
Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14,
2002). On the whole dataset, and on whole classes, t = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

_FLOOR = 1e-4
_WIDEST = 12.0  # of log t
_HALVINGS = 24


@dataclass(frozen=True)
class Cells:
    """Labels of equal class and margin, M cells.

    Attributes:
        counts: Labels of each part in each cell, (S, M).
        p: p_mislabelled in each cell, (M,).
        base: w of each cell's class, (M,).
    """

    counts: NDArray[np.floating]
    p: NDArray[np.floating]
    base: NDArray[np.floating]


def odds_factors(cells: Cells) -> NDArray[np.float64]:
    """Log t of each part, (S,); 0 where a part has no labels."""
    after, before = _logits(cells.p), _logits(cells.base)
    low, high = np.full(len(cells.counts), -_WIDEST), np.full(len(cells.counts), _WIDEST)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        more = expit(middle[:, None] + after) - expit(middle[:, None] + before)  # (S, M)
        slope = (cells.counts * more).sum(axis=1)
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    found: NDArray[np.float64] = np.where(cells.counts.sum(axis=1) > 0, 0.5 * (low + high), 0.0)
    return found


def prevalence(cells: Cells, factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of wrong labels in each part, (S,), in [0, 1], by its log t; NaN where a part has no labels."""
    p = expit(factors[:, None] + _logits(cells.p))  # (S, M)
    rows = cells.counts.sum(axis=1)
    found: NDArray[np.float64] = np.where(rows > 0, (cells.counts * p).sum(axis=1) / np.maximum(rows, 1e-9), np.nan)
    return found


def adjusted(p: NDArray[np.floating], factor: float) -> NDArray[np.float64]:
    """p_mislabelled of a part's labels, (n,), by its log t."""
    found: NDArray[np.float64] = expit(factor + _logits(p))
    return found


def _logits(p: NDArray[np.floating]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = logit(np.clip(p.astype(np.float64), _FLOOR, 1.0 - _FLOOR))
    return found
