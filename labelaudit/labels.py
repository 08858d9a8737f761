"""Class names and their indices, in an order that is fixed once for a whole run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import SourceError

NO_CLASS = -1
"""Index of a label that is missing or stands outside the label space."""


@dataclass(frozen=True)
class LabelSpace:
    """The classes of a dataset, in a fixed order.

    Attributes:
        names: K distinct, non-empty class names. A class's index is its position here.
    """

    names: tuple[str, ...]
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index = {name: position for position, name in enumerate(self.names)}
        if len(index) != len(self.names):
            twins = sorted({name for name in self.names if self.names.count(name) > 1})
            raise SourceError(f"class names must be distinct, got {twins[0]!r} twice")
        if "" in index:
            raise SourceError("a class name must not be empty")
        object.__setattr__(self, "_index", index)

    @classmethod
    def from_labels(cls, labels: Iterable[str | None]) -> LabelSpace:
        """Collects the distinct names, in natural order: numbers by value, then words alphabetically."""
        return cls(tuple(sorted({label for label in labels if label is not None}, key=_natural)))

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def index(self, name: str | None) -> int:
        """Index of a class name in [0, K), or ``NO_CLASS`` where it is not one of the classes."""
        return NO_CLASS if name is None else self._index.get(name, NO_CLASS)

    def indices(self, labels: Sequence[str | None]) -> NDArray[np.int32]:
        """Indices of many names, shape (N,), ``NO_CLASS`` where a name is not one of the classes."""
        return np.fromiter((self.index(label) for label in labels), dtype=np.int32, count=len(labels))


_LONGEST_NUMBER = 40
"""Digits of a name that is a number; Python itself refuses some thousands."""


def _natural(name: str) -> tuple[int, int, str]:
    is_number = name.isdecimal() and len(name) <= _LONGEST_NUMBER
    return (0, int(name), name) if is_number else (1, 0, name)
