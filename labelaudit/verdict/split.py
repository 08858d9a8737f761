"""Would people agree on this picture? Chances that most would give its label, another one, or that they split.

What single labels cannot tell is how one picture's people differ from what the models expect of pictures like it. So
the shares v in which people would name the classes are drawn around the expected ones, q (``opinion``), and the given
label y is one of those people, or a slip with probability e (``planted``):

    v ~ Dirichlet(s q),      P(y | v) = (1 - e) v_y + e / K

Given y, v is Dirichlet(s q + one at y), or with the chance that y was a slip Dirichlet(s q). Most people name class k
where v_k reaches ``MOST``; that is more than a half, so no two classes can, and each v_k follows a Beta distribution:

    P(v_k >= MOST) = 1 - I_MOST(a_k, A - a_k),      A = sum of a

``SPREAD`` is s, how near one picture's people keep to what is expected; labels alone do not tell it. It was looked at
on the seeds 10 and 11 of ``examples/benchmarks/voted_faces.py``, which no figure is reported on: from 4 to 10 the three
verdicts agree with ten votes about as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from labelaudit.records import FloatArray, IntArray

MOST = 0.55
"""Share of the people from which most agree: at least six of ten."""
SPREAD = 5.0
_LEAST = 1e-4
_ROWS_AT_ONCE = 65_536


def vote_chances(opinion: FloatArray, given: IntArray, *, slip: float) -> FloatArray:
    """Chances that most people would give the label, that they would split, that most would give another one.

    Args:
        opinion: q, the distribution that given labels follow, (n, K), rows sum to 1; slips are taken out of it here.
        given: Given labels in [0, K), (n,).
        slip: e, share of the labels that have nothing to do with their picture, in [0, 1).

    Returns:
        (n, 3), rows sum to 1.
    """
    found = np.empty((len(given), 3), dtype=np.float32)
    for start in range(0, len(given), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        found[rows] = _chances(opinion[rows].astype(np.float64), given[rows], slip)
    return found


def _chances(opinion: NDArray[np.float64], given: IntArray, slip: float) -> NDArray[np.float64]:
    classes = opinion.shape[1]
    rows = np.arange(len(given))
    expected = np.maximum(opinion - slip / classes, _LEAST)
    expected /= expected.sum(axis=1, keepdims=True)  # (n, K)
    chance_slip = slip / classes
    slipped = chance_slip / ((1.0 - slip) * expected[rows, given] + chance_slip)  # (n,)
    prior = SPREAD * expected
    told = prior.copy()
    told[rows, given] += 1.0
    reached = slipped[:, None] * _reaches(prior) + (1.0 - slipped[:, None]) * _reaches(told)  # (n, K)
    agree = reached[rows, given]
    other = np.maximum(reached.sum(axis=1) - agree, 0.0)
    return np.stack([agree, np.maximum(1.0 - agree - other, 0.0), other], axis=1)


def _reaches(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(v_k >= MOST) of every class where v follows a Dirichlet distribution, (n, K)."""
    rest = weights.sum(axis=1, keepdims=True) - weights
    found: NDArray[np.float64] = 1.0 - betainc(weights, np.maximum(rest, _LEAST), MOST)
    return found
