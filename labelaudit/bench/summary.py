"""A bench's results over seeds: means, spreads, and how much of the gap to the oracle the audit closes.

With the mean average precision of the best baseline b, of the audit a and of the oracle o, over the seeds that all of
them have, the share of the gap that is closed is (a - b) / (o - b).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from labelaudit.bench.folder import Result
from labelaudit.bench.methods import Method
from labelaudit.bench.metrics import FIGURES
from labelaudit.records import JsonDict


@dataclass(frozen=True)
class Spread:
    """A figure over seeds: its mean, the lowest and the highest."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class MethodRow:
    """One method on one task.

    Attributes:
        method: Which.
        seeds: That it has results of.
        figures: As ``metrics.FIGURES`` names them; None where one is not defined.
    """

    method: Method
    seeds: tuple[int, ...]
    figures: dict[str, Spread | None]

    def mean(self, figure: str) -> float | None:
        """The mean of a figure over seeds."""
        spread = self.figures[figure]
        return None if spread is None else spread.mean


@dataclass(frozen=True)
class TaskSummary:
    """All methods on one task, the highest average precision first.

    Attributes:
        task: Its name.
        rows: Labels that were judged, a seed.
        wrong: Share of them that are wrong, mean over seeds.
        methods: One row each.
        best_baseline: Of those with a result of every seed; None without one, or without the audit.
        gap_closed: Share of the gap from it to the oracle that the audit closes; None where there is no gap.
    """

    task: str
    rows: int
    wrong: float
    methods: tuple[MethodRow, ...]
    best_baseline: Method | None
    gap_closed: float | None

    def row(self, method: Method) -> MethodRow | None:
        """The row of one method."""
        return next((row for row in self.methods if row.method is method), None)


@dataclass(frozen=True)
class BenchSummary:
    """What a bench found.

    Attributes:
        dataset: What people call it.
        tasks: In the order in which they were asked for.
        notes: What was assumed, one sentence each.
        settings: Of the audit, without the seed.
        device: Kind of device.
        tool_version: Of labelaudit.
    """

    dataset: str
    tasks: tuple[TaskSummary, ...]
    notes: tuple[str, ...]
    settings: JsonDict
    device: str
    tool_version: str

    def to_json(self) -> JsonDict:
        """Plain values."""
        return asdict(self)


def summarise_task(task: str, results: Sequence[Result]) -> TaskSummary:
    """Gathers the results of one task, at least one."""
    methods = []
    for method in Method:
        own = [each for each in results if each.method is method]
        if own:
            figures = {name: _spread([each.figures.get(name) for each in own]) for name in FIGURES}
            methods.append(MethodRow(method, tuple(each.seed for each in own), figures))
    methods.sort(key=lambda row: -(row.mean("ap") or 0.0))
    best = _best_baseline(methods)
    return TaskSummary(
        task=task,
        rows=round(float(np.mean([len(each.wrong) for each in results]))),
        wrong=round(float(np.mean([each.wrong.mean() for each in results])), 4),
        methods=tuple(methods),
        best_baseline=None if best is None else best.method,
        gap_closed=_gap_closed(methods, best),
    )


def _spread(values: Sequence[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(*(round(float(end), 4) for end in (np.mean(known), min(known), max(known))))


def _best_baseline(methods: Sequence[MethodRow]) -> MethodRow | None:
    """The baseline with the highest average precision among those that have the audit's seeds."""
    ours = next((row for row in methods if row.method is Method.OURS), None)
    fit = [row for row in methods if row.method.is_baseline and ours is not None and row.seeds == ours.seeds]
    return next((row for row in fit if row.figures["ap"] is not None), None)


def _gap_closed(methods: Sequence[MethodRow], best: MethodRow | None) -> float | None:
    found = {row.method: row for row in methods}
    if best is None or Method.ORACLE not in found or found[Method.ORACLE].seeds != best.seeds:
        return None
    low, ours, high = (row.mean("ap") for row in (best, found[Method.OURS], found[Method.ORACLE]))
    if low is None or ours is None or high is None or high <= low:
        return None
    return round((ours - low) / (high - low), 3)
