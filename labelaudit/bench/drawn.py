"""Faces drawn from a dataset, and given labels put on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.bench.tasks import Noise, Task
from labelaudit.bench.truth import Truth
from labelaudit.errors import SettingsError
from labelaudit.labels import NO_CLASS
from labelaudit.records import FloatArray, IntArray, SampleTable
from labelaudit.source.interface import LabelSource, Picture

_FEWEST = 20


@dataclass(frozen=True)
class Draw:
    """Faces of one seed.

    Attributes:
        truth: What they are drawn from.
        rows: Its rows, rising, (m,).
        test: Which of the m nothing learns from, (m,).
        generator: Draws the labels.
    """

    truth: Truth
    rows: NDArray[np.int64]
    test: NDArray[np.bool_]
    generator: np.random.Generator

    def source(self, given: IntArray) -> LabelSource:
        """These faces as a dataset under given labels (m,)."""
        return _DrawnSource(self.truth, self.rows, given)


def draw_faces(truth: Truth, *, limit: int | None, test_share: float, seed: int) -> Draw:
    """Draws faces at random.

    Args:
        truth: Where from.
        limit: Faces at most, test faces included; None = all.
        test_share: Of them that nothing learns from, in [0, 0.9].
        seed: Of the draw.

    Raises:
        SettingsError: Too few faces are left to learn from.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(np.flatnonzero(truth.usable))[:limit]
    audited = len(order) - round(test_share * len(order))
    if audited < _FEWEST:
        raise SettingsError(f"{audited} faces are left to learn from, a bench needs {_FEWEST}; raise --limit")
    is_test = np.zeros(len(truth.usable), dtype=bool)
    is_test[order[audited:]] = True
    rows = np.sort(order)
    return Draw(truth, rows, is_test[rows], generator)


def give_labels(draw: Draw, task: Task, *, weak_model: Callable[[], FloatArray]) -> IntArray:
    """Given labels of all m drawn faces, (m,); those of test faces are the true ones.

    Args:
        draw: The faces; its generator is used up.
        task: What noise to put in.
        weak_model: Gives the posterior (m, K) that ``confusions`` are drawn from.
    """
    truth = draw.truth
    learned = np.flatnonzero(~draw.test)
    rows = draw.rows[learned]
    true = truth.true[rows]
    match task.noise:
        case Noise.ONE_VOTE:
            assert truth.votes is not None
            given = one_vote(truth.votes[rows], draw.generator)
        case Noise.FLIPS:
            assert task.share is not None
            given = flips(true, share=task.share, num_classes=len(truth.labels), generator=draw.generator)
        case Noise.CONFUSIONS:
            assert task.share is not None
            given = confusions(true, weak_model()[learned], share=task.share, generator=draw.generator)
        case Noise.OWN:
            assert truth.own is not None
            given = truth.own[rows]
    found = truth.true[draw.rows].copy()
    found[learned] = given
    return found


def one_vote(votes: NDArray[np.number], generator: np.random.Generator) -> IntArray:
    """One vote of each row, drawn at random, (n,), from votes (n, K)."""
    votes = votes.astype(np.float64)
    chance = votes.cumsum(axis=1) / votes.sum(axis=1, keepdims=True)
    drawn: IntArray = (chance > generator.random(len(votes))[:, None]).argmax(axis=1).astype(np.int32)
    return drawn


def flips(true: IntArray, *, share: float, num_classes: int, generator: np.random.Generator) -> IntArray:
    """True labels (n,), each replaced with probability ``share`` by any other class alike."""
    flipped = generator.random(len(true)) < share
    step = generator.integers(1, num_classes, len(true))
    return np.where(flipped, (true + step) % num_classes, true).astype(np.int32)


def confusions(true: IntArray, posterior: FloatArray, *, share: float, generator: np.random.Generator) -> IntArray:
    """True labels, a share of them replaced: rows by how far a weak model doubts them, classes by what it says instead.

    Args:
        true: In [0, K), (n,).
        posterior: Of the weak model, (n, K).
        share: Of rows that are replaced.
        generator: Draws.
    """
    rows = np.arange(len(true))
    doubt = posterior.astype(np.float64) + 1e-6
    doubt[rows, true] = 0.0
    weight = doubt.sum(axis=1)
    chosen = generator.choice(len(true), size=round(share * len(true)), replace=False, p=weight / weight.sum())
    given = true.astype(np.int32)
    given[chosen] = one_vote(doubt[chosen].astype(np.float32), generator)
    return given


class _DrawnSource:
    """Some rows of a dataset under other labels; a ``LabelSource``."""

    format: str
    why: str
    assumed: Sequence[str]
    table: SampleTable

    def __init__(self, truth: Truth, rows: NDArray[np.int64], given: IntArray) -> None:
        source, names = truth.source, truth.labels.names
        self._source, self._rows = source, rows
        self.format, self.why, self.assumed = source.format, source.why, source.assumed
        self.table = SampleTable(
            sample_id=[source.table.sample_id[row] for row in rows.tolist()],
            given_label=[None if k == NO_CLASS else names[k] for k in given.tolist()],
            path=[source.table.path[row] for row in rows.tolist()],
            split=[source.table.split[row] for row in rows.tolist()],
            labels=truth.labels,
        )

    def read(self, row: int) -> Picture:
        """The picture of one row.

        Raises:
            PixelError: It cannot be read.
        """
        return self._source.read(int(self._rows[row]))

    def signature(self) -> str:
        """Digest of the dataset's own and of the rows."""
        return hashlib.sha256(self._source.signature().encode() + self._rows.tobytes()).hexdigest()
