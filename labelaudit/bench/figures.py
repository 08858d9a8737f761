"""The figures of a bench: three a task, one idea each, as SVG and as PNG.

Shown are the audit, the oracle and the best baseline; for calibration the best calibrated one. Lines carry their names,
bands span the seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from labelaudit.bench.curves import Band, found_by_looks, precision_recall, reliability
from labelaudit.bench.folder import BenchDir, Result
from labelaudit.bench.methods import Method
from labelaudit.bench.metrics import CALIBRATION_BINS
from labelaudit.bench.summary import BenchSummary, TaskSummary
from labelaudit.report.svg import INK, SUGGESTION, drawing
from labelaudit.report.words import counted, number
from labelaudit.rundir import written_aside

_WIDE, _HIGH = 480, 330
_GRID = "#D9D9D9"
_DPI = 200
_YES_OR_NO = (Method.CLEANLAB_ISSUES, Method.CLEANLAB_ISSUES_CE)
"""State no probability between 0 and 1."""
_FIRST_NAME, _NEXT_NAME = 0.3, 0.18
"""Share of the way along at which the first line is named, and from one to the next: names do not meet."""
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
    if task.row(Method.OURS) is None or not all(each.wrong[each.firm].any() for each in results):
        return []
    seeds = counted(max(len(row.seeds) for row in task.methods), "seed", "seeds")
    origin = f"{counted(task.rows, 'label', 'labels')} of the task {task.task}, {seeds}; bands span the seeds."
    rated = [row for row in task.methods if row.method.is_baseline and row.method not in _YES_OR_NO]
    calibrated = sorted((error, row.method) for row in rated if (error := row.mean("calibration")) is not None)
    figures = []
    for name, draw, baseline in (
        ("precision-recall", _draw_precision_recall, task.best_baseline),
        ("found", _draw_found, task.best_baseline),
        ("calibration", _draw_calibration, calibrated[0][1] if calibrated else None),
    ):
        wanted = zip((Method.OURS, baseline, Method.ORACLE), _STYLES, strict=True)
        styles = {method: style for method, style in wanted if method is not None and task.row(method) is not None}
        by_method = {method: [each for each in results if each.method is method] for method in styles}
        with drawing(f"{task.task}-{name}", width=_WIDE, height=_HIGH) as (figure, axes):
            alt = draw(axes, by_method, styles, task)
            axes.grid(color=_GRID)
            for spine in axes.spines.values():
                spine.set_color(_GRID)
            path = folder.figures / f"{task.task}-{name}.png"
            _save_both(figure, path)
        figures.append(SavedFigure(f"{folder.figures.name}/{path.name}", alt, origin))
    return figures


_Styles = Mapping[Method, tuple[str, str, str]]
_ByMethod = Mapping[Method, Sequence[Result]]


def _draw_precision_recall(axes: Axes, by_method: _ByMethod, styles: _Styles, task: TaskSummary) -> str:
    bands = {method: precision_recall(own) for method, own in by_method.items()}
    _draw_bands(axes, bands, styles, room=(24, 20))
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set(xlabel="recall of mislabelled labels", ylabel="precision (ambiguous labels left out)")
    _percent(axes, x=True)
    return f"Average precision: {_said(by_method, task, 'ap')}."


def _draw_found(axes: Axes, by_method: _ByMethod, styles: _Styles, task: TaskSummary) -> str:
    bands = {method: found_by_looks(own) for method, own in by_method.items()}
    _draw_bands(axes, bands, styles, room=(26, -26))
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
    _draw_bands(axes, bands, styles, room=(26, -20))
    axes.set(
        xlim=(0, 1), ylim=(0, 1.02), xlabel="probability of a wrong label, as stated", ylabel="share that is wrong"
    )
    _percent(axes, x=True)
    return f"Mean distance between stated probability and true share: {_said(bands, task, 'calibration')}."


def _draw_bands(axes: Axes, bands: Mapping[Method, Band], styles: _Styles, *, room: tuple[int, int]) -> None:
    """Lines with their seeds' span, each named beside it, on the side where there is room: points right and up."""
    end = max(float(band.x[-1]) for band in bands.values())
    for place, (method, band) in enumerate(bands.items()):
        colour, line, mark = styles[method]
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=0.18, linewidth=0)
        few = len(band.x) <= CALIBRATION_BINS
        axes.plot(band.x, band.y, color=colour, linestyle=line, marker=mark if few else "", markersize=4)
        at = min(int(np.searchsorted(band.x, end * (_FIRST_NAME + _NEXT_NAME * place))), len(band.x) - 1)
        axes.annotate(
            str(method),
            (band.x[at], band.y[at]),
            xytext=room,
            textcoords="offset points",
            va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.9, "shrinkA": 1, "shrinkB": 0},
        )


def _said(methods: Iterable[Method], task: TaskSummary, figure: str) -> str:
    """``ours 0.912, loss 0.871``."""
    rows = [(method, task.row(method)) for method in methods]
    means = [(method, None if row is None else row.mean(figure)) for method, row in rows]
    return ", ".join(f"{method} {mean:.3f}" for method, mean in means if mean is not None)


def _percent(axes: Axes, *, x: bool) -> None:
    for axis in (axes.xaxis, axes.yaxis) if x else (axes.yaxis,):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axis.set_major_locator(MaxNLocator(5))


def _save_both(figure: Figure, path: Path) -> None:
    """Writes the PNG and the SVG beside it; the same figure gives the same bytes."""
    for target, metadata in (
        (path, {"Software": None}),
        (path.with_suffix(".svg"), {"Date": None, "Creator": None, "Format": None, "Type": None}),
    ):
        with written_aside(target) as aside:
            figure.savefig(aside, format=target.suffix[1:], dpi=_DPI, facecolor="white", metadata=metadata)
