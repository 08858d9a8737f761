"""Numbers and names as people read them: one voice for every command."""

from __future__ import annotations

from dataclasses import dataclass

from labelaudit.report.words import counted as counted
from labelaudit.report.words import expected_wrong as expected_wrong
from labelaudit.report.words import interval as interval
from labelaudit.report.words import number as number
from labelaudit.report.words import percent as percent
from labelaudit.report.words import share_of as share_of
from labelaudit.report.words import shown as shown


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
