"""Numbers and names as people read them: one voice for the terminal and for pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the terminal starts without numpy
    from labelaudit.report.metadata import Estimate

_REASONS = 3
"""Reasons for distrust that a line has room for."""


def number(count: int) -> str:
    """12345 -> ``12,345``."""
    return f"{count:,}"


def counted(count: int, singular: str, plural: str) -> str:
    """A number and its noun: ``1 face``, ``2,000 faces``."""
    return f"{count:,} {singular if count == 1 else plural}"


def percent(share: float, *, digits: int = 1) -> str:
    """0.127 -> ``12.7 %``."""
    return f"{100 * share:.{digits}f} %"


def share_of(part: int, whole: int) -> str:
    """A part as a percentage; empty where there is no whole."""
    return percent(part / whole) if whole else ""


def distrust_sentence(distrust: Sequence[str]) -> str:
    """Why verdicts are not to be trusted: the first three of at least one reason."""
    more = len(distrust) - _REASONS
    listed = [*distrust[:_REASONS], *([f"and {counted(more, 'more reason', 'more reasons')}"] if more > 0 else [])]
    return f"these verdicts are not to be trusted: {'; '.join(listed)}"


def chance(p: float) -> str:
    """A probability without false certainty: ``43 %``, ``over 99 %``, ``under 1 %``."""
    if p > 0.99:
        return "over 99 %"
    return "under 1 %" if p < 0.01 else percent(p, digits=0)


def interval(estimate: Estimate) -> str:
    """The ends of an estimate, ``(76 to 85 %)``; empty where it has none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"({100 * estimate.low:.0f} to {100 * estimate.high:.0f} %)"


def expected_wrong(estimate: Estimate, *, of_them: bool = True) -> str:
    """``expect 81 % of them wrong (76 to 85 %)``."""
    words = f"expect {chance(estimate.value)}{' of them' if of_them else ''} wrong"
    return f"{words} {interval(estimate)}".rstrip()


def shown(text: str) -> str:
    """Text safe to print on one line: line breaks, escape sequences and broken characters are spelled out."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
