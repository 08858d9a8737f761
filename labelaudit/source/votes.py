"""Counting annotators' votes, and the plurality that becomes the given label.

With ``counts`` of shape (N, V) the plurality of a row is ``argmax_v counts[v]`` over the names that are classes; ties
go to the class listed first. A name that is no class ("not a face") wins only with more votes than every class has;
in FER+'s own reader (Barsoum et al., ICMI 2016, github.com/microsoft/FERPlus) such a picture is no sample at all, here
it stays a row whose label is no class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labelaudit.ballots import Ballots
from labelaudit.labels import LabelSpace
from labelaudit.records import FloatArray, IntArray
from labelaudit.source.draft import Votes

NO_VOTE = -1
"""Index of the plurality of a row without any vote."""


def plurality(counts: FloatArray, is_class: NDArray[np.bool_]) -> tuple[IntArray, NDArray[np.bool_]]:
    """The name with most votes a row.

    Args:
        counts: Votes, shape (N, V), >= 0.
        is_class: Which of the names are classes, shape (V,), at least one.

    Returns:
        Index of the winner in [0, V) or ``NO_VOTE``, shape (N,); whether classes tied for it, shape (N,).
    """
    classes, others = np.flatnonzero(is_class), np.flatnonzero(~is_class)
    on_class = counts[:, classes]  # (N, K)
    best = on_class.max(axis=1)  # (N,)
    winner = classes[on_class.argmax(axis=1)]
    tied = (best > 0) & ((on_class == best[:, None]).sum(axis=1) > 1)
    if len(others):
        off_class = counts[:, others]
        wins = off_class.max(axis=1) > best
        winner = np.where(wins, others[off_class.argmax(axis=1)], winner)
        tied &= ~wins
    winner = np.where(counts.max(axis=1) > 0, winner, NO_VOTE)
    return winner.astype(np.int32), tied


def count_votes(
    row: NDArray[np.int64],
    labels: Sequence[str | None],
    n: int,
    origin: str,
    *,
    annotators: Sequence[str | None] | None = None,
) -> Votes:
    """Counts single votes, such as a list a sample or a row an annotator.

    Args:
        row: The sample that each vote is about, in [0, n), shape (M,).
        labels: The M votes; None = the annotator gave none.
        n: Number of samples.
        origin: Where the votes stand, for people.
        annotators: Who cast each of the M votes; None = that is not known.
    """
    space = LabelSpace.from_labels(labels)
    choice = space.indices(labels)  # (M,)
    cast = choice >= 0
    cell = row[cast] * max(len(space), 1) + choice[cast]
    counts = np.bincount(cell, minlength=n * len(space)).reshape(n, len(space))
    ballots = None
    if annotators is not None:
        who = LabelSpace.from_labels(annotators)
        code = who.indices(annotators)
        known = cast & (code >= 0)
        ballots = Ballots(row[known], code[known], choice[known], who.names)
    return Votes(space.names, counts.astype(np.float32), origin, ballots=ballots)


def renamed(votes: Votes, name_of: Callable[[str], str]) -> Votes:
    """The votes under other names; columns that come to share a name are added up."""
    names = [name_of(name) for name in votes.names]
    distinct = tuple(dict.fromkeys(names))
    counts = np.zeros((len(votes.counts), len(distinct)), dtype=np.float32)
    for column, name in enumerate(names):
        counts[:, distinct.index(name)] += votes.counts[:, column]
    code = [distinct.index(name) for name in names]
    ballots = None if votes.ballots is None else votes.ballots.recoded(code)
    return replace(votes, names=distinct, counts=counts, ballots=ballots)


def of_rows(votes: Votes, rows: NDArray[np.int64]) -> Votes:
    """The votes of some rows."""
    ballots = None if votes.ballots is None else votes.ballots.on_rows(rows, len(votes.counts))
    return replace(votes, counts=votes.counts[rows], ballots=ballots)


def on_classes(votes: Votes, space: LabelSpace) -> tuple[FloatArray, FloatArray, list[str]]:
    """Sorts votes into those for a class and those for none.

    Returns:
        Votes in the order of the classes, shape (N, K); votes for no class, shape (N,); the names that got those.
    """
    counts = np.zeros((len(votes.counts), len(space)), dtype=np.float32)
    outside = np.zeros(len(votes.counts), dtype=np.float32)
    left_out: list[str] = []
    for column, name in enumerate(votes.names):
        given = votes.counts[:, column]
        if name in space:
            counts[:, space.index(name)] = given
        elif given.any():
            outside += given
            left_out.append(name)
    return counts, outside, left_out
