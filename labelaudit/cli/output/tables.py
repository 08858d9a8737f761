"""The tables of the screen after an audit."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from labelaudit.cli.output.layout import add_row, columns
from labelaudit.cli.output.words import Glyphs, expected_wrong, number, percent, share_of, shown
from labelaudit.records import Reason, Verdict
from labelaudit.report.summary import ClassSummary, Summary

MARK_COLOURS = {
    Verdict.CLEAN: "#009E73",
    Verdict.AMBIGUOUS: "#E69F00",
    Verdict.MISLABELLED: "#D55E00",
    Verdict.UNDETERMINED: "#7F7F7F",
}
"""Okabe-Ito; only ever of a mark, never of a word."""

_UNJUDGED = {
    Reason.DECODE_ERROR: "unreadable",
    Reason.CLASS_TOO_SMALL: "in classes under {least}",
    Reason.NO_LABEL: "without a label",
    Reason.NOT_A_CLASS: "with a label that is no class",
    Reason.CLASS_UNKNOWN: "with a label that the model does not know",
    Reason.OFF_TOPIC: "that fit no class",
}


def verdict_table(summary: Summary, glyphs: Glyphs) -> Table:
    """Rows by verdict, with a remark each."""
    counts, pairs, wrong = summary.verdicts, summary.ambiguous_between, summary.mislabelled_precision
    unjudged = counts[Verdict.UNDETERMINED] + counts[Verdict.UNREADABLE]
    between = f"most often {pairs[0].first} / {pairs[0].second} ({number(pairs[0].count)})" if pairs else ""
    lines = [
        (
            Verdict.MISLABELLED,
            glyphs.mislabelled,
            "likely mislabelled",
            counts[Verdict.MISLABELLED],
            expected_wrong(wrong) if wrong else "",
        ),
        (Verdict.AMBIGUOUS, glyphs.ambiguous, "ambiguous", counts[Verdict.AMBIGUOUS], between),
        (Verdict.CLEAN, glyphs.clean, "clean", counts[Verdict.CLEAN], ""),
        (Verdict.UNDETERMINED, glyphs.unjudged, "not judged", unjudged, _why_unjudged(summary)),
    ]
    table = columns("left", "right", "right", "left")
    for verdict, mark, name, rows, remark in lines:
        if verdict is Verdict.UNDETERMINED and rows == 0:
            continue
        marked = Text(mark, style=MARK_COLOURS[verdict]).append(f" {name}", style="default")
        add_row(table, [marked, number(rows), share_of(rows, summary.rows), shown(remark)])
    return table


def _why_unjudged(summary: Summary) -> str:
    least = summary.settings["verdict"]["min_class_size"]
    found = [
        f"{number(summary.reasons[reason])} {words.format(least=least)}"
        for reason, words in _UNJUDGED.items()
        if summary.reasons[reason]
    ]
    return ", ".join(found)


def class_table(classes: Iterable[ClassSummary], glyphs: Glyphs) -> Table:
    """One line a class: verdicts, thresholds, and what its mislabelled rows most often are."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("class", overflow="ellipsis", no_wrap=True, max_width=14)
    for name in ("given", "mislabelled", "ambiguous", f"clean {glyphs.at_least}", f"noisy {glyphs.at_most}"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("often really", overflow="ellipsis", no_wrap=True)
    for each in classes:
        really = "" if each.really is None else f"{each.really} ({number(each.really_count)})"
        table.add_row(
            Text(shown(each.label)),
            number(each.given),
            _part(each.mislabelled, each.given),
            _part(each.ambiguous, each.given),
            _threshold(each.clean_threshold, glyphs),
            _threshold(each.noisy_threshold, glyphs),
            Text(shown(really)),
        )
    return table


def _part(rows: int, whole: int) -> str:
    """Rows and their share, so wide that shares stand below each other."""
    return f"{number(rows)} {share_of(rows, whole):>7}"


def _threshold(value: float | None, glyphs: Glyphs) -> str:
    return glyphs.dash if value is None else f"{value:.2f}"


def pair_table(summary: Summary) -> Table:
    """The pairs of classes that mislabelled rows stand between."""
    table = columns("left", "left", "right")
    for pair in summary.confused:
        add_row(table, [shown(pair.first), shown(pair.second), number(pair.count)])
    return table


def worst_table(summary: Summary, glyphs: Glyphs) -> Table:
    """The rows to ask about first."""
    table = columns("right", "left", "left", "right", "left")
    for row in summary.worst:
        suggested = glyphs.dash if row.suggested_label is None else row.suggested_label
        chance = percent(row.p_mislabelled, digits=0)
        add_row(table, [number(row.queue_rank), shown(row.given_label), shown(suggested), chance, shown(row.sample_id)])
    return table
