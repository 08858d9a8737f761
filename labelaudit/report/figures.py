"""The figures of the page: one idea each, lines named where they are, and a text that states what is seen.

Shapes go with colours (circle clean, triangle ambiguous, square mislabelled), so that no colour means anything alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from labelaudit.records import Verdict
from labelaudit.report.curves import CONFIDENCE_BINS, MARGIN_BINS, EpochCurves, MarginCurve, QueueCurve
from labelaudit.report.metadata import Estimate
from labelaudit.report.svg import INK, LINE, SUGGESTION, Drawing, drawing, to_svg
from labelaudit.report.words import counted, interval, number, percent

COLOURS = {
    Verdict.CLEAN: "#009E73",
    Verdict.AMBIGUOUS: "#E69F00",
    Verdict.MISLABELLED: "#D55E00",
    Verdict.UNDETERMINED: "#7F7F7F",
    Verdict.UNREADABLE: "#7F7F7F",
}
"""Okabe and Ito's colours, which colour-blind people tell apart."""

_HELD = (
    ("clean", COLOURS[Verdict.CLEAN], "o"),
    ("ambiguous", COLOURS[Verdict.AMBIGUOUS], "^"),
    ("noisy", COLOURS[Verdict.MISLABELLED], "s"),
)
_WIDE, _SMALL = (380, 250), (300, 180)
_MARKS = 6
_ROOM = 1.48
_TITLE = 9.0


def draw_queue(curve: QueueCurve, *, head: int, measured: Estimate | None) -> Drawing:
    """Expected share of wrong labels by how far down the queue one works.

    Args:
        curve: What p_mislabelled says.
        head: Rows in the head of the queue.
        measured: The head's share with its interval, where the audit has one.
    """
    last = int(curve.length[-1])
    with drawing("queue", width=_WIDE[0], height=_WIDE[1]) as (figure, axes):
        axes.plot(curve.length, curve.share, color=COLOURS[Verdict.MISLABELLED])
        if measured is not None and measured.low is not None and measured.high is not None:
            ends = [[max(measured.value - measured.low, 0.0)], [max(measured.high - measured.value, 0.0)]]
            axes.errorbar([head], [measured.value], yerr=ends, fmt="s", color=SUGGESTION, capsize=4, zorder=3)
            axes.plot([head, head], [0, measured.low], color=SUGGESTION, linewidth=1.0, linestyle=(0, (1, 2)))
            text = f"first {number(head)}: {percent(measured.value, digits=0)} {interval(measured)}"
            side, offset = ("left", 4) if head < 0.5 * last else ("right", -4)
            axes.annotate(text, (head, 0.04), xytext=(offset, 0), textcoords="offset points", ha=side)
        axes.set(xlim=(0, last * 1.02), ylim=(0, 1.05), xlabel="rows worked through, worst first")
        axes.set_ylabel("share of them expected wrong")
        _percent_axis(axes)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(int(value))))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        svg = to_svg(figure)
    alt = (
        f"The expected share of wrong labels falls from {percent(float(curve.share[0]), digits=0)} at the head of the "
        f"queue to {percent(float(curve.share[-1]), digits=0)} over all of its {number(last)} rows."
    )
    return Drawing(
        svg, alt, f"Mean of p_mislabelled over the head of the queue, {counted(last, 'row', 'rows')} in all."
    )


def draw_calibration(curve: MarginCurve) -> Drawing:
    """How a margin became a probability, over how many rows have that margin."""
    total = int(curve.rows.sum())
    edges = np.linspace(-1.0, 1.0, MARGIN_BINS + 1)
    with drawing("calibration", width=_WIDE[0], height=_WIDE[1]) as (figure, axes):
        axes.stairs(curve.rows / max(curve.rows.max(), 1), edges, fill=True, color=LINE, alpha=0.5)
        axes.plot(curve.margin, curve.p, color=COLOURS[Verdict.MISLABELLED])
        half = float(np.interp(0.5, curve.p, curve.margin)) if curve.p[-1] > 0.5 else None
        if half is not None:
            axes.plot([half], [0.5], "s", color=COLOURS[Verdict.MISLABELLED])
            axes.annotate("50 %", (half, 0.5), xytext=(8, -4), textcoords="offset points", va="top")
        axes.xaxis.set_major_locator(FixedLocator([-1.0, -0.5, 0.0, 0.5, 1.0]))
        axes.set(xlim=(-1, 1), ylim=(0, 1.05), xlabel="margin: lead of the best other class over the given one")
        axes.set_ylabel("probability that the label is wrong")
        _percent_axis(axes)
        svg = to_svg(figure)
    passes = "never passes 50 %" if half is None else f"passes 50 % at a margin of {half:.2f}"
    alt = f"The probability of a wrong label rises with the margin and {passes}."
    return Drawing(
        svg, alt, f"Line: p_mislabelled by margin. Bars: how many of {counted(total, 'row', 'rows')} have it."
    )


def draw_partitions(curves: EpochCurves) -> Drawing:
    """Shares of the training samples that each epoch held clean, ambiguous and noisy."""
    share = curves.held / np.maximum(curves.held.sum(axis=0), 1)  # (3, E)
    with drawing("partitions", width=_WIDE[0], height=_WIDE[1]) as (figure, axes):
        for (name, colour, mark), values, place in zip(_HELD, share, _apart(share[:, -1], least=0.08), strict=True):
            _line(axes, curves.epoch, values, colour=colour, mark=mark)
            axes.text(_right_of(curves.epoch), place, f"{name} {percent(float(values[-1]), digits=0)}", va="center")
        axes.set(ylim=(0, 1.05), xlabel="epoch", ylabel="share of the training samples")
        _epoch_axis(axes, curves.epoch, room=_ROOM)
        _percent_axis(axes)
        svg = to_svg(figure)
    last = ", ".join(
        f"{percent(float(values[-1]), digits=0)} {name}" for (name, _, _), values in zip(_HELD, share, strict=True)
    )
    alt = f"In the last mined epoch {last}; in the first {percent(float(share[0, 0]), digits=0)} were clean."
    return Drawing(
        svg, alt, f"Partitions of every mined epoch, {counted(curves.folds, 'fold', 'folds')} taken together."
    )


def draw_class_epochs(curves: EpochCurves, k: int, *, label: str) -> Drawing | None:
    """One class's mean confidence and its two thresholds through the epochs; None where it was never mined."""
    rows = (
        ("mean", curves.mean_confidence[k], INK, "d"),
        ("clean", curves.clean[k], COLOURS[Verdict.CLEAN], "o"),
        ("noisy", curves.noisy[k], COLOURS[Verdict.MISLABELLED], "s"),
    )
    mean = curves.mean_confidence[k]
    if np.isnan(mean[-1]):
        return None
    with drawing(f"epochs-{k}", width=_SMALL[0], height=_SMALL[1]) as (figure, axes):
        places = _apart(np.array([values[-1] for _, values, _, _ in rows]), least=0.13)
        for (name, values, colour, mark), place in zip(rows, places, strict=True):
            _line(axes, curves.epoch, values, colour=colour, mark=mark)
            axes.text(_right_of(curves.epoch), place, f"{name} {values[-1]:.2f}", va="center")
        axes.set(ylim=(0, 1.05), xlabel="epoch", ylabel="confidence")
        _epoch_axis(axes, curves.epoch, room=_ROOM)
        svg = to_svg(figure)
    clean, noisy = curves.clean[k], curves.noisy[k]
    alt = (
        f"{label}: mean confidence goes from {mean[0]:.2f} to {mean[-1]:.2f}, the clean threshold from {clean[0]:.2f} "
        f"to {clean[-1]:.2f}, the noisy threshold from {noisy[0]:.2f} to {noisy[-1]:.2f}."
    )
    return Drawing(svg, alt, label)


def draw_confidence(
    counts: NDArray[np.int64], k: int, *, label: str, clean: float | None, noisy: float | None
) -> Drawing | None:
    """One class's confidence in its given labels, with the thresholds that decide; None without judged rows.

    Args:
        counts: Rows in equal bins of [0, 1], (B,).
        k: Index of the class.
        label: Its name.
        clean: Its clean threshold, where it has one.
        noisy: Its noisy threshold, where it has one.
    """
    total = int(counts.sum())
    if total == 0:
        return None
    edges = np.linspace(0.0, 1.0, CONFIDENCE_BINS + 1)
    colours = [_zone((low + high) / 2, clean=clean, noisy=noisy) for low, high in pairwise(edges)]
    with drawing(f"confidence-{k}", width=_SMALL[0], height=_SMALL[1]) as (figure, axes):
        axes.bar(
            edges[:-1], counts, width=np.diff(edges), align="edge", color=colours, edgecolor=colours, linewidth=0.3
        )
        top = 1.08 * int(counts.max())
        if clean is not None and noisy is not None:
            for at in (noisy, clean):
                axes.plot([at, at], [0, top], color=INK, linewidth=1.0, linestyle=(0, (3, 2)))
            axes.set_title(f"noisy ≤ {noisy:.2f}", loc="left", fontsize=_TITLE)
            axes.set_title(f"clean ≥ {clean:.2f}", loc="right", fontsize=_TITLE)
        axes.set(xlim=(0, 1), ylim=(0, top), xlabel="confidence in the given label", ylabel="rows")
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        svg = to_svg(figure)
    middle = float(edges[int(np.searchsorted(np.cumsum(counts), total / 2))] + 0.5 / CONFIDENCE_BINS)
    thresholds = "" if clean is None or noisy is None else f"; noisy up to {noisy:.2f}, clean from {clean:.2f}"
    alt = f"{label}: half of the {number(total)} rows have a confidence under about {middle:.2f}{thresholds}."
    return Drawing(svg, alt, label)


def _line(axes: Axes, epoch: NDArray[np.int32], values: NDArray[np.floating], *, colour: str, mark: str) -> None:
    """A line with a few marks on it, enough to tell its shape."""
    every = np.unique(np.linspace(0, len(epoch) - 1, _MARKS).astype(int)).tolist()
    axes.plot(epoch, values, color=colour, marker=mark, markevery=every)


def _right_of(epoch: NDArray[np.int32]) -> float:
    return float(epoch[-1] + 0.04 * max(int(epoch[-1] - epoch[0]), 1))


def _epoch_axis(axes: Axes, epoch: NDArray[np.int32], *, room: float) -> None:
    """Whole epochs only, with room on the right for the names of the lines."""
    first, last = int(epoch[0]), int(epoch[-1])
    span = max(last - first, 1)
    axes.set_xlim(first - 0.03 * span, first + room * span)
    ticks = [tick for tick in MaxNLocator(4, integer=True).tick_values(first, last) if first <= tick <= last]
    axes.xaxis.set_major_locator(FixedLocator(ticks or [first]))


def _percent_axis(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.yaxis.set_major_locator(FixedLocator([0.0, 0.25, 0.5, 0.75, 1.0]))


def _zone(confidence: float, *, clean: float | None, noisy: float | None) -> str:
    if clean is None or noisy is None:
        return COLOURS[Verdict.UNDETERMINED]
    if confidence <= noisy:
        return COLOURS[Verdict.MISLABELLED]
    return COLOURS[Verdict.CLEAN if confidence >= clean else Verdict.AMBIGUOUS]


def _apart(values: Sequence[float] | NDArray[np.floating], *, least: float) -> NDArray[np.float64]:
    """Moves places of words so that no two are nearer than ``least``, in the order they have."""
    places = np.array(values, dtype=np.float64)
    order = np.argsort(places, kind="stable")
    for below, above in pairwise(order.tolist()):
        places[above] = max(places[above], places[below] + least)
    return places
