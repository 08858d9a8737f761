"""How well annotators agree: chance-corrected over all of them, class by class, and each against the others.

With c_ik the votes that row i has for choice k, n_i = sum_k c_ik >= 2 of them, the coincidences are

    o_kl = sum_i (c_ik c_il - [k = l] c_ik) / (n_i - 1)          n_k = sum_l o_kl,   n = sum_k n_k

and Krippendorff's alpha for names is 1 - (n - 1) (n - sum_k o_kk) / (n^2 - sum_k n_k^2); rows may have any number of
votes (Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011). Fleiss' kappa (Psychological Bulletin 76,
1971) is stated where every row has equally many votes, Cohen's (Educational and Psychological Measurement 20, 1960)
where there are two annotators. Of the libraries that have alpha, krippendorff is GPL, nltk and irrCAC take Python loops
over votes and crowd-kit calls nltk and brings transformers along: so the arithmetic stands here, and tests hold it to
the values of nltk, irrCAC, statsmodels and crowd-kit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.ballots import Ballots
from labelaudit.records import FloatArray, JsonDict
from labelaudit.verdict.annotators import AnnotatorQuality, annotator_qualities, cohen_kappa
from labelaudit.verdict.interval import Interval

NO_CLASS_CHOICE = "none of the classes"
"""What votes outside the classes are called."""

DRAWS = 200
_INTERVAL = (0.05, 0.95)
_PAIRS = 10

Coincidences = NDArray[np.float64]


@dataclass(frozen=True)
class ChoiceAgreement:
    """How far annotators agree on one choice.

    Attributes:
        label: The class, or another choice that annotators had.
        votes: For it, in rows with at least two votes.
        agreement: Probability that another annotator of the same row says it too, o_kk / n_k; None without votes.
        alpha: Krippendorff's, of this choice against all others; None where it is undefined.
    """

    label: str
    votes: int
    agreement: float | None
    alpha: float | None


@dataclass(frozen=True)
class Disagreement:
    """Two choices that annotators of one row are split between.

    Attributes:
        first, second: The choices, in their order.
        share: Of all disagreeing pairs of votes, in (0, 1].
    """

    first: str
    second: str
    share: float


@dataclass(frozen=True)
class Agreement:
    """How well annotators agree.

    Attributes:
        rows: Rows with at least two votes; only these count.
        votes: In those rows.
        observed: Probability that two votes on one row agree, in [0, 1].
        alpha: Krippendorff's, 1 = perfect, 0 = chance, with its 90 % interval (bootstrap over rows); None where all
            votes are the same and it is undefined.
        fleiss_kappa: None where rows have different numbers of votes.
        cohen_kappa: None unless there are two annotators, who are known.
        per_choice: In the order of the choices.
        disagreements: The ten pairs that most disagreement is between.
        annotators: Each against the others, the least agreeing first; empty where it is not known who said what.
    """

    rows: int
    votes: int
    observed: float
    alpha: Interval | None
    fleiss_kappa: float | None
    cohen_kappa: float | None
    per_choice: tuple[ChoiceAgreement, ...]
    disagreements: tuple[Disagreement, ...]
    annotators: tuple[AnnotatorQuality, ...]

    def to_json(self) -> JsonDict:
        """Plain values."""
        return asdict(self)


def measure_agreement(
    counts: FloatArray, choices: Sequence[str], *, ballots: Ballots | None = None, seed: int = 0
) -> Agreement | None:
    """Measures how well annotators agree.

    Args:
        counts: Votes a row and choice, whole numbers >= 0, (N, C).
        choices: What could be chosen, C names.
        ballots: The same votes with who cast them, choices in [0, C); None where that is not known.
        seed: Of the bootstrap.

    Returns:
        None where no row has two votes, or where ``counts`` are shares and no numbers of votes.
    """
    total = counts.sum(axis=1, dtype=np.float64)  # (N,)
    voted = total >= 2
    if not voted.any() or np.any(counts != np.rint(counts)):
        return None
    votes, total = counts[voted].astype(np.float64), total[voted]
    found = coincidences(votes)
    margin, pairs = found.sum(axis=0), float(found.sum())
    alpha = krippendorff_alpha(found)
    return Agreement(
        rows=len(votes),
        votes=int(total.sum()),
        observed=_rounded(np.trace(found) / pairs),
        alpha=None if alpha is None else _interval(alpha, votes, seed),
        fleiss_kappa=fleiss_kappa(votes) if np.all(total == total[0]) else None,
        cohen_kappa=None if ballots is None else cohen_kappa(ballots, len(choices)),
        per_choice=tuple(
            ChoiceAgreement(
                label=label,
                votes=int(votes[:, k].sum()),
                agreement=_rounded(found[k, k] / margin[k]) if margin[k] else None,
                alpha=_known(krippendorff_alpha(_against_others(found, k))),
            )
            for k, label in enumerate(choices)
        ),
        disagreements=_disagreements(found, choices),
        annotators=() if ballots is None else annotator_qualities(ballots, rows=len(voted), choices=choices),
    )


def coincidences(counts: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> Coincidences:
    """o_kl of rows with at least two votes, (C, C).

    Args:
        counts: Votes, (N, C).
        weights: How often each row counts, (N,); None = once.
    """
    share = counts / (counts.sum(axis=1, keepdims=True) - 1.0)
    if weights is not None:
        share *= weights[:, None]
    found: Coincidences = share.T @ counts
    found[np.diag_indices(len(found))] -= share.sum(axis=0)
    return found


def krippendorff_alpha(found: Coincidences) -> float | None:
    """Alpha from coincidences; None where all votes are the same, so that chance could not do worse."""
    total, margin = found.sum(), found.sum(axis=0)
    by_chance = total**2 - (margin**2).sum()
    if by_chance <= 1e-9 * total**2:
        return None
    return float(1.0 - (total - 1.0) * (total - np.trace(found)) / by_chance)


def fleiss_kappa(counts: NDArray[np.float64]) -> float | None:
    """Fleiss' kappa of rows with equally many votes, at least two; None where all votes are the same."""
    size = counts[0].sum()
    agreeing = (((counts**2).sum(axis=1) - size) / (size * (size - 1.0))).mean()
    by_chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return None if by_chance > 1.0 - 1e-9 else _rounded((agreeing - by_chance) / (1.0 - by_chance))


def _against_others(found: Coincidences, k: int) -> Coincidences:
    """Coincidences of one choice and of all others taken together, (2, 2)."""
    both, margin, total = found[k, k], found[k].sum(), found.sum()
    return np.array([[both, margin - both], [margin - both, total - 2.0 * margin + both]])


def _disagreements(found: Coincidences, choices: Sequence[str]) -> tuple[Disagreement, ...]:
    above = np.triu(found, 1)
    total = above.sum()
    order = np.argsort(-above, axis=None, kind="stable")[:_PAIRS]
    first, second = np.unravel_index(order, above.shape)
    return tuple(
        Disagreement(choices[i], choices[j], _rounded(above[i, j] / total))
        for i, j in zip(first.tolist(), second.tolist(), strict=True)
        if above[i, j] > 0
    )


def _interval(alpha: float, counts: NDArray[np.float64], seed: int) -> Interval:
    generator = np.random.default_rng(seed)
    kinds, times = np.unique(counts, axis=0, return_counts=True)  # rows with the same votes are drawn together
    drawn = [
        krippendorff_alpha(coincidences(kinds, generator.multinomial(len(counts), times / len(counts)).astype(float)))
        for _ in range(DRAWS)
    ]
    low, high = np.quantile([each for each in drawn if each is not None], _INTERVAL)
    return Interval(_rounded(alpha), _rounded(min(low, alpha)), _rounded(max(high, alpha)))


def _known(value: float | None) -> float | None:
    return None if value is None else _rounded(value)


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
