"""Each annotator against the others: whether she says what most of them say, leaving herself out.

A vote is compared where the other votes on its row have one choice that leads alone. The share of compared votes that
agree has Wilson's 90 % interval; Cohen's kappa of her votes with the others' choices takes out what chance would give,
so that whoever always says the commonest class has none. Beside it stands the accuracy of ``dawid_skene``, which weighs
good annotators more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.ballots import Ballots
from labelaudit.verdict.dawid_skene import fit_dawid_skene
from labelaudit.verdict.interval import Interval

_AT_ONCE = 500_000
_Z = 1.6448536269514722
"""Half of 10 % of a normal distribution lies beyond it."""


@dataclass(frozen=True)
class AnnotatorQuality:
    """One annotator.

    Attributes:
        annotator: Name.
        votes: How many she cast.
        compared: Votes where the others had one leading choice.
        agreement: Share of those that say the same, with its 90 % interval; None where none was compared.
        kappa: Cohen's, with the others' leading choice; None where it is undefined.
        accuracy: How often she would be right on a random row, by Dawid and Skene, in [0, 1].
        says: What she says most often where the others say ``others_say``; None where she never differs.
        others_say: See ``says``.
        differs: How often she does so.
    """

    annotator: str
    votes: int
    compared: int
    agreement: Interval | None
    kappa: float | None
    accuracy: float
    says: str | None
    others_say: str | None
    differs: int


def annotator_qualities(ballots: Ballots, *, rows: int, choices: Sequence[str]) -> tuple[AnnotatorQuality, ...]:
    """Compares every annotator with the others; the least agreeing first.

    Args:
        ballots: Votes, choices in [0, C).
        rows: N.
        choices: C names.
    """
    size = len(choices)
    confusion = _with_others(ballots, rows, size)  # (A, C others, C hers)
    votes = np.bincount(ballots.annotator, minlength=len(ballots.annotators))
    accuracy = fit_dawid_skene(ballots, rows=rows, choices=size).accuracy
    found = []
    for code, annotator in enumerate(ballots.annotators):
        if votes[code] == 0:
            continue
        own = confusion[code]
        compared, same = int(own.sum()), int(np.trace(own))
        apart = own - np.diag(np.diag(own))
        others, hers = divmod(int(apart.argmax()), size)
        differs = int(apart[others, hers])
        found.append(
            AnnotatorQuality(
                annotator=annotator,
                votes=int(votes[code]),
                compared=compared,
                agreement=_wilson(same, compared) if compared else None,
                kappa=_kappa(own),
                accuracy=round(float(accuracy[code]), 4),
                says=choices[hers] if differs else None,
                others_say=choices[others] if differs else None,
                differs=differs,
            )
        )
    return tuple(sorted(found, key=lambda each: 1.0 if each.agreement is None else each.agreement.value))


def cohen_kappa(ballots: Ballots, choices: int) -> float | None:
    """Cohen's kappa of two annotators over the rows that both voted on; None unless there are exactly two.

    Args:
        ballots: Votes, choices in [0, C).
        choices: C.
    """
    if len(ballots.annotators) != 2:
        return None
    first, second = (ballots.annotator == code for code in (0, 1))
    _, one, other = np.intersect1d(ballots.row[first], ballots.row[second], return_indices=True)
    pairs = ballots.choice[first][one].astype(np.int64) * choices + ballots.choice[second][other]
    return _kappa(np.bincount(pairs, minlength=choices * choices).reshape(choices, choices))


def _with_others(ballots: Ballots, rows: int, size: int) -> NDArray[np.int64]:
    """How often an annotator says l where the others' single leading choice is k, (A, C others, C hers)."""
    counts = ballots.counts(rows, size)
    found = np.zeros(len(ballots.annotators) * size * size, dtype=np.int64)
    for start in range(0, len(ballots), _AT_ONCE):  # bounded memory for millions of votes
        some = slice(start, start + _AT_ONCE)
        row, annotator, choice = ballots.row[some], ballots.annotator[some].astype(np.int64), ballots.choice[some]
        others = counts[row]
        others[np.arange(len(row)), choice] -= 1
        most = others.max(axis=1)
        alone = (most > 0) & ((others == most[:, None]).sum(axis=1) == 1)
        cell = (annotator * size + others.argmax(axis=1)) * size + choice
        found += np.bincount(cell[alone], minlength=len(found))
    return found.reshape(-1, size, size)


def _kappa(confusion: NDArray[np.int64]) -> float | None:
    """Cohen's kappa of a table of counts, (C, C); None where it is empty or chance could not do worse."""
    total = confusion.sum()
    if total == 0:
        return None
    agreeing = np.trace(confusion) / total
    by_chance = (confusion.sum(axis=0) @ confusion.sum(axis=1)) / total**2
    return None if by_chance > 1.0 - 1e-9 else round(float((agreeing - by_chance) / (1.0 - by_chance)), 4)


def _wilson(part: int, whole: int) -> Interval:
    """A share with Wilson's interval (1927), which stays inside [0, 1] for small numbers."""
    share, z2 = part / whole, _Z * _Z / whole
    middle = (share + z2 / 2) / (1 + z2)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / 4)) / (1 + z2)
    return Interval(round(share, 4), round(max(middle - half, 0.0), 4), round(min(middle + half, 1.0), 4))
