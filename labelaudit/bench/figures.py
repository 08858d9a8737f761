"""The figures of a bench: three a task, one idea each, as SVG and as PNG.

Shown are the audit, the oracle and the best baseline; lines carry their names, bands span the seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from labelaudit.bench.curves import Band, found_by_looks, precision_recall, reliability
from labelaudit.bench.folder import BenchDir, Result
from labelaudit.bench.methods import Method
from labelaudit.bench.summary import BenchSummary, TaskSummary
from labelaudit.report.svg import INK, SUGGESTION, drawing
from labelaudit.report.words import counted, number, percent
from labelaudit.rundir import written_aside

_WIDE, _HIGH = 480, 330
_GRID = "#D9D9D9"
_DPI = 200
_STYLES = (
    (SUGGESTION, "-", "o"),
    ("#D55E00", "-", "s"),
    ("#7F7F7F", "--", "^"),
)
"""Colour, line and mark of the audit, the best baseline, the oracle."""


@dataclass(frozen=True)
class SavedFigure:
    """A figure on disk.

    Attributes:
        path: Of the PNG, relative to the bench's folder; the SVG stands beside it.
        alt: Its finding in words.
        caption: What is drawn, and from how many labels.
    """

    path: str
    alt: str
    caption: str


def save_figures(
    folder: BenchDir, summary: BenchSummary, results: Mapping[str, Sequence[Result]]
) -> dict[str, list[SavedFigure]]:
    """Draws and saves what each task has to show.

    Args:
        folder: Where to.
        summary: Which baseline is the best of each task.
        results: Of each task.

    Returns:
        Name of a task -> its figures.
    """
    folder.figures.mkdir(exist_ok=True)
    return {task.task: _task_figures(folder, task, results[task.task]) for task in summary.tasks}


def _task_figures(folder: BenchDir, task: TaskSummary, results: Sequence[Result]) -> list[SavedFigure]:
    shown = [method for method in (Method.OURS, task.best_baseline, Method.ORACLE) if method is not None]
    by_method = {method: [each for each in results if each.method is method] for method in shown}
    by_method = {method: own for method, own in by_method.items() if own}
    firm_wrong = all(each.wrong[each.firm].any() for own in by_method.values() for each in own)
    if not by_method or not firm_wrong:
        return []
    seeds = counted(max(map(len, by_method.values())), "seed", "seeds")
    origin = f"{counted(task.rows, 'label', 'labels')} of the task {task.task}, {seeds}; bands span the seeds."
    styles = dict(zip((Method.OURS, task.best_baseline, Method.ORACLE), _STYLES, strict=True))
    figures = []
    for name, draw in (
        ("precision-recall", _draw_precision_recall),
        ("found", _draw_found),
        ("calibration", _draw_calibration),
    ):
        with drawing(f"{task.task}-{name}", width=_WIDE, height=_HIGH) as (figure, axes):
            alt = draw(axes, by_method, styles, task)
            axes.grid(color=_GRID)
            for spine in axes.spines.values():
                spine.set_color(_GRID)
            path = folder.figures / f"{task.task}-{name}.png"
            _save(figure, path)
        figures.append(SavedFigure(f"{folder.figures.name}/{path.name}", alt, origin))
    return figures


_Styles = Mapping[Method | None, tuple[str, str, str]]
_ByMethod = Mapping[Method, Sequence[Result]]


def _draw_precision_recall(axes: Axes, by_method: _ByMethod, styles: _Styles, task: TaskSummary) -> str:
    bands = {method: precision_recall(own) for method, own in by_method.items()}
    _draw_bands(axes, bands, styles)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set(xlabel="recall of mislabelled labels", ylabel="precision (ambiguous labels left out)")
    _percent(axes, x=True)
    said = []
    for method in by_method:
        row = task.row(method)
        value = None if row is None else row.mean("ap")
        said.append(f"{method} {value:.3f}" if value is not None else str(method))
    return f"Average precision: {', '.join(said)}."


def _draw_found(axes: Axes, by_method: _ByMethod, styles: _Styles, task: TaskSummary) -> str:
    bands = {method: found_by_looks(own) for method, own in by_method.items()}
    _draw_bands(axes, bands, styles)
    last = float(max(band.x[-1] for band in bands.values()))
    most = float(max(band.high[-1] for band in bands.values()))
    axes.plot([0, most], [0, most], color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.annotate("every look finds one", (most, most), xytext=(4, -2), textcoords="offset points", va="top")
    axes.set(xlim=(0, last), ylim=(0, 1.06 * most), xlabel="labels looked at, worst first", ylabel="wrong labels found")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(int(value))))
        axis.set_major_locator(MaxNLocator(5, integer=True))
    looks = round(task.wrong * task.rows)
    parts = [f"{method} {number(round(float(np.interp(looks, band.x, band.y))))}" for method, band in bands.items()]
    return f"Wrong labels found after {number(looks)} looks, as many as there are: {', '.join(parts)}."


def _draw_calibration(axes: Axes, by_method: _ByMethod, styles: _Styles, task: TaskSummary) -> str:
    found = {method: reliability(own) for method, own in by_method.items()}
    bands = {method: band for method, band in found.items() if band is not None}
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
    for method, band in bands.items():
        colour, line, mark = styles[method]
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(band.x, band.y, color=colour, linestyle=line, marker=mark, markersize=4, label=str(method))
    axes.legend(frameon=False, loc="upper left")
    axes.set(
        xlim=(0, 1), ylim=(0, 1.02), xlabel="probability of a wrong label, as stated", ylabel="share that is wrong"
    )
    _percent(axes, x=True)
    parts = []
    for method in bands:
        row = task.row(method)
        value = None if row is None else row.mean("calibration")
        parts.append(f"{method} {percent(value)}" if value is not None else str(method))
    return f"Mean distance between stated and true share: {', '.join(parts)}."


def _draw_bands(axes: Axes, bands: Mapping[Method, Band], styles: _Styles) -> None:
    """Lines with their seeds' span, each named where it stands."""
    for method, band in bands.items():
        colour, line, _ = styles[method]
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(band.x, band.y, color=colour, linestyle=line, label=str(method))
    axes.legend(frameon=False, loc="lower left" if bands[Method.OURS].y[-1] < 1.5 else "lower right")


def _percent(axes: Axes, *, x: bool) -> None:
    for axis in (axes.xaxis, axes.yaxis) if x else (axes.yaxis,):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axis.set_major_locator(MaxNLocator(5))


def _save(figure: Figure, path: Path) -> None:
    """Writes the PNG and the SVG beside it; the same figure gives the same bytes."""
    for target, metadata in (
        (path, {"Software": None}),
        (path.with_suffix(".svg"), {"Date": None, "Creator": None, "Format": None, "Type": None}),
    ):
        with written_aside(target) as aside:
            figure.savefig(aside, format=target.suffix[1:], dpi=_DPI, facecolor="white", metadata=metadata)
