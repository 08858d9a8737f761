"""Is a batch worse than the data that its model was trained on? The statistic behind the limit ``trained``.

A frozen model flags right labels too, and how many depends on the data, so what a batch is held against is the audit
that trained the model: there every row was judged by models that had not seen its label, as a new one is. The batch's
score is

    S = mean over its judged rows of p^3 where the row is called mislabelled, else 0

with p its calibrated probability of a wrong label. S grows with the number of flags and with how sure they are: the
flags that a clean batch collects stand near p = 0.5, labels that have nothing to do with the picture near 1. (A share
e of extra wrong labels with scores of density f1 is tested best by the mean of f1 / f0 (the score test; Rao 1948). For
more errors of the kind that the training data has, f1 / f0 is proportional to p; for slips it rises more steeply. On
real faces the third power found more than other powers, and far more than the bare count of flags; what it finds is
measured by ``examples/benchmarks/gate_batches.py``.)

How likely so high a score is in a batch of that many rows like the training data is read off ``DRAWS`` such batches:
the scores, in bins of 1 / ``BINS``, are drawn from the training rows' histogram, itself drawn from its Dirichlet
posterior so that a small training set claims no more than it knows. One seed, so the same reports say the same.

A batch of other classes than the training data (a batch of hard classes only) is compared class by class of the given
label instead: each class's rows are drawn from that class. That costs power, because labels that slip into a rare,
hard class then look as usual, so it is done only where the shares of the classes that the model *sees* differ
beyond doubt (G-test at 0.1 %): wrong labels do not change what it sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.gate.findings import Mask, Rows
from labelaudit.gate.limits import Kind
from labelaudit.gate.statistics import FlagRates
from labelaudit.labels import NO_CLASS
from labelaudit.records import FloatArray, IntArray

BINS = 50
DRAWS = 4_000
OTHER_SHARES = 0.001
"""Chance of class shares as different as a batch's, below which it is compared class by class."""
_MIN_CLASS_ROWS = 20
"""Rows of a class below which its flag rates are those of all."""
_SEED = 20_231


@dataclass(frozen=True)
class Reference:
    """What the flags of a model mean, learned from the audit that trained it.

    Attributes:
        score: p^3 of flagged rows, else 0, of its n judged rows, (n,).
        flagged: Rows called mislabelled, (n,).
        p: Their probability of a wrong label, (n,).
        given: Their given class, (n,).
        seen: Their likeliest class, (n,); ``NO_CLASS`` where that is not known.
        classes: K.
    """

    score: FloatArray
    flagged: Mask
    p: FloatArray
    given: IntArray
    seen: IntArray
    classes: int

    @classmethod
    def of(cls, rows: Rows, some: Mask | None = None, flagged: Mask | None = None) -> Reference:
        """The judged rows of a report.

        Args:
            rows: Of the report, N rows.
            some: Only these, (N,); None = all.
            flagged: Rows that count as called mislabelled, (N,); None = all that are.
        """
        judged = rows.judged & ~np.isnan(rows.p)
        if some is not None:
            judged &= some
        p = rows.p[judged]
        called = (rows.found[Kind.MISLABELLED] if flagged is None else flagged)[judged]
        return cls(
            score=np.where(called, p**3, np.float32(0.0)),
            flagged=called,
            p=p,
            given=rows.given[judged],
            seen=rows.seen[judged],
            classes=len(rows.report.classes),
        )

    def __len__(self) -> int:
        return len(self.p)

    def flag_rates(self, class_index: int | None = None) -> FlagRates:
        """How often right and wrong labels are flagged.

        Args:
            class_index: Of the labels of one class; of all where that class is small.
        """
        mine = np.ones(len(self), dtype=bool) if class_index is None else self.given == class_index
        if class_index is not None and np.count_nonzero(mine) < _MIN_CLASS_ROWS:
            return self.flag_rates()
        p, flagged = self.p[mine].astype(np.float64), self.flagged[mine]
        right, wrong = (1.0 - p).sum(), p.sum()
        return FlagRates(
            right=float((1.0 - p)[flagged].sum() / right) if right > 0 else 0.0,
            wrong=float(p[flagged].sum() / wrong) if wrong > 0 else 1.0,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A batch against the data that its model was trained on.

    Attributes:
        chance: Of a batch like the training data to score as high, in (0, 1].
        score: S of the batch.
        expected: Mean S of a batch like the training data.
        usual: Share of the training rows that are called mislabelled; class by class, weighted as the batch is.
        by_class: Whether the two were compared class by class.
    """

    chance: float
    score: float
    expected: float
    usual: float
    by_class: bool


def compare(batch: Reference, training: Reference) -> Comparison:
    """Compares a batch with the training data. Both have at least one row."""
    by_class = _other_shares(batch.seen, training.seen, training.classes)
    everything = _histogram(training.score)  # (B,)
    groups = [(len(batch), everything, float(training.flagged.mean()))]
    if by_class:
        groups = []
        for k, rows in enumerate(np.bincount(batch.given, minlength=training.classes).tolist()):
            mine = training.given == k
            if rows:
                # One row of the whole stands in for what a small class may hold besides.
                counts = _histogram(training.score[mine]) + everything / everything.sum()
                usual = (training.flagged[mine].sum() + training.flagged.mean()) / (mine.sum() + 1)
                groups.append((rows, counts, float(usual)))
    generator = np.random.default_rng(_SEED)
    totals = np.zeros(DRAWS)
    for rows, counts, _ in groups:
        totals += _draw(generator, rows, counts)
    score = float(_binned(batch.score).mean() / BINS)
    as_high = int(np.count_nonzero(totals >= round(score * BINS * len(batch))))
    return Comparison(
        chance=(as_high + 1) / (DRAWS + 1),
        score=score,
        expected=float(totals.mean() / BINS / len(batch)),
        usual=sum(rows * usual for rows, _, usual in groups) / len(batch),
        by_class=by_class,
    )


def _binned(score: FloatArray) -> IntArray:
    return np.rint(score * BINS).astype(np.int32)


def _histogram(score: FloatArray) -> NDArray[np.float64]:
    return np.bincount(_binned(score), minlength=BINS + 1).astype(np.float64)


def _draw(generator: np.random.Generator, rows: int, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of the binned scores of ``rows`` rows, (DRAWS,)."""
    held = np.flatnonzero(counts)
    shares = generator.dirichlet(counts[held], size=DRAWS)  # (DRAWS, bins that are held)
    drawn = generator.multinomial(rows, shares)
    return (drawn @ held).astype(np.float64)


def _other_shares(batch: IntArray, training: IntArray, classes: int) -> bool:
    """Whether two sets hold significantly different shares of the classes that the model sees (G-test)."""
    from scipy.special import chdtrc

    seen = np.stack([np.bincount(each[each != NO_CLASS], minlength=classes) for each in (batch, training)])  # (2, K)
    seen = seen[:, seen.sum(axis=0) > 0].astype(np.float64)
    if seen.shape[1] < 2 or not seen.sum(axis=1).all():
        return False
    expected = seen.sum(axis=1, keepdims=True) * seen.sum(axis=0) / seen.sum()
    parts = np.where(seen > 0, seen * np.log(np.where(seen > 0, seen, 1.0) / expected), 0.0)
    return bool(chdtrc(seen.shape[1] - 1, 2.0 * parts.sum()) < OTHER_SHARES)
