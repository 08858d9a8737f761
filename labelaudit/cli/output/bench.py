"""The screen of ``labelaudit bench``: of each task what the audit, the best baselines and the oracle reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labelaudit.cli.output.layout import SCREEN_LINES, labelled
from labelaudit.cli.output.words import Glyphs, counted, glyphs_for, number, percent, shown

if TYPE_CHECKING:
    from labelaudit.bench.summary import BenchSummary, MethodRow, TaskSummary

_COLUMNS = (
    ("ap", "AP", 3),
    ("p500", "P@500", 3),
    ("f1", "F1", 2),
    ("macro_f1", "3-way", 2),
    ("calibration", "calib", 3),
    ("test_accuracy", "test", 3),
)
_NAME, _CELL, _SPREAD = 22, 5, 20
"""Widths in signs: of a method's name, of a figure, of a figure with its spread."""
_ALWAYS = ("ours", "oracle")
_OTHER_LINES = 11
"""Of the screen: heading, table's head, what is said below, the prompt."""
_READ = (
    "F1 (of the verdict mislabelled) and 3-way (macro F1): ours by its verdicts, baselines by the best two "
    "thresholds, chosen on the truth; F1 of cleanlab-issues and gmm by what they flag."
)


def print_bench(console: Console, summary: BenchSummary, *, out: Path, verbose: bool) -> None:
    """Prints what a bench found.

    Args:
        console: Where to.
        summary: Means and spreads.
        out: The bench's folder.
        verbose: Every method of every task, and what was assumed.
    """
    glyphs = glyphs_for(console.encoding)
    name = shown(summary.dataset)
    heading = Text(f" {name} {glyphs.dot} {_seeds(summary)} {glyphs.dot} {_network(summary)} on {summary.device}")
    heading.stylize("bold", 1, 1 + len(name))
    console.print("")
    console.print(heading)
    count = (SCREEN_LINES - _OTHER_LINES) // len(summary.tasks) - 1
    hidden = 0
    several = any(len(row.seeds) > 1 for task in summary.tasks for row in task.methods)
    for place, task in enumerate(summary.tasks):
        listed = list(task.methods) if verbose else _chosen(task, count)
        hidden += len(task.methods) - len(listed)
        console.print(_table(listed, glyphs, several=several, head=_sentence(task), columns=place == 0))
    if hidden:
        console.print(Text(f" and {counted(hidden, 'row', 'rows')} more: --verbose", style="dim"))
    console.print(labelled("Read:", _READ))
    if verbose:
        console.print(labelled("Assumed:", f"{'; '.join(map(shown, summary.notes))}."))
    console.print(labelled("Files:", f"bench.md with every figure, results.csv and figures in {shown(str(out))}"))


def _sentence(task: TaskSummary) -> str:
    text = f"{task.task}: {number(task.rows)} labels, {percent(task.wrong)} wrong"
    if task.gap_closed is None:
        return text
    return f"{text}; {percent(task.gap_closed, digits=0)} of the gap to the oracle closed"


def _chosen(task: TaskSummary, count: int) -> list[MethodRow]:
    """The audit, the oracle and the best baseline, and of the others the best while there is room, in their order."""
    kept = {row.method for row in task.methods if row.method in _ALWAYS or row.method is task.best_baseline}
    others = [row.method for row in task.methods if row.method not in kept]
    kept.update(others[: max(count - len(kept), 0)])
    return [row for row in task.methods if row.method in kept]


def _table(rows: Sequence[MethodRow], glyphs: Glyphs, *, several: bool, head: str, columns: bool) -> Table:
    """A task's sentence over its rows; columns stand below those of the task before."""
    title = Text(f" {head}", style="bold")
    table = Table(box=None, header_style="dim", show_header=columns, title=title, title_justify="left")
    table.add_column("method", overflow="ellipsis", no_wrap=True, width=_NAME)
    for name, word, _ in _COLUMNS:
        with_spread = several and name == "ap"
        table.add_column(
            f"{word} (over seeds)" if with_spread else word,
            justify="left" if with_spread else "right",
            no_wrap=True,
            width=_SPREAD if with_spread else _CELL,
        )
    for row in rows:
        cells = [_cell(row, name, digits, glyphs, several=several) for name, _, digits in _COLUMNS]
        table.add_row(str(row.method), *cells, style="bold" if row.method == "ours" else "")
    return table


def _cell(row: MethodRow, name: str, digits: int, glyphs: Glyphs, *, several: bool) -> str:
    spread = row.figures[name]
    if spread is None:
        return glyphs.dash
    if several and name == "ap":
        return f"{spread.mean:.3f} ({spread.low:.2f} to {spread.high:.2f})"
    return f"{spread.mean:.{digits}f}"


def _seeds(summary: BenchSummary) -> str:
    return counted(max(len(row.seeds) for task in summary.tasks for row in task.methods), "seed", "seeds")


def _network(summary: BenchSummary) -> str:
    nets, training = summary.settings["nets"], summary.settings["training"]
    return f"{shown(str(nets['backbone']))}, {training}, {counted(int(summary.settings['folds']), 'fold', 'folds')}"
