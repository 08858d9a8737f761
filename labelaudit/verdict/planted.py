"""How sure an audit may be: errors planted on paper calibrate the probability that a label is wrong.

To plant an error is to give a sample a wrong label on purpose and to see what the audit says of it. Evidence that is
out of sample does not depend on the sample's own label, so the label need not be in the training set to be judged:
the posterior of row x says what the audit would have said had x been labelled k, for every k at once. All N * (K - 1)
possible errors are planted this way, weighted as real errors arise, and no label of the user's is ever changed.
(The one difference to a planting in the training set is the share of extra noise the models would have seen.)

Two kinds of error, the two ways in which people get labels wrong:

- a *second opinion*: another careful annotator would draw the label from what the picture shows, y' ~ q(. | x), with q
  the posterior calibrated to the given labels (``opinion``). The pair (x, k) has weight q(k | x): pictures on which
  people split carry most of these errors.
- a *slip*: a label that has nothing to do with the picture, uniform over the other classes.

An error can only be planted on a label that was right, so row x counts as often as its own label is likely right:
weights are multiplied by 1 - p_x and p is fitted anew until it stands still (expectation maximisation). Without that,
half of the pairs on which two annotators differ would take the right label for the planted error.

The mixture is read off the user's labels. Among rows whose posterior is firm (max q >= 0.75; in small sets the firmest
30, from 0.5 on) on a class other than the given one, the given labels follow w * q(y | x) / (1 - max q) +
(1 - w) / (K - 1); w by expectation maximisation.

The score is the margin by which the best other class o beats the given one y, on the Box-Cox scale g that suits the
kind of error (Box and Cox, Journal of the Royal Statistical Society B 1964):

    m = g(p_o) - g(p_y),        g(p) = (p^a - 1) / a,   log p at a = 0,        a = SECOND_OPINION_POWER * w

Second opinions are told by a difference of probabilities: where p_o = 0.5 and p_y = 0.3, another annotator's word for y
is no surprise. Slips are told by a ratio: p_y = 0.01 against p_o = 0.5 is far likelier a slip than 0.2 against 0.7.

Planted errors are labelled positives and the user's rows are unlabelled (positive-unlabelled learning; Elkan and Noto,
KDD 2008). With f1 the density of the planted scores, f_u of the user's and pi the share of wrong labels,

    p(m) = pi * f1(m) / f_u(m),        pi = 1 / (f1 / f_u at the top)

where f1 / f_u is fitted as a rising step function (isotonic regression) and the top is its 99th percentile over the
user's rows: the worst one per cent is taken to be wrong. What this cannot see: a class that was *defined* differently
than the pictures say looks like agreement, so p is too low there (the noise is then in the guideline).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray

FIRM = 0.75
SECOND_OPINION_POWER = 0.75
"""Power of the scale where all errors are second opinions. Two draws of real votes that no figure is reported on."""
_LEAST_FIRM = 0.5
"""Firmness that will do where fewer than ``_MIN_FIRM_ROWS`` disagreements are firm: the firmest are looked at."""
_MIN_FIRM_ROWS = 30
_FLOOR = 1e-4
"""Posteriors below are taken for this."""
_TOP = 0.99
_BINS = 1_000
_LOW_RATIO = 1e-4
_ROUNDS = 12
_STILL = 1e-3


@dataclass(frozen=True)
class Calibration:
    """From margin to probability.

    Attributes:
        margin: Knots, rising, (M,), in [-1, 1].
        p: Probability that a label with that margin is wrong, rising, (M,), in [0, 1].
        second_opinion: w, the share of planted errors that are second opinions, in [0, 1].
        noise_rate: Mean p over the user's rows.
        planted_recall: Share of the planted errors with p >= 0.5.
        power: a of the scale that margins are taken on, in [0, 1]; 1 = a difference of probabilities.
    """

    margin: FloatArray
    p: FloatArray
    second_opinion: float
    noise_rate: float
    planted_recall: float
    power: float = 1.0

    def margins(self, posterior: FloatArray, given: IntArray) -> FloatArray:
        """Margins on this calibration's scale, (N,), from posteriors (N, K) and given labels in [0, K), (N,)."""
        return margins(posterior, given, power=self.power)

    def probability(self, margin: FloatArray) -> FloatArray:
        """P of new margins, (N,), linear between knots; NaN stays NaN."""
        return np.interp(margin, self.margin, self.p).astype(np.float32)

    def along(self, margin: FloatArray, other: FloatArray) -> Calibration:
        """The same probabilities by another margin: the rising fit of p, which keeps its mean, over the other.

        Args:
            margin: That this calibration was learned on, (N,).
            other: The other one of the same rows, (N,).
        """
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(other, self.probability(margin))
        knots, first = np.unique(fitted.X_thresholds_.astype(np.float32), return_index=True)
        return replace(self, margin=knots, p=fitted.y_thresholds_[first].astype(np.float32))


def margins(posterior: FloatArray, given: IntArray, *, power: float = 1.0) -> FloatArray:
    """By how much the best other class beats the given one, (N,), in [-1, 1]; higher = worse. NaN rows stay NaN.

    Args:
        posterior: (N, K).
        given: Given labels in [0, K), (N,).
        power: Of the scale, in [0, 1]; 1 = the difference of their posteriors, 0 = of their logarithms.
    """
    rows = np.arange(len(given))
    others = posterior.copy()
    others[rows, given] = -np.inf
    found: FloatArray = _scaled(others.max(axis=1), power) - _scaled(posterior[rows, given], power)
    return found


def _scaled(posterior: FloatArray, power: float) -> FloatArray:
    """A posterior on the Box-Cox scale, up to a constant; a range of length 1, so that a difference lies in [-1, 1]."""
    if power == 1.0:
        return posterior
    from scipy.special import boxcox  # slow to import, and the plain scale needs none

    floor = boxcox(_FLOOR, power)
    found: FloatArray = (boxcox(np.maximum(posterior, _FLOOR).astype(np.float64), power) / -floor).astype(np.float32)
    return found


def calibrate(
    posterior: FloatArray,
    given: IntArray,
    opinion: FloatArray,
    *,
    weights: FloatArray | None = None,
    power: float | None = None,
) -> Calibration:
    """Fits the calibration to one audit's evidence.

    Args:
        posterior: Out of sample, (N, K), without NaN; margins are taken from it.
        given: Given labels in [0, K), (N,).
        opinion: q of the same rows, from ``second_opinion``, (N, K).
        weights: Of each row, (N,), for the bootstrap; None = 1.
        power: Of the margins' scale; None = what suits the kind of errors.
    """
    count, classes = posterior.shape
    rows = np.arange(count)
    weights = np.ones(count, dtype=np.float32) if weights is None else weights
    second = second_opinion_share(opinion, given, weights=weights)
    redrawn = opinion.astype(np.float64)
    slip = np.repeat((np.bincount(given, minlength=classes) > 0)[None, :].astype(np.float64), count, axis=0)
    redrawn[rows, given] = 0.0
    slip[rows, given] = 0.0

    if power is None:
        power = SECOND_OPINION_POWER * second
    every = _every_margin(posterior, power)  # (N, K)
    own = every[rows, given]
    edges = np.unique(np.quantile(own, np.linspace(0.0, 1.0, _BINS + 1)))
    bins, own_bins = _bin(every, edges), _bin(own, edges)
    centres = np.concatenate([[-1.0], 0.5 * (edges[1:] + edges[:-1]), [1.0]])
    f_user: NDArray[np.float64] = np.bincount(own_bins, weights / weights.sum(), len(centres)).astype(np.float64)

    p = np.zeros(len(centres))
    for _ in range(_ROUNDS):
        trust = (weights * (1.0 - p[own_bins]))[:, None]
        planted = second * _share(redrawn * trust) + (1.0 - second) * _share(slip * trust)  # (N, K), sums to 1
        f_planted = np.bincount(bins.ravel(), planted.ravel(), len(centres)).astype(np.float64)
        fresh = _probability(centres, f_planted, f_user)
        moved = float(np.abs(fresh - p) @ f_user)
        p = fresh if not p.any() else 0.5 * (p + fresh)  # halfway, or it swings about the answer
        if moved < _STILL:
            break
    return Calibration(
        margin=centres.astype(np.float32),
        p=p.astype(np.float32),
        second_opinion=second,
        noise_rate=float(p @ f_user),
        planted_recall=float(f_planted[p >= 0.5].sum()),
        power=power,
    )


def _share(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weights.sum()
    return weights / total if total > 0 else weights


def _probability(
    centres: NDArray[np.float64], f_planted: NDArray[np.float64], f_user: NDArray[np.float64]
) -> NDArray[np.float64]:
    """P in each bin: pi * f1 / f_u, rising.

    P(planted | bin), both kinds weighing 1 in all, rises with the margin; its odds are f1 / f_u.
    """
    from sklearn.isotonic import IsotonicRegression  # slow to import, and a calibration that was read needs none

    mass = f_planted + f_user
    used = mass > 0
    share = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(
        centres[used], f_planted[used] / mass[used], sample_weight=mass[used]
    )
    ratio = np.maximum(share / np.maximum(1.0 - share, 1e-9), _LOW_RATIO)
    top = _weighted_quantile(ratio, f_user[used], _TOP)
    fitted = np.clip(ratio / max(top, 1.0), 0.0, 1.0)
    found: NDArray[np.float64] = np.interp(centres, centres[used], fitted)
    return found


def second_opinion_share(opinion: FloatArray, given: IntArray, *, weights: FloatArray) -> float:
    """w: how far firm disagreements look like second opinions rather than slips, in [0, 1]; 1 if too few are firm."""
    classes = opinion.shape[1]
    top = opinion.max(axis=1)
    firm = (opinion.argmax(axis=1) != given) & (top >= _LEAST_FIRM)
    if classes < 3 or weights[firm].sum() < _MIN_FIRM_ROWS:
        return 1.0
    firm &= top >= min(FIRM, -_weighted_quantile(-top[firm], weights[firm], _MIN_FIRM_ROWS / weights[firm].sum()))
    likely = opinion[firm, given[firm]] / np.maximum(1.0 - top[firm], 1e-9)
    slip = 1.0 / (classes - 1)
    weight = weights[firm]
    share = 0.5
    for _ in range(100):
        belief = share * likely / (share * likely + (1.0 - share) * slip)
        share = float((belief * weight).sum() / weight.sum())
    return share


def _every_margin(posterior: FloatArray, power: float) -> FloatArray:
    """The margin each label would have, (N, K)."""
    posterior = _scaled(posterior, power)
    top = np.partition(posterior, -2, axis=1)[:, -2:]  # (N, 2), the second best and the best
    best = posterior.argmax(axis=1)[:, None] == np.arange(posterior.shape[1])[None, :]
    found: FloatArray = np.where(best, top[:, :1], top[:, 1:]) - posterior
    return found


def _bin(values: FloatArray, edges: NDArray[np.floating]) -> NDArray[np.int64]:
    """0 below the first edge, 1.. between edges, the last above."""
    return np.clip(np.searchsorted(edges, values, side="right"), 0, len(edges)).astype(np.int64)


def _weighted_quantile(values: NDArray[np.floating], weights: NDArray[np.floating], share: float) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(order) - 1)])
