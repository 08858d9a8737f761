"""What a method says of every audited row, and how each baseline comes to it: the higher, the likelier wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray
from labelaudit.verdict.planted import margins

KINDS = ("clean", "ambiguous", "mislabelled")
"""Three-way verdicts; codes are places here, -1 = none."""


@dataclass(frozen=True)
class Scores:
    """What a method says of n rows.

    Attributes:
        score: Ranks them, higher = worse, (n,).
        p: Its own probability that the label is wrong, (n,); None where the method has none.
        suggested: Class that it would rather give, ``NO_CLASS`` = none, (n,).
        verdict: Code in ``KINDS``, (n,); None where the method has no three-way verdict of its own.
        flagged: Labels that it calls wrong, (n,); None where it leaves that to whoever reads its scores.
    """

    score: FloatArray
    p: FloatArray | None
    suggested: IntArray
    verdict: NDArray[np.int8] | None = None
    flagged: NDArray[np.bool_] | None = None


def best_other(posterior: FloatArray, given: IntArray) -> IntArray:
    """The likeliest class that is not the given one, (n,)."""
    others = posterior.copy()
    others[np.arange(len(given)), given] = -np.inf
    best: IntArray = others.argmax(axis=1).astype(np.int32)
    return best


def confidence_scores(posterior: FloatArray, given: IntArray) -> Scores:
    """By what is missing from certainty in the given label: the order of a single run's loss."""
    doubt = 1.0 - posterior[np.arange(len(given)), given]
    return Scores(doubt, doubt, best_other(posterior, given))


def margin_scores(posterior: FloatArray, given: IntArray) -> Scores:
    """By the best other class less the given one, (1 + margin) / 2."""
    score = (1.0 + margins(posterior, given)) / 2.0
    return Scores(score, score, best_other(posterior, given))


def area_scores(area: FloatArray, posterior: FloatArray, given: IntArray) -> Scores:
    """By the area under the margin (n,), which is no probability; classes by the run's posterior."""
    return Scores(-area, None, best_other(posterior, given))


def cleanlab_scores(posterior: FloatArray, given: IntArray, *, method: str) -> Scores:
    """Label quality, as cleanlab has it.

    Args:
        posterior: Out of sample, (n, K).
        given: In [0, K), (n,).
        method: ``self_confidence`` or ``normalized_margin``.
    """
    from cleanlab.rank import get_label_quality_scores  # of the extra bench

    quality = get_label_quality_scores(given, _normalised(posterior), method=method)
    doubt = (1.0 - quality).astype(np.float32)
    return Scores(doubt, doubt, best_other(posterior, given))


def cleanlab_issues(posterior: FloatArray, given: IntArray) -> Scores:
    """By ``find_label_issues`` of cleanlab as it comes: what it flags stands first, within that by self-confidence."""
    from cleanlab.filter import find_label_issues

    flagged = find_label_issues(given, _normalised(posterior), n_jobs=1)
    doubt = 1.0 - posterior[np.arange(len(given)), given]
    return Scores(
        (flagged + doubt).astype(np.float32), flagged.astype(np.float32), best_other(posterior, given), None, flagged
    )


def mixture_scores(losses: FloatArray, posterior: FloatArray, given: IntArray, *, seed: int) -> Scores:
    """By the chance that a loss belongs to the larger of two Gaussians, of each network's losses by itself.

    Li, Socher and Hoi, "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020; its tolerance
    and regularisation. Each network's losses are brought to [0, 1] first.

    Args:
        losses: Of both networks, (2, n).
        posterior: Of the run, (n, K), for the classes.
        given: (n,).
        seed: Of the fit.
    """
    from sklearn.mixture import GaussianMixture

    chances = []
    for loss in losses.astype(np.float64):
        scaled = ((loss - loss.min()) / max(float(np.ptp(loss)), 1e-12))[:, None]
        mixture = GaussianMixture(2, max_iter=200, tol=1e-2, reg_covar=5e-4, random_state=seed).fit(scaled)
        chances.append(mixture.predict_proba(scaled)[:, int(mixture.means_.argmax())])
    wrong = np.mean(chances, axis=0).astype(np.float32)
    return Scores(wrong, wrong, best_other(posterior, given), None, wrong > 0.5)


def neighbour_scores(features: FloatArray, given: IntArray, *, num_classes: int) -> Scores:
    """By the share of the nearest faces' given labels that are another.

    Faces are compared by the cosine of their features. How many neighbours vote is what predicts given labels best.

    Args:
        features: (n, H).
        given: (n,).
        num_classes: K.
    """
    from sklearn.neighbors import NearestNeighbors

    choices = [k for k in (10, 20, 50, 100) if k < len(given)] or [len(given) - 1]
    found = (
        NearestNeighbors(n_neighbors=choices[-1] + 1, metric="cosine")
        .fit(features)
        .kneighbors(features, return_distance=False)
    )
    nearest = np.stack(
        [row[row != own][: choices[-1]] for own, row in enumerate(found)]
    )  # a copy may come before oneself
    shares = np.bincount(given, minlength=num_classes) / len(given)
    votes = [neighbour_votes(nearest[:, :k], given, shares) for k in choices]
    likelihood = [np.log(vote[np.arange(len(given)), given]).mean() for vote in votes]
    return confidence_scores(votes[int(np.argmax(likelihood))], given)


def neighbour_votes(nearest: NDArray[np.int64], given: IntArray, shares: NDArray[np.float64]) -> FloatArray:
    """Shares of the neighbours' labels, and one more vote shared as all labels are, (n, K).

    Args:
        nearest: Places of each row's neighbours, (n, k).
        given: (n,).
        shares: Of all given labels, (K,).
    """
    count, k = nearest.shape
    cells = np.arange(count)[:, None] * len(shares) + given[nearest]
    votes = np.bincount(cells.ravel(), minlength=count * len(shares)).reshape(count, -1)
    posterior: FloatArray = ((votes + shares) / (k + 1)).astype(np.float32)
    return posterior


def _normalised(posterior: FloatArray) -> NDArray[np.float64]:
    """Rows that sum to 1 in double precision, as cleanlab checks."""
    wide = posterior.astype(np.float64)
    normalised: NDArray[np.float64] = wide / wide.sum(axis=1, keepdims=True)
    return normalised
