"""The screen of ``labelaudit bench``: of each task what the audit, the best baseline and the oracle reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labelaudit.cli.output.layout import labelled
from labelaudit.cli.output.words import Glyphs, counted, glyphs_for, number, percent, shown

if TYPE_CHECKING:
    from labelaudit.bench.summary import BenchSummary, MethodRow, TaskSummary

_SHOWN = (
    ("ap", "AP", 3),
    ("p500", "P@500", 3),
    ("f1", "F1", 2),
    ("macro_f1", "3-way", 2),
    ("calibration", "calib", 3),
    ("test_accuracy", "test", 3),
)
_READ = (
    "F1 of the verdict mislabelled and 3-way agreement (macro F1) are the audit's own; baselines are given the best two "
    "thresholds, chosen on the truth. test: accuracy of the trained model on clean faces."
)
_PARTS = ("ours", "ridge", "oracle")
"""Always shown; of the others, the best ones, until the screen is full."""
_SCREEN_ROWS = 14
"""Of all tasks together, that leave room for their headings on one screen."""


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
    rows = max(_SCREEN_ROWS // max(len(summary.tasks), 1), 3)
    hidden = 0
    for task in summary.tasks:
        listed = list(task.methods) if verbose else _chosen(task, rows)
        hidden += len(task.methods) - len(listed)
        console.print("")
        console.print(_sentence(task))
        console.print(_table(listed, glyphs, task))
    console.print("")
    if hidden:
        console.print(Text(f" and {counted(hidden, 'row', 'rows')} more: --verbose", style="dim"))
    console.print(labelled("Read:", _READ))
    if verbose:
        console.print(labelled("Assumed:", f"{'; '.join(map(shown, summary.notes))}."))
    console.print(labelled("Files:", f"{shown(str(out))}: bench.md with every figure, results.csv, figures/"))


def _sentence(task: TaskSummary) -> Text:
    text = f" {task.task}: {number(task.rows)} labels, {percent(task.wrong)} wrong"
    if task.gap_closed is not None:
        text += f"; {percent(task.gap_closed, digits=0)} of the gap to the oracle closed"
    line = Text(text, overflow="fold")
    line.stylize("bold", 1, 1 + len(task.task))
    return line


def _chosen(task: TaskSummary, count: int) -> list[MethodRow]:
    """The audit, its parts and the oracle, and the best baselines beside them, in their order."""
    room = count - sum(str(row.method) in _PARTS for row in task.methods)
    best = [row.method for row in task.methods if str(row.method) not in _PARTS][: max(room, 1)]
    return [row for row in task.methods if str(row.method) in _PARTS or row.method in best]


def _table(rows: Sequence[MethodRow], glyphs: Glyphs, task: TaskSummary) -> Table:
    several = any(len(row.seeds) > 1 for row in rows)
    used = [each for each in _SHOWN if any(row.figures[each[0]] is not None for row in task.methods)]
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("method", overflow="ellipsis", no_wrap=True, max_width=22)
    for name, head, _ in used:
        table.add_column(head, justify="left" if name == "ap" and several else "right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for row in rows:
        cells = []
        for name, _, digits in used:
            value = row.figures[name]
            if value is None:
                cells.append(glyphs.dash)
            elif name == "ap" and several:
                cells.append(f"{value.mean:.3f} ({value.low:.2f} to {value.high:.2f})")
            else:
                cells.append(f"{value.mean:.{digits}f}")
        seconds = row.mean("seconds")
        style = "bold" if str(row.method) == "ours" else ""
        table.add_row(str(row.method), *cells, glyphs.dash if seconds is None else f"{seconds:,.0f} s", style=style)
    return table


def _seeds(summary: BenchSummary) -> str:
    return counted(max(len(row.seeds) for task in summary.tasks for row in task.methods), "seed", "seeds")


def _network(summary: BenchSummary) -> str:
    nets, training = summary.settings["nets"], summary.settings["training"]
    return f"{shown(str(nets['backbone']))}, {training}, {counted(int(summary.settings['folds']), 'fold', 'folds')}"
