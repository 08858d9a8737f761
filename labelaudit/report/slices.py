"""Slices as a report keeps them: how many labels are wrong among the rows that have a value in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labelaudit.report.estimate import Estimate, Matrix, read_estimate, read_matrix


@dataclass(frozen=True)
class SliceEstimate:
    """One slice: rows that have a value of a column in common.

    Attributes:
        value: The value.
        rows: Judged rows.
        noise_rate: Share of wrong labels, with its interval; None where no row was judged.
        others: Share of wrong labels that other rows of the same classes have; None where there are none.
        chance: Of being as far from the others where nothing differs, corrected for the number of slices that were
            asked about; None = too few rows to compare.
        differs: Whether chance alone does not explain how far it is from the others.
        small: Whether there are too few rows to compare.
        noise_matrix: P(given | true), as in the metadata; None where there are too few rows.
    """

    value: str
    rows: int
    noise_rate: Estimate | None
    others: float | None = None
    chance: float | None = None
    differs: bool = False
    small: bool = False
    noise_matrix: Matrix | None = None

    @property
    def worse(self) -> bool:
        """True where it has more wrong labels than the others."""
        return self.noise_rate is not None and self.others is not None and self.noise_rate.value > self.others


@dataclass(frozen=True)
class SliceColumn:
    """A column and its slices, those with most rows first."""

    name: str
    slices: tuple[SliceEstimate, ...]

    @property
    def differing(self) -> tuple[SliceEstimate, ...]:
        """The slices that differ, the surest first."""
        found = [each for each in self.slices if each.differs]
        return tuple(sorted(found, key=lambda each: (each.chance or 0.0, -each.rows)))


def read_slices(value: Any) -> tuple[SliceColumn, ...]:
    """What JSON made of slices.

    Raises:
        KeyError, TypeError: A value is missing or of another kind.
    """
    return tuple(SliceColumn(each["name"], tuple(map(_slice, each["slices"]))) for each in value)


def _slice(value: dict[str, Any]) -> SliceEstimate:
    typed = {"noise_rate": read_estimate(value["noise_rate"]), "noise_matrix": read_matrix(value["noise_matrix"])}
    return SliceEstimate(**{name: value[name] for name in SliceEstimate.__dataclass_fields__} | typed)
