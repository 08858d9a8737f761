"""Figures with their intervals, and matrices, as a report's JSON keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Matrix = tuple[tuple[float | None, ...], ...]
"""A row a true class, a column a given one; None where a class was not audited, or too few rows are of it."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: The figure, mostly a share in [0, 1].
        low, high: Ends of its interval; None where none was computed.
    """

    value: float
    low: float | None = None
    high: float | None = None


def read_estimate(value: Any) -> Estimate | None:
    """What JSON made of an estimate.

    Raises:
        TypeError: It is none.
    """
    return None if value is None else Estimate(**value)


def read_matrix(value: Any) -> Matrix | None:
    """What JSON made of a matrix.

    Raises:
        TypeError: It is none.
    """
    return None if value is None else tuple(tuple(row) for row in value)
