"""What is true of a dataset's labels, as far as votes, a column of true labels or the labels themselves tell.

With votes v of shape (N, K) on the classes and o votes on none of them, the true class is the plurality. A row is drawn
only where the classes hold four fifths of all votes; its truth is *firm* where one class has three fifths of all votes,
and several labels are defensible elsewhere. With ten votes that is eight and six.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit.bench.tasks import Noise, Task
from labelaudit.errors import SettingsError, SourceError
from labelaudit.labels import NO_CLASS, LabelSpace
from labelaudit.records import FloatArray, IntArray
from labelaudit.source.given import source_from
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions

_ON_CLASSES, _FIRM = 4, 3
"""Of five votes, how many must be on classes, and on one class for a firm truth."""


@dataclass(frozen=True)
class Truth:
    """A dataset and what is true of it. Arrays are of its N rows.

    Attributes:
        source: Its pictures.
        labels: The K classes.
        true: True class, ``NO_CLASS`` where it is not known, (N,).
        firm: Whether people agree on it, (N,).
        usable: Rows that may be drawn, (N,).
        votes: On the classes, (N, K); None where there are none.
        own: Labels that the dataset has, ``NO_CLASS`` where it has none of the classes, (N,); None = same as true.
        notes: Where the truth comes from, one sentence each.
    """

    source: LabelSource
    labels: LabelSpace
    true: IntArray
    firm: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    votes: FloatArray | None
    own: IntArray | None
    notes: tuple[str, ...]

    def digest(self) -> str:
        """Hex digest of everything that is true, and of the labels that the dataset has."""
        known = (self.true, self.firm, self.usable, self.votes, self.own)
        parts = [b"none" if each is None else each.tobytes() for each in known]
        return hashlib.sha256(b"|".join([*parts, "|".join(self.labels.names).encode()])).hexdigest()

    def default_tasks(self) -> tuple[Task, ...]:
        """The tasks that this truth allows for."""
        flips = Task(Noise.FLIPS, 0.2)
        found = [] if self.votes is None else [Task(Noise.ONE_VOTE)]
        found += [flips] if found or self.own is not None else [flips, Task(Noise.CONFUSIONS, 0.2)]
        return (*found, *([] if self.own is None else [Task(Noise.OWN)]))

    def check(self, tasks: Sequence[Task]) -> None:
        """Refuses tasks that this truth has nothing for.

        Raises:
            SettingsError: One task needs votes, or labels of its own.
        """
        for task in tasks:
            if task.noise is Noise.ONE_VOTE and self.votes is None:
                raise SettingsError("the task one-vote needs annotators' votes, and there are none; leave it out")
            if task.noise is Noise.OWN and self.own is None:
                raise SettingsError(
                    "the task own needs labels beside the truth: name a --truth-column, or give a dataset with both"
                )


def open_truth(data: Any, options: SourceOptions, *, truth_column: str | None) -> Truth:
    """Opens a dataset and finds out what is true of it.

    Args:
        data: As ``labelaudit.audit`` takes it.
        options: What opening it is to be told.
        truth_column: Column of true labels; None = votes where there are any, else the labels are taken as true.

    Raises:
        SourceError: It cannot be read, or its own labels are all true.
    """
    if truth_column is not None:
        reference = source_from(data, replace(options, label_column=truth_column, votes=False))
        true = reference.table.given
        note = f"true labels come from the column {truth_column!r}"
        own, labels = _own_labels(data, options, reference)
        found = Truth(
            reference, labels, true, true != NO_CLASS, true != NO_CLASS, None, own, (*reference.assumed, note)
        )
    else:
        source = source_from(data, options)
        if source.table.votes is not None and options.label_column is not None:
            source = source_from(data, replace(options, label_column=None))
        found = _by_votes(data, options, source) if source.table.votes is not None else _as_given(source)
    if found.own is not None and np.array_equal(found.own[found.usable], found.true[found.usable]):
        raise SourceError("the dataset's own labels are the true ones everywhere; name another --truth-column")
    if np.count_nonzero(np.bincount(found.true[found.usable], minlength=len(found.labels))) < 2:
        raise SourceError("fewer than two classes have rows whose truth is known; a bench needs two")
    return found


def _by_votes(data: Any, options: SourceOptions, source: LabelSource) -> Truth:
    table = source.table
    votes = table.votes
    assert votes is not None
    on_classes = votes.sum(axis=1, dtype=np.float64)
    total = on_classes if table.votes_outside is None else on_classes + table.votes_outside
    usable = (table.given != NO_CLASS) & (total > 0) & (5 * on_classes >= _ON_CLASSES * total)
    firm = 5 * votes.max(axis=1).astype(np.float64) >= _FIRM * total
    note = "the truth is the plurality of the votes, firm where it has three fifths of them"
    own: IntArray | None = None
    labels = table.labels
    try:
        own, labels = _own_labels(data, options, source)
    except SourceError:  # votes alone: there is no label beside them
        note += "; the dataset has no labels beside them"
    return Truth(source, labels, table.given, firm, usable, votes, own, (*source.assumed, note))


def _as_given(source: LabelSource) -> Truth:
    given = source.table.given
    known = given != NO_CLASS
    note = "for want of votes and of a --truth-column, the dataset's own labels are taken as true"
    return Truth(source, source.table.labels, given, known, known, None, None, (*source.assumed, note))


def _own_labels(data: Any, options: SourceOptions, reference: LabelSource) -> tuple[IntArray, LabelSpace]:
    """The labels that the dataset has, and the classes of both: the reference's first."""
    own = source_from(data, replace(options, votes=False)).table
    if list(own.sample_id) != list(reference.table.sample_id):
        raise SourceError("the rows with true labels are not those with the dataset's own; name both columns")
    names = reference.table.labels.names
    labels = LabelSpace((*names, *(name for name in own.labels.names if name not in reference.table.labels)))
    return labels.indices(own.given_label), labels
