"""How many of the given labels that a person looked at were wrong, with an interval, counted as decisions come in.

Counted are decided faces that have a given label: a class, "not a face" or "ambiguous". Wrong are those that were given
another class, and those that show no face; an ambiguous face counts as not wrong, a skipped one does not count.

The interval is Wilson's at 95 %: with n counted, share p and z = 1.96, it is
(p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n) (Wilson 1927). It stays inside [0, 1] and is honest
for small n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from labelaudit.decision import Decision, Ruling
from labelaudit.records import JsonDict
from labelaudit.report.metadata import Estimate

_Z = 1.959963984540054
"""Half of 5 % of a normal distribution lies beyond it."""


def wilson(part: int, whole: int) -> Estimate:
    """A share and its interval.

    Args:
        part: In [0, whole].
        whole: At least 1.
    """
    share, z2 = part / whole, _Z * _Z / whole
    middle = (share + z2 / 2) / (1 + z2)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / 4)) / (1 + z2)
    return Estimate(share, max(middle - half, 0.0), min(middle + half, 1.0))


def finds_wrong(decision: Decision, given: str | None) -> bool | None:
    """Whether a decision says that the given label is wrong; None where it is not counted."""
    if given is None or decision.ruling in (Ruling.SKIP, Ruling.WITHDRAWN):
        return None
    return decision.ruling is Ruling.NOT_A_FACE or (decision.ruling is Ruling.LABEL and decision.label != given)


@dataclass
class Tally:
    """One person's count; a later decision on a face replaces the earlier one."""

    _wrong: dict[str, bool] = field(default_factory=dict)
    _count: int = 0

    def note(self, decision: Decision, given: str | None) -> None:
        """Counts a decision."""
        self._count -= self._wrong.pop(decision.sample_id, False)
        wrong = finds_wrong(decision, given)
        if wrong is not None:
            self._wrong[decision.sample_id] = wrong
            self._count += wrong

    def to_json(self) -> JsonDict:
        """``counted``, ``wrong`` and the share with its interval; null where nothing is counted yet."""
        counted = len(self._wrong)
        share = wilson(self._count, counted) if counted else None
        return {
            "counted": counted,
            "wrong": self._count,
            "share": None if share is None else share.value,
            "low": None if share is None else share.low,
            "high": None if share is None else share.high,
        }
