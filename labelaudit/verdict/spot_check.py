"""A small random sample that people decide: what survey statisticians do to learn how good a long list is.

*Draw.* Judged rows are sorted as the queue asks about them, then the rest by falling p, and cut into strata: the head
of the queue, the rest of it where a label is more likely wrong than right, the rest of it where it is not, and the rows
outside the queue. The head gets a third of the looks, since it is what people act on first. The others share theirs by
sqrt(N_h sd_h), a power allocation (Bankier, "Power Allocations", The American Statistician 42, 1988) between what
serves each stratum and what serves their sum, with sd_h = sqrt(p (1 - p)) of the mean p, at least ``LEAST_SPREAD``
since p may be wrong. Within a stratum of n_h looks, one row is drawn at random from each of n_h slices of equal length;
a row's inclusion probability is one over the length of its slice, and its weight w the inverse of that.

*Estimate.* For any set of rows C (a cut of the queue, all rows), with N_hC of its rows in stratum h and the decided
sample in it, the share of wrong labels is

    sum_h N_hC * (sum w y / sum w) / sum_h N_hC               (y = 1 wrong, 0 right; sums over decided rows in h and C)

the Hajek form of the Horvitz-Thompson estimate, stratum by stratum (Sarndal, Swensson and Wretman, "Model Assisted
Survey Sampling", 1992, ch. 5 and 10). It does not depend on p being calibrated. Where a part of C holds no decided row,
the whole stratum's mean stands in for it.

*Interval*, 90 %, for few looks: the n decided rows of a part, y of them wrong, leave its rate the Jeffreys distribution
Beta(y + 1/2, n - y + 1/2), which covers well from n = 5 on (Brown, Cai and DasGupta, "Interval Estimation for a
Binomial Proportion", Statistical Science 16, 2001); rows that nobody looked at are wrong or right at that rate. The
parts are added up by simulation. In the part where one look weighs most the ends come from Clopper and Pearson's
distributions instead, Beta(y, n - y + 1) and Beta(y + 1, n - y), as Fay and Feuer (Statistics in Medicine 16, 1997) do
for sums of weighted counts. A single stratum thus has Clopper and Pearson's interval, which covers at least 90 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import SettingsError
from labelaudit.records import FloatArray
from labelaudit.verdict.interval import Interval

LEAST_LOOKS = 12
LEAST_SPREAD = 0.2
HEAD_SHARE = 1 / 3
DRAWS = 2_000
_INTERVAL = (0.05, 0.95)
_LEAST_A_STRATUM = 2
_WRONG = 0.5

STRATA = ("head of the queue", "likely wrong", "may be wrong", "outside the queue")
"""What the strata are called, in the order in which they are asked about."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class SpotCheck:
    """Rows that were drawn to be decided, and the strata that they stand for.

    Attributes:
        rows: Row numbers in [0, N), rising, (n,).
        stratum: Index in ``STRATA`` of each, (n,).
        inclusion: Probability with which each was drawn, in (0, 1], (n,).
        sizes: Judged rows in each stratum, (4,); 0 = there is no such stratum.
    """

    rows: Rows
    stratum: NDArray[np.int64]
    inclusion: NDArray[np.float64]
    sizes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class ShareEstimate:
    """A share of wrong labels that people's looks tell.

    Attributes:
        share: With its 90 % interval.
        looks: Decided rows that it rests on directly.
    """

    share: Interval
    looks: int


def strata_of(p: FloatArray, queue_rank: FloatArray, *, head: int) -> NDArray[np.int64]:
    """Each row's stratum, (N,): index in ``STRATA``, -1 where the row was not judged.

    Args:
        p: p_mislabelled, (N,), NaN = not judged.
        queue_rank: From 1, (N,), NaN = not in the queue.
        head: Rows in the head of the queue.
    """
    queued = ~np.isnan(queue_rank)
    kinds = [queue_rank <= head, queued & (p >= _WRONG), queued]
    return np.where(np.isnan(p), -1, np.select(kinds, [0, 1, 2], 3)).astype(np.int64)


def draw_spot_check(p: FloatArray, queue_rank: FloatArray, *, size: int, head: int, seed: int) -> SpotCheck:
    """Draws rows for people to decide.

    Args:
        p: p_mislabelled, (N,), NaN = not judged: such rows are never drawn.
        queue_rank: From 1, (N,), NaN = not in the queue.
        size: Looks; where fewer rows were judged, all of them are drawn.
        head: Rows in the head of the queue.
        seed: Of the draw.

    Raises:
        SettingsError: ``size`` is too small to say anything, or no row was judged.
    """
    if size < LEAST_LOOKS:
        raise SettingsError(f"a spot check of {size} rows says next to nothing; take {LEAST_LOOKS} or more")
    stratum = strata_of(p, queue_rank, head=head)
    order = np.lexsort((-np.nan_to_num(p), np.nan_to_num(queue_rank, nan=np.inf)))
    ordered = [order[stratum[order] == h] for h in range(len(STRATA))]
    sizes = np.array([len(each) for each in ordered])
    if sizes.sum() == 0:
        raise SettingsError("the report holds no row that was judged, so there is nothing to draw from")
    spread = [np.sqrt(mean * (1 - mean)) if len(each) else 0.0 for each in ordered for mean in [_mean(p[each])]]
    looks = _allocate(sizes, np.maximum(spread, LEAST_SPREAD), size)
    generator = np.random.default_rng(seed)
    drawn, chance, member = [], [], []
    for h, (rows, count) in enumerate(zip(ordered, looks.tolist(), strict=True)):
        for part in np.array_split(rows, count) if count else []:
            drawn.append(int(generator.choice(part)))
            chance.append(1.0 / len(part))
            member.append(h)
    rising = np.argsort(drawn)
    return SpotCheck(np.array(drawn)[rising], np.array(member)[rising], np.array(chance)[rising], sizes)


def estimate_precision(
    check: SpotCheck,
    wrong: NDArray[np.float64],
    *,
    stratum: NDArray[np.int64],
    cut: NDArray[np.bool_],
    seed: int = 0,
) -> ShareEstimate | None:
    """Estimates the share of wrong labels among some rows.

    Args:
        check: What was drawn.
        wrong: What people found: 1 wrong, 0 right, between them where they differ, NaN not decided, (n,).
        stratum: Of all rows, as ``strata_of`` gives it, (N,).
        cut: The rows that are spoken of, (N,); those that were not judged are left out.
        seed: Of the simulation behind the interval.

    Returns:
        None where the cut holds no judged row, or nothing was decided in any stratum that it touches.
    """
    decided = ~np.isnan(wrong)
    inside = decided & cut[check.rows]
    size = np.array([np.count_nonzero(cut & (stratum == h)) for h in range(len(STRATA))])
    weight = 1.0 / check.inclusion
    parts: list[_Part] = []
    for h in np.flatnonzero(size).tolist():
        here, whole = inside & (check.stratum == h), decided & (check.stratum == h)
        told = here if here.any() else whole
        if not told.any():
            return None
        mean = float(np.average(wrong[told], weights=weight[told]))
        looks = int(here.sum())
        parts.append(_Part(int(size[h]), looks, looks * mean, mean))
    if not parts:
        return None
    total = int(size.sum())
    value = sum(part.rows * part.mean for part in parts) / total
    low, high = _ends(parts, np.random.default_rng(seed))
    interval = Interval(value, min(low / total, value), max(high / total, value))
    return ShareEstimate(interval, sum(part.looks for part in parts))


@dataclass(frozen=True)
class _Part:
    """A stratum's part of a cut: its rows, the looks at them, how many of these found a wrong label, their mean."""

    rows: int
    looks: int
    wrong: float
    mean: float


def _ends(parts: Sequence[_Part], generator: np.random.Generator) -> tuple[float, float]:
    """The ends of the interval of the number of wrong labels."""
    heaviest = max(range(len(parts)), key=lambda index: parts[index].rows / max(parts[index].looks, 0.5))
    ends = []
    for quantile, more in zip(_INTERVAL, (-0.5, 0.5), strict=True):
        total = np.zeros(DRAWS)
        for index, part in enumerate(parts):
            extra = more if index == heaviest else 0.0
            rate = _beta(part.wrong + 0.5 + extra, part.looks - part.wrong + 0.5 - extra, generator)
            total += part.wrong + generator.binomial(part.rows - part.looks, rate)
        ends.append(float(np.quantile(total, quantile)))
    return ends[0], ends[1]


def _beta(a: float, b: float, generator: np.random.Generator) -> NDArray[np.float64]:
    if a <= 0 or b <= 0:
        return np.full(DRAWS, 0.0 if a <= 0 else 1.0)
    return generator.beta(a, b, DRAWS)


def _allocate(sizes: NDArray[np.int64], spread: NDArray[np.float64], looks: int) -> NDArray[np.int64]:
    """Looks a stratum, (4,), at most its rows; together ``looks``, or all rows."""
    wanted = np.sqrt(sizes * spread)
    rest = wanted[1:].sum()
    if sizes[0] and rest:
        wanted[0] = rest * HEAD_SHARE / (1 - HEAD_SHARE)
    found = np.minimum(sizes, _LEAST_A_STRATUM)
    for _ in range(min(looks, int(sizes.sum())) - int(found.sum())):
        short = np.where(found < sizes, wanted / (found + 1), -1.0)  # highest averages, so that rounding adds up
        found[int(short.argmax())] += 1
    return found


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else 0.0
