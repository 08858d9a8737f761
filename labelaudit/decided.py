"""What people decided of a dataset's rows, and what follows for its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labelaudit.decision import Ruling
from labelaudit.labels import NO_CLASS
from labelaudit.records import IntArray, SampleTable


@dataclass(frozen=True)
class Decided:
    """What people decided of a dataset's rows: trusted as the truth from then on. Columns of length N.

    Attributes:
        ruling: What was said; None where nobody decided.
        label: Index of the class, where the ruling is ``label``; else ``NO_CLASS``.
        before: Index of the class that a decided row had before it was put right, where that is known and is a class;
            else ``NO_CLASS``.
    """

    ruling: Sequence[Ruling | None]
    label: IntArray
    before: IntArray

    @classmethod
    def nothing(cls, count: int) -> Decided:
        """Nobody has decided anything about ``count`` rows."""
        none = np.full(count, NO_CLASS, dtype=np.int32)
        return cls([None] * count, none, none.copy())

    def __len__(self) -> int:
        """How many rows were decided."""
        return sum(each is not None for each in self.ruling)

    @property
    def known(self) -> NDArray[np.bool_]:
        """True where a class was decided, (N,)."""
        known: NDArray[np.bool_] = self.label != NO_CLASS
        return known

    def over(self, given: IntArray) -> IntArray:
        """Given labels (N,) with the decided ones in their place."""
        return np.where(self.known, self.label, given).astype(np.int32)

    def undone(self, given: IntArray) -> IntArray:
        """Given labels (N,) as they were before people put any of them right."""
        return np.where(self.before != NO_CLASS, self.before, given).astype(np.int32)

    def relabelled(self, table: SampleTable) -> SampleTable:
        """The dataset under the decided labels."""
        if not self.known.any():
            return table
        names = list(table.given_label)
        for row in np.flatnonzero(self.known).tolist():
            names[row] = table.labels.names[self.label[row]]
        return replace(table, given_label=names)

    def rows(self, ruling: Ruling) -> NDArray[np.bool_]:
        """True where this was said, (N,)."""
        return np.array([each is ruling for each in self.ruling], dtype=bool)
