"""Single votes with who cast them: what counting votes throws away, and what the quality of an annotator needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ballots:
    """M votes, as columns of that length.

    Attributes:
        row: The sample that a vote is about, in [0, N).
        annotator: Index in ``annotators``.
        choice: Index of what was chosen, in the order of whoever holds the ballots; -1 = none of the choices.
        annotators: Names, each once.
    """

    row: NDArray[np.int64]
    annotator: NDArray[np.int32]
    choice: NDArray[np.int32]
    annotators: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.row)

    def on_rows(self, rows: NDArray[np.int64], size: int) -> Ballots:
        """Only the votes about some rows, which become rows 0, 1, 2 ...

        Args:
            rows: Row numbers in [0, size), each once.
            size: N.
        """
        place = np.full(size, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        found = place[self.row]
        kept = found >= 0
        return replace(self, row=found[kept], annotator=self.annotator[kept], choice=self.choice[kept])

    def counts(self, size: int, choices: int) -> NDArray[np.float32]:
        """Votes a row and choice, (N, C).

        Args:
            size: N.
            choices: C; every choice is in [0, C).
        """
        cells = np.bincount(self.row * choices + self.choice, minlength=size * choices)
        return cells.reshape(size, choices).astype(np.float32)

    def recoded(self, code: Sequence[int], *, none: int = -1) -> Ballots:
        """The same votes for other choices: choice ``k`` becomes ``code[k]``, and none of the choices ``none``."""
        return replace(self, choice=np.array([*code, none], dtype=np.int32)[self.choice])
