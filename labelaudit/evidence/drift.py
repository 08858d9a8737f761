"""Whether a batch of pictures looks like the data that a model was trained on.

Two samples are compared, the batch and a sample of the training set (the *reference*), neither by any label:

- *features*: a picture's coordinates are its likenesses (``kernel``) to some training pictures, the landmarks; the
  statistic is the squared distance between the samples' mean coordinates (Chwialkowski et al., NIPS 2015, without
  their whitening, which would make the smallest shift of light look large);
- *confidence*: the Kolmogorov-Smirnov distance between the samples' largest posteriors, as ranks within a class;
- *classes*: half the summed difference between the shares of the classes that the model sees.

The chance of a value as large is found by regrouping the pooled pictures at random, 499 times: an exact test for any
size of batch (Phipson and Smyth 2010). For features and confidence, pictures are regrouped within the classes that the
model sees and coordinates are taken relative to the class's mean, so a batch of few classes is not odd for that alone.

A chance says nothing of size: a thousand pictures show the slightest shift. So it is also said how well the pictures
can be told from training pictures, as 2 A - 1, with A the chance that of a pair the batch's one lies farther along
the line between the samples' means (the area under the curve). The line comes from one half of the pictures, A from
the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.evidence.kernel import kernel
from labelaudit.evidence.ridge import RidgeModel
from labelaudit.likeness import Drift
from labelaudit.records import FloatArray

LEAST_ROWS = 20
"""Pictures of a batch below which nothing is said of drift."""
_REGROUPINGS = 499
_LANDMARKS = 256
_COMPARED = 2_000


@dataclass(frozen=True)
class Reference:
    """A sample of the training set to compare batches with.

    Attributes:
        landmarks: Which of the ridge's landmarks the coordinates are likenesses to, (L,).
        coordinates: Of m other training pictures, (m, L), in [0, 1].
        posterior: What was said of these by models that had not seen their labels, (m, K).
    """

    landmarks: NDArray[np.int64]
    coordinates: FloatArray
    posterior: FloatArray

    def __post_init__(self) -> None:
        if self.coordinates.shape != (len(self.posterior), len(self.landmarks)):
            raise ValueError(f"coordinates of the reference have shape {self.coordinates.shape}")


def build_reference(ridge: RidgeModel, posterior: FloatArray, *, seed: int) -> Reference:
    """Draws landmarks and reference pictures among a ridge model's M landmarks.

    Args:
        ridge: The model.
        posterior: Out of sample, of the n samples that it was fitted to, (n, K).
        seed: Of the draw.
    """
    drawn = np.random.default_rng(seed).permutation(len(ridge.rows))
    count = min(_LANDMARKS, len(drawn) // 4)
    landmarks, others = np.sort(drawn[:count]), np.sort(drawn[count : count + _COMPARED])
    chosen, against = ([group[rows] for group in ridge.groups] for rows in (others, landmarks))
    return Reference(landmarks, kernel(chosen, against, ridge.scale).cpu().numpy(), posterior[ridge.rows[others]])


def draw_compared(count: int, *, seed: int) -> NDArray[np.int64]:
    """Draws those of a batch's pictures that are compared, at most 2,000: places among ``count``, rising."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:_COMPARED])


def measure_drift(coordinates: FloatArray, posterior: FloatArray, reference: Reference, *, seed: int) -> Drift | None:
    """Compares a batch with the reference.

    Args:
        coordinates: Likenesses of n of the batch's pictures (``draw_compared``) to the reference's landmarks, (n, L).
        posterior: What the model says of them, (n, K).
        reference: Of the model.
        seed: Of regroupings.

    Returns:
        None where either sample has fewer than ``LEAST_ROWS`` pictures.
    """
    if min(len(coordinates), len(reference.coordinates)) < LEAST_ROWS:
        return None
    generator, rows = np.random.default_rng(seed), len(coordinates)
    both = np.concatenate([posterior, reference.posterior])  # (N, K), the batch first
    seen = both.argmax(axis=1)
    place = np.concatenate([coordinates, reference.coordinates])  # (N, L)
    place = place - _class_means(place, seen, both.shape[1])[seen]

    within = _regroup(seen, rows, generator)  # (R, N)
    anyhow = _regroup(np.zeros_like(seen), rows, generator)
    shares = np.eye(both.shape[1], dtype=np.float32)[seen]  # (N, K)
    return Drift(
        rows=rows,
        p_features=_chance(np.square(_mean_gap(within, place)).sum(axis=1)),
        p_confidence=_chance(_largest_gap(within, _ranks_within(both.max(axis=1), seen), generator)),
        p_classes=_chance(np.abs(_mean_gap(anyhow, shares)).sum(axis=1)),
        strength=_told_apart(place, rows, generator),
    )


def _class_means(values: FloatArray, seen: NDArray[np.int64], classes: int) -> FloatArray:
    """Mean of each class's rows, (K, L); 0 where it has none."""
    member = np.eye(classes, dtype=np.float32)[seen]  # (N, K)
    return np.asarray(member.T @ values / np.maximum(member.sum(axis=0), 1.0)[:, None])


def _regroup(strata: NDArray[np.int64], rows: int, generator: np.random.Generator) -> FloatArray:
    """Who is in the batch, and in random ones with as many pictures of every stratum, (1 + R, N) of 0 and 1."""
    member = np.zeros((1 + _REGROUPINGS, len(strata)), dtype=np.float32)
    member[0, :rows] = 1.0
    for stratum in np.unique(strata).tolist():
        places = np.flatnonzero(strata == stratum)
        taken = np.count_nonzero(places < rows)
        drawn = generator.random((_REGROUPINGS, len(places))).argsort(axis=1)[:, :taken]
        member[np.arange(1, 1 + _REGROUPINGS)[:, None], places[drawn]] = 1.0
    return member


def _mean_gap(member: FloatArray, values: FloatArray) -> FloatArray:
    """Mean of the members less mean of the others, (1 + R, L), from memberships (1 + R, N) and values (N, L)."""
    count = member.sum(axis=1, keepdims=True)
    inside = member @ values
    return np.asarray(inside / count - (values.sum(axis=0) - inside) / (member.shape[1] - count))


def _largest_gap(member: FloatArray, values: NDArray[np.float64], generator: np.random.Generator) -> FloatArray:
    """Kolmogorov-Smirnov distance between members and others, (1 + R,)."""
    ordered = member[:, np.lexsort((generator.random(len(values)), values))]  # ties in random order
    count = ordered.sum(axis=1, keepdims=True)
    inside = ordered.cumsum(axis=1)
    outside = np.arange(1, ordered.shape[1] + 1, dtype=np.float32) - inside
    gap = inside / count - outside / (ordered.shape[1] - count)
    return np.asarray(np.abs(gap).max(axis=1))


def _ranks_within(values: FloatArray, strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each value's rank among its stratum's, as a share, (N,)."""
    ranks = np.zeros(len(values))
    for stratum in np.unique(strata).tolist():
        mine = strata == stratum
        ranks[mine] = _share_below(values[mine], values[mine])
    return ranks


def _share_below(values: FloatArray, others: FloatArray) -> NDArray[np.float64]:
    """Share of others that lie below each value, those that are equal to it counted by half, (n,)."""
    ordered = np.sort(others)
    both = [np.searchsorted(ordered, values, side=side) for side in ("left", "right")]
    return np.asarray((both[0] + both[1]) / (2.0 * len(ordered)))


def _chance(statistics: FloatArray) -> float:
    """Share of regroupings, the true one among them, whose statistic is at least the true one's, in (0, 1]."""
    # A regrouping that repeats the true one may differ in the last digits, as sums are taken in another order.
    return float(np.count_nonzero(statistics >= statistics[0] * (1.0 - 1e-5)) / len(statistics))


def _told_apart(place: FloatArray, rows: int, generator: np.random.Generator) -> float:
    """2 A - 1 of the batch's pictures against the reference's, at least 0, from coordinates (N, L)."""
    batch, reference = generator.permutation(rows), rows + generator.permutation(len(place) - rows)
    areas = []
    for half in (0, 1):
        line = place[batch[1 - half :: 2]].mean(axis=0) - place[reference[1 - half :: 2]].mean(axis=0)
        mine, theirs = place[batch[half::2]] @ line, place[reference[half::2]] @ line
        areas.append(_share_below(mine, theirs).mean())
    return max(0.0, float(2.0 * np.mean(areas) - 1.0))
