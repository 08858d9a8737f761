"""Classes whose guideline is to be doubted: not a thousand single errors, but a class that people did not agree on.

A class is doubted where, among its judged rows,

- ``ONE_WAY`` of them look like one other class, ``PULL`` times as often as that class is large: they were not drawn
  there by its size alone;
- or ``ASTRAY`` of them look like other classes, whichever: it cannot be told apart.

Where wrong labels are slips, unrelated to their pictures (``planted``), nothing is doubted: a rare class then holds
more slips than labels of its own, and looks as if it were not understood.

Looked at on two draws of each task of ``examples/benchmarks`` that no figure is reported on: on ``one-vote`` fear,
disgust and contempt are named, of which 60 to 80 % of the labels are not what most people say; on ``fer2013`` fear
(88 %) and disgust; on ``flips`` none. FER2013's *sad*, of which half is what most call neutral, is not found: a class
that was defined so for all of its rows looks like agreement to models that learned from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.report.words import counted, percent

ONE_WAY = 0.4
PULL = 1.5
ASTRAY = 0.6
SLIPS = 0.5
"""Share of second opinions among planted errors below which wrong labels are mostly slips."""
_LEAST_ROWS = 30


@dataclass(frozen=True)
class GuidelineDoubt:
    """A class of which many rows look like other classes.

    Attributes:
        given: The class.
        looks_like: The other class that most of them look like.
        one_way: Whether they mostly look like that one; else like several.
        rows: Rows that look like that class, or where it is several, like any other.
        share: Of the judged rows.
    """

    given: str
    looks_like: str
    one_way: bool
    rows: int
    share: float

    @property
    def sentence(self) -> str:
        """``guideline of fear: 104 of its labels (42 %) look like surprise``."""
        most = f"look like {self.looks_like}" if self.one_way else f"look like other classes, mostly {self.looks_like}"
        labels = counted(self.rows, "label", "labels")
        return f"guideline of {self.given}: {labels} of it ({percent(self.share, digits=0)}) {most}"


def doubted_guidelines(
    suggested: NDArray[np.int64], judged: NDArray[np.int64], classes: Sequence[str], *, second_opinion: float | None
) -> tuple[GuidelineDoubt, ...]:
    """Classes whose guideline is to be doubted, the largest share first.

    Args:
        suggested: Rows of any verdict by given and suggested class, (K, K).
        judged: Judged rows of each given class, (K,).
        classes: The K classes.
        second_opinion: Share of second opinions among planted errors; None = not known.
    """
    if second_opinion is not None and second_opinion < SLIPS:
        return ()
    found = []
    size = judged / max(int(judged.sum()), 1)
    for k, label in enumerate(classes):
        if judged[k] < _LEAST_ROWS:
            continue
        j = int(suggested[k].argmax())
        rows, astray = int(suggested[k, j]), int(suggested[k].sum())
        share = rows / int(judged[k])
        if share >= ONE_WAY and share >= PULL * size[j]:
            found.append(GuidelineDoubt(label, classes[j], True, rows, share))
        elif astray >= ASTRAY * judged[k]:
            found.append(GuidelineDoubt(label, classes[j], False, astray, astray / int(judged[k])))
    return tuple(sorted(found, key=lambda each: -each.share))
