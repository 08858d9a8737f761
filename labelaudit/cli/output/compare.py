"""The screen of ``labelaudit compare``: what became of flagged labels, then the figures, then what else differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from labelaudit.cli.output.layout import SCREEN_LINES, add_row, columns, height, labelled
from labelaudit.cli.output.words import Glyphs, counted, glyphs_for, interval, number, percent, share_of, shown
from labelaudit.records import Verdict

if TYPE_CHECKING:
    from labelaudit.report.compare import ClassChange, Comparison
    from labelaudit.report.metadata import Estimate

_SETTINGS_SHOWN = 3
_DIFFERENT = "differ, so changes may come from them:"
_LEAST_CLASSES = 2
_UNJUDGED = (Verdict.UNDETERMINED, Verdict.UNREADABLE)
_SHOWN_VERDICTS = (
    ("clean", (Verdict.CLEAN,)),
    ("ambiguous", (Verdict.AMBIGUOUS,)),
    ("mislabelled", (Verdict.MISLABELLED,)),
    ("not judged", _UNJUDGED),
)


def print_comparison(console: Console, comparison: Comparison, *, out: Path | None, verbose: bool) -> None:
    """Prints what changed.

    Args:
        console: Where to.
        comparison: The two audits.
        out: The file that the changed rows were written to, or None.
        verbose: Every class and every setting, not only the first screen.
    """
    glyphs = glyphs_for(console.encoding)
    head: list[RenderableType] = ["", _heading(comparison, glyphs), "", _outcome_table(comparison)]
    head += [_facts(comparison), "", _transition_table(comparison), ""]
    last = _ending(comparison, out, verbose=verbose)
    classes = sorted(
        comparison.per_class, key=lambda each: -(abs(each.flagged_after - each.flagged_before) + each.flagged_after)
    )
    left = SCREEN_LINES - 2 - height(console, [*head, *last])  # the table's head, the prompt
    listed = classes if verbose or len(classes) <= left else classes[: max(left - 1, _LEAST_CLASSES)]
    for part in [*head, _class_table(listed, glyphs)]:
        console.print(part)
    if len(listed) < len(classes):
        more = counted(len(classes) - len(listed), "class", "classes")
        console.print(Text(f" and {more} more: --verbose", style="dim"))
    for part in last if len(listed) >= left else ["", *last]:
        console.print(part)


def _heading(comparison: Comparison, glyphs: Glyphs) -> Text:
    before, after = comparison.before, comparison.after
    name = shown(" -> ".join(dict.fromkeys((before.dataset, after.dataset))))
    same = counted(comparison.matched, "face", "faces")
    others = [
        f"{number(comparison.came)} came" if comparison.came else "",
        f"{number(comparison.left)} left" if comparison.left else "",
    ]
    text = Text(f" {name} {glyphs.dot} {', '.join(filter(None, [f'{same} in both audits', *others]))}")
    text.stylize("bold", 1, 1 + len(name))
    return text


def _outcome_table(comparison: Comparison) -> Table:
    found = comparison.outcomes
    fixed = [
        (found.fixed_relabelled, "relabelled"),
        (found.fixed_cleared, "no longer doubted"),
        (found.fixed_removed, "left"),
    ]
    table = columns("left", "right", "left")
    for word, rows, parts in (
        ("fixed", found.fixed, fixed),
        ("still there", found.still_there, [(found.still_relabelled, "of them under another label")]),
        (
            "new",
            found.new,
            [(found.new_samples, "of them came since"), (found.new_relabelled, "of them got another label")],
        ),
    ):
        remark = ", ".join(f"{number(part)} {words}" for part, words in parts if part)
        add_row(table, [word, number(rows), remark])
    return table


def _facts(comparison: Comparison) -> Table:
    before, after = comparison.before, comparison.after
    flagged = [f"{number(each.flagged)}, {share_of(each.flagged, each.rows)}" for each in (before, after)]
    rates = [_rate(each.noise_rate) for each in (before, after)]
    overlap = ", overlapping" if comparison.noise_rates_overlap else ""
    table = columns("left", "left")
    add_row(table, ["mislabelled", " -> ".join(flagged)])
    add_row(table, ["wrong labels", f"{' -> '.join(rates)}{overlap}"])
    return table


def _rate(estimate: Estimate | None) -> str:
    return "not estimated" if estimate is None else f"{percent(estimate.value)} {interval(estimate)}".rstrip()


def _transition_table(comparison: Comparison) -> Table:
    """Verdicts of the samples of both audits: a line each before, a column each now."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("before, and now:", no_wrap=True)
    for name, _ in _SHOWN_VERDICTS:
        table.add_column(name, justify="right", no_wrap=True)
    for name, before in _SHOWN_VERDICTS:
        counts = [
            sum(comparison.transitions[first][second] for first in before for second in now)
            for _, now in _SHOWN_VERDICTS
        ]
        if before != _UNJUDGED or any(counts):
            table.add_row(name, *map(number, counts))
    return table


def _class_table(classes: list[ClassChange], glyphs: Glyphs) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("class", overflow="ellipsis", no_wrap=True, max_width=14)
    for name in ("given", "now", "mislabelled", "now", "expected wrong", "now"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in classes:
        noise = [glyphs.dash if rate is None else percent(rate) for rate in (each.noise_before, each.noise_after)]
        rows = map(number, (each.given_before, each.given_after, each.flagged_before, each.flagged_after))
        table.add_row(Text(shown(each.label)), *rows, *noise)
    return table


def _ending(comparison: Comparison, out: Path | None, *, verbose: bool) -> list[RenderableType]:
    told = [
        (comparison.picture_changed, "other picture", "other pictures"),
        (comparison.moved, "other name, found by picture", "other names, found by picture"),
    ]
    also = [counted(rows, one, many) for rows, one, many in told if rows]
    if comparison.relabelled:
        top = comparison.relabelled[0]
        most = f"most often {_label(top.before)} -> {_label(top.after)} ({number(top.rows)})"
        also.insert(0, f"{counted(comparison.label_changed, 'label', 'labels')} changed, {most}")
    parts: list[RenderableType] = [labelled("Also:", shown("; ".join(also)))] if also else []
    differing = comparison.settings
    if differing and verbose:
        lines = [f"{each.name}: {each.before or 'none'} -> {each.after or 'none'}" for each in differing]
        parts.append(labelled("Settings:", "\n".join(map(shown, [_DIFFERENT, *lines]))))
    elif differing:
        names = [each.name for each in differing[:_SETTINGS_SHOWN]]
        names += [f"and {number(len(differing) - len(names))} more"] if len(differing) > len(names) else []
        parts.append(labelled("Settings:", shown(f"{_DIFFERENT} {', '.join(names)} (--verbose).")))
    if out is not None:
        rows = counted(comparison.changes.num_rows, "changed row", "changed rows")
        parts.append(labelled("File:", f"{rows} in {shown(str(out))}"))
    return parts


def _label(name: str | None) -> str:
    return "no label" if name is None else name
