"""What a gate may be told: how much of what is too much, overall and a class.

A limit is written as a count (``25``: that many files), as a share (``2%`` or ``0.02``), or as ``trained``: not
significantly worse than the data that the model was trained on. A class in front makes it that class's: ``happy=1%``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from labelaudit.errors import GateError

_COUNT = re.compile(r"\d{1,18}")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?|\.\d+)\s*%|([01]?\.\d+|1\.0*)")


class Kind(StrEnum):
    """What is limited. ``Kind`` is a part of rule ids and test names, so its words never change."""

    UNREADABLE = "unreadable"
    """Files that cannot be decoded."""
    CONFLICTS = "conflicts"
    """Files whose picture also stands in the report under another label."""
    MISLABELLED = "mislabelled"
    """Files with the verdict ``mislabelled``."""
    AMBIGUOUS = "ambiguous"
    """Files with the verdict ``ambiguous``."""
    DRIFT = "drift"
    """How well the pictures can be told from the training data's: 0 = not at all, 1 = every one."""
    LEAKAGE = "leakage"
    """Files that show a picture that the model was trained on."""
    CLASS_COUNT = "class-count"
    """Readable files of each class: the only limit that asks for enough instead of forbidding too much."""

    @property
    def of_rows(self) -> bool:
        """True where single files are found, and can be named."""
        return self in (Kind.UNREADABLE, Kind.CONFLICTS, Kind.MISLABELLED, Kind.AMBIGUOUS)


class FailOn(StrEnum):
    """What a share must pass to fail."""

    CI_LOWER = "ci-lower"
    """The lower end of its interval: it is sure that too many are wrong, and a small batch does not fail by chance."""
    ESTIMATE = "estimate"
    """The share itself, as it is counted."""


@dataclass(frozen=True, slots=True)
class Count:
    """So many files; counted and never estimated."""

    files: int

    def __str__(self) -> str:
        return f"{self.files:,}"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the files, in [0, 1]."""

    share: float

    def __str__(self) -> str:
        return f"{100 * self.share:.6g} %"


@dataclass(frozen=True, slots=True)
class Trained:
    """No significantly more and surer findings than in the data that the model was trained on."""

    def __str__(self) -> str:
        return "trained"


Bound = Count | Share | Trained


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    Attributes:
        kind: What is limited.
        bound: How much is allowed; of ``Kind.CLASS_COUNT``, how much is asked for.
        label: The class whose files it looks at; None = all.
    """

    kind: Kind
    bound: Bound
    label: str | None = None

    def __post_init__(self) -> None:
        name = f"a limit on {self.kind}"
        if isinstance(self.bound, Trained) and (self.kind is not Kind.MISLABELLED or self.label is not None):
            raise GateError(f"{name} cannot be 'trained'; only the one on all mislabelled files can: give a number")
        if self.kind is Kind.DRIFT and not isinstance(self.bound, Share):
            raise GateError(f"{name} is a strength from 0 to 1, not {self.bound}; write it as 0.3")
        if self.kind is Kind.CLASS_COUNT and not isinstance(self.bound, Count):
            raise GateError(f"{name} is a number of files, not {self.bound}; write it as 50")
        if self.kind in (Kind.DRIFT, Kind.LEAKAGE) and self.label is not None:
            raise GateError(f"{name} holds for the batch as a whole; leave {self.label!r} out")


DEFAULT_LIMITS = (
    Limit(Kind.UNREADABLE, Count(0)),
    Limit(Kind.CONFLICTS, Count(0)),
    Limit(Kind.MISLABELLED, Trained()),
)
"""What holds where nothing is said: certain defects fail, suspected ones where they are significantly more."""


def parse_bound(value: object, *, name: str) -> Bound:
    """Reads a count, a share or ``trained``.

    Args:
        value: Text of a flag, or a value of a TOML file: whole numbers are counts, others shares.
        name: Of the option, for messages.

    Raises:
        GateError: It is none of them.
    """
    found: Bound | None = None
    if isinstance(value, str):
        found = _parse_text(value.strip())
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        found = Count(value)
    elif isinstance(value, float) and 0.0 <= value <= 1.0:
        found = Share(value)
    if found is None:
        raise GateError(f"{name} cannot be {value!r}; write a share (2%, 0.02) or a number of files (25)")
    return found


def _parse_text(text: str) -> Bound | None:
    if text == "trained":
        return Trained()
    if _COUNT.fullmatch(text):
        return Count(int(text))
    match = _SHARE.fullmatch(text)
    if match is None:
        return None
    share = float(match[1]) / 100 if match[1] else float(match[2])
    return Share(share) if share <= 1.0 else None


def parse_limit(kind: Kind, text: str, *, name: str) -> Limit:
    """Reads what stands behind a flag: ``2%``, ``25`` or, for a class, ``happy=1%``.

    Raises:
        GateError: It is no limit.
    """
    label, is_class, bound = text.rpartition("=")
    if is_class and not label.strip():
        raise GateError(f"{name} {text!r} names no class before the =; write happy=1% or 1%")
    return Limit(kind, parse_bound(bound, name=name), label.strip() if is_class else None)


def merged(*layers: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Limits of several places in one order: of each kind and class the last one that was said holds."""
    last = {(limit.kind, limit.label): limit for layer in layers for limit in layer}
    order = list(Kind)
    return tuple(sorted(last.values(), key=lambda limit: (order.index(limit.kind), limit.label or "")))
