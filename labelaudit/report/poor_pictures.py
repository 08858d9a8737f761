"""Where the blurred and the dark pictures sit: classes and slices that hold far more of them than the rest.

Blurred and dark are the lowest twentieth of sharpness and of brightness, so that no number of a camera's is needed. A
group holds too many where its share of them is at least ``TIMES`` that of the others, and chance (the hypergeometric
distribution, corrected for the number of groups by Bonferroni) does not explain it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray
from labelaudit.report.words import counted, percent

LOWEST = 0.05
TIMES = 2.0
_LEAST_ROWS = 20
_LEAST_POOR = 5
_ALARM = 0.01
_MOST_GROUPS = 3
_NONE = -1


@dataclass(frozen=True)
class PoorPictures:
    """A class or slice that holds many blurred or dark pictures.

    Attributes:
        measure: ``blurred`` or ``dark``.
        column: ``class``, or the name of a slice.
        value: Which one.
        rows: Its readable pictures.
        share: Of them that are among the lowest twentieth of all.
        others: The same of all other pictures.
    """

    measure: str
    column: str
    value: str
    rows: int
    share: float
    others: float


def find_poor_pictures(
    sharpness: FloatArray, brightness: FloatArray, groups: Mapping[str, Sequence[str | None]]
) -> tuple[PoorPictures, ...]:
    """Finds them, the most striking of each measure first.

    Args:
        sharpness: (N,), NaN where unreadable.
        brightness: (N,), NaN where unreadable.
        groups: ``class`` or name of a slice -> the value of each row, N of them.
    """
    found: list[PoorPictures] = []
    for measure, values in (("blurred", sharpness), ("dark", brightness)):
        readable = np.flatnonzero(np.isfinite(values))
        if len(readable) * LOWEST < _LEAST_POOR:
            continue
        poor = values[readable] <= np.quantile(values[readable], LOWEST)
        if poor.mean() > TIMES * LOWEST:  # most are equal: the measure tells them not apart
            continue
        standing = []
        tested = sum(len(set(each) - {None}) for each in groups.values())
        for column, names in groups.items():
            places = {name: place for place, name in enumerate(sorted({name for name in names if name is not None}))}
            code = np.array([_NONE if (name := names[row]) is None else places[name] for row in readable.tolist()])
            standing += _standing(poor, code, list(places), measure, column, tested)
        found += sorted(standing, key=lambda each: -each.share)[:_MOST_GROUPS]
    return tuple(found)


def _standing(
    poor: NDArray[np.bool_], code: NDArray[np.int64], names: Sequence[str], measure: str, column: str, tested: int
) -> list[PoorPictures]:
    """The groups of one column that stand out."""
    from scipy.stats import hypergeom  # slow to import

    inside = code >= 0
    size = np.bincount(code[inside], minlength=len(names))
    bad = np.bincount(code[inside], poor[inside], minlength=len(names)).astype(np.int64)
    total, all_bad = int(inside.sum()), int(bad.sum())
    found = []
    for place in np.flatnonzero((size >= _LEAST_ROWS) & (bad >= _LEAST_POOR) & (size < total)).tolist():
        share = bad[place] / size[place]
        others = (all_bad - bad[place]) / (total - size[place])
        chance = float(hypergeom.sf(bad[place] - 1, total, all_bad, size[place]))
        if share >= TIMES * others and chance * tested < _ALARM:
            found.append(PoorPictures(measure, column, names[place], int(size[place]), float(share), float(others)))
    return found


def poor_sentences(found: Sequence[PoorPictures]) -> tuple[str, ...]:
    """One sentence a measure that has something to say."""
    said = []
    for measure, word in (("blurred", "most blurred"), ("dark", "darkest")):
        mine = [each for each in found if each.measure == measure]
        if mine:
            where = ", ".join(
                f"{each.column} {each.value} ({percent(each.share, digits=0)} of its "
                f"{counted(each.rows, 'picture', 'pictures')}, {percent(each.others, digits=0)} elsewhere)"
                for each in mine
            )
            said.append(f"the {word} twentieth of the pictures is more often in {where}")
    return tuple(said)
