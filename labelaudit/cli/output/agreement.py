"""How well people agree, in a few lines, and in tables for who wants more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from labelaudit.cli.output.layout import add_row, columns, title
from labelaudit.cli.output.words import Glyphs, counted, number, percent, shown
from labelaudit.verdict.agreement import NO_CLASS_CHOICE

if TYPE_CHECKING:
    from labelaudit.verdict.agreement import Agreement
    from labelaudit.verdict.annotators import AnnotatorQuality
    from labelaudit.verdict.interval import Interval

_GOOD, _FAIR = 0.8, 0.667
"""Alpha from which data are reliable, and from which they allow tentative conclusions (Krippendorff 2004)."""
_PAIRS_SHOWN = 5


def agreement_facts(agreement: Agreement) -> dict[str, str]:
    """What the first screen says: a word for the margin, and the text beside it."""
    known = [(each.agreement, each.label) for each in agreement.per_choice if each.agreement is not None]
    ordered = sorted(each for each in known if each[1] != NO_CLASS_CHOICE)
    parts = [_alpha(agreement)]
    if len(ordered) > 1:
        (low, least), (high, most) = ordered[0], ordered[-1]
        parts.append(
            f"most on {most} ({percent(high, digits=0)} say it too), least on {least} ({percent(low, digits=0)})"
        )
    if agreement.disagreements:
        top = agreement.disagreements[0]
        parts.append(f"{percent(top.share, digits=0)} of disagreement is {top.first} / {top.second}")
    return {"Agree": "; ".join(parts), "People": _people(agreement)}


def agreement_tables(agreement: Agreement, glyphs: Glyphs) -> list[RenderableType]:
    """Every choice, the pairs that people are split between, and every annotator."""
    parts: list[RenderableType] = ["", title("Agreement: choice, votes, another annotator says it too, alpha")]
    table = columns("left", "right", "right", "right")
    for each in agreement.per_choice:
        share = glyphs.dash if each.agreement is None else percent(each.agreement)
        add_row(table, [shown(each.label), number(each.votes), share, _number(each.alpha, glyphs)])
    parts.append(table)
    if agreement.disagreements:
        table = columns("left", "left", "right")
        for pair in agreement.disagreements[:_PAIRS_SHOWN]:
            add_row(table, [shown(pair.first), shown(pair.second), percent(pair.share)])
        parts += ["", title("Split most between: share of all disagreement"), table]
    if agreement.annotators:
        parts += ["", _annotator_table(agreement.annotators, glyphs)]
    return parts


def _annotator_table(annotators: tuple[AnnotatorQuality, ...], glyphs: Glyphs) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("annotator", overflow="ellipsis", no_wrap=True, max_width=16)
    for name in ("votes", "as the others", "kappa", "right"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("most often says", overflow="ellipsis", no_wrap=True)
    for each in annotators:
        habit = "" if each.says is None else f"{each.says} for {each.others_say} ({number(each.differs)})"
        table.add_row(
            Text(_name(each)),
            number(each.votes),
            glyphs.dash if each.agreement is None else _share(each.agreement),
            _number(each.kappa, glyphs),
            percent(each.accuracy, digits=0),
            Text(shown(habit)),
        )
    return table


def _alpha(agreement: Agreement) -> str:
    alpha = agreement.alpha
    if alpha is None:
        return "all votes are the same"
    word = "good" if alpha.value >= _GOOD else "fair" if alpha.value >= _FAIR else "weak"
    kappas = {"Fleiss' kappa": agreement.fleiss_kappa, "Cohen's kappa": agreement.cohen_kappa}
    also = "".join(f", {name} {value:.2f}" for name, value in kappas.items() if value is not None)
    return f"alpha {alpha.value:.2f} ({alpha.low:.2f} to {alpha.high:.2f}), {word}{also}"


def _people(agreement: Agreement) -> str:
    known = [each for each in agreement.annotators if each.agreement is not None]
    if not known:
        return ""
    ends = [
        f"{percent(each.agreement.value, digits=0)} ({_name(each)})"
        for each in (known[0], known[-1])
        if each.agreement is not None
    ]
    people = counted(len(agreement.annotators), "annotator", "annotators")
    return f"{people} say what most others say in {' to '.join(dict.fromkeys(ends))} of their votes"


def _name(each: AnnotatorQuality) -> str:
    return shown(each.annotator) or "(no name)"


def _share(share: Interval) -> str:
    return f"{percent(share.value, digits=0)} ({100 * share.low:.0f} to {100 * share.high:.0f} %)"


def _number(value: float | None, glyphs: Glyphs) -> str:
    return glyphs.dash if value is None else f"{value:.2f}"
