"""Something to be fuzzed: whole files, and what reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .spoil import Spoil, spoil_bytes


@dataclass(frozen=True)
class Prepared:
    """A target that lies ready.

    Attributes:
        files: Those that may be spoilt.
        read: Reads them; raises nothing but a ``LabelAuditError`` of one line.
        spoil: How.
    """

    files: Sequence[Path]
    read: Callable[[], object]
    spoil: Sequence[Spoil] = (spoil_bytes,)


@dataclass(frozen=True)
class Target:
    """Something to be fuzzed.

    Attributes:
        name: For people.
        prepare: Puts whole files into an empty folder.
        weight: Share of the time, relative to others.
    """

    name: str
    prepare: Callable[[Path], Prepared] = field(repr=False)
    weight: float = 1.0
