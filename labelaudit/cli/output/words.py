"""Numbers and names as people read them: one voice for every command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labelaudit.report.metadata import Estimate


@dataclass(frozen=True)
class Glyphs:
    """Signs that a terminal may or may not be able to show.

    Attributes:
        dot: Between the parts of a heading.
        dash: Where there is no number.
        at_least, at_most: Before a threshold.
        clean, ambiguous, mislabelled, unjudged: Marks beside the verdicts, one shape each.
        by: Between width and height.
        bar: What a bar is made of.
    """

    dot: str
    dash: str
    at_least: str
    at_most: str
    clean: str
    ambiguous: str
    mislabelled: str
    unjudged: str
    by: str
    bar: str


UNICODE = Glyphs("·", "–", "≥", "≤", "●", "▲", "■", "–", "×", "━")
ASCII = Glyphs("|", "-", ">=", "<=", "o", "^", "#", "-", "x", "=")


def glyphs_for(encoding: str) -> Glyphs:
    """The signs that an encoding has."""
    try:
        "·–≥≤●▲■×━".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


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


def interval(estimate: Estimate) -> str:
    """The ends of an estimate, ``(76 to 85 %)``; empty where it has none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"({100 * estimate.low:.0f} to {100 * estimate.high:.0f} %)"


def expected_wrong(estimate: Estimate, *, of_them: bool = True) -> str:
    """``expect 81 % of them wrong (76 to 85 %)``."""
    words = f"expect {percent(estimate.value, digits=0)}{' of them' if of_them else ''} wrong"
    return f"{words} {interval(estimate)}".rstrip()


def duration(seconds: float) -> str:
    """``0.4 s``, ``61 s``, ``3 min 12 s``, ``2 h 5 min``."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def rate(per_second: float) -> str:
    """Units a second: ``1,310/s``, ``12/s``, ``3.2/s``, ``0.05/s``."""
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.2g}/s"


def shown(text: str) -> str:
    """Text safe to print on one line: line breaks, escape sequences and broken characters are spelled out."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
