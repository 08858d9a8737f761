"""A bench's tables on disk: every result a line of CSV, the summary as JSON, and both to read as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from labelaudit.bench.figures import SavedFigure
from labelaudit.bench.folder import BenchDir, Result
from labelaudit.bench.methods import Method
from labelaudit.bench.metrics import FIGURES
from labelaudit.bench.summary import BenchSummary, Spread, TaskSummary
from labelaudit.report.words import number, percent
from labelaudit.rundir import write_json, written_aside

_DIGITS = {"seconds": 0, "peak_gb": 1, "peak_gpu_gb": 1}
_EXPLAINED = (
    "AP: average precision, mislabelled against clean. AP all: over every wrong label, ambiguous faces included. "
    "P@500: share of wrong labels among the 500 worst. Precision, recall, F1: of the verdict `mislabelled` over every "
    "wrong label; macro F1 and agreement: of the three-way verdict against the truth. The audit and the oracle are "
    "judged by verdicts of their own, `cleanlab-issues` and `gmm` by what they flag; all other verdicts, and every "
    "baseline's three-way one, come from **the best two thresholds on the score, chosen on the truth**, which no user "
    "could choose. Suggested: share of suggestions that name the true class among wrong labels flagged. Calibration: "
    "expected calibration error, 15 bins of equal size, of the method's own probability. Noise error: mean of that "
    "probability less the share of wrong labels. Test accuracy: of the trained model on faces that nothing learned "
    "from, where people agree on the class. Seconds: of the training, shared by the methods that are read off it, "
    "without decoding and features, which all share. Peak GB: of the whole process."
)


def write_tables(
    folder: BenchDir,
    summary: BenchSummary,
    results: Mapping[str, Sequence[Result]],
    figures: Mapping[str, Sequence[SavedFigure]],
) -> None:
    """Writes ``results.csv``, ``bench.md`` and, last, ``results.json``."""
    with written_aside(folder.table) as aside:
        aside.write_text(_csv(results), encoding="utf-8")
    with written_aside(folder.page) as aside:
        aside.write_text(markdown(summary, figures), encoding="utf-8")
    write_json(folder.summary, summary.to_json())


def markdown(summary: BenchSummary, figures: Mapping[str, Sequence[SavedFigure]]) -> str:
    """The whole bench as a page of Markdown."""
    parts = [f"# Bench of {summary.dataset}\n\nlabelaudit {summary.tool_version}, on {summary.device}.\n"]
    for task in summary.tasks:
        parts.append(f"## {task.task}\n\n{sentence(task)}\n\n{_table(task)}\n")
        parts += [f"![{each.alt}]({each.path})\n\n{each.alt} {each.caption}\n" for each in figures.get(task.task, ())]
    notes = "\n".join(f"- {note}" for note in summary.notes)
    return "\n".join([*parts, f"## What the columns say\n\n{_EXPLAINED}\n", f"## Assumed\n\n{notes}\n"])


def sentence(task: TaskSummary) -> str:
    """What a task's table proves, in a sentence."""
    start = f"{number(task.rows)} labels, {percent(task.wrong)} of them wrong."
    ours = task.row(Method.OURS)
    if ours is None or task.best_baseline is None:
        return start
    best = task.row(task.best_baseline)
    assert best is not None
    mine, theirs = ours.mean("ap") or 0.0, best.mean("ap") or 0.0
    word = "above" if mine > theirs else "not above"
    gap = ""
    if task.gap_closed is not None:
        gap = f"; {percent(task.gap_closed, digits=0)} of the gap to the oracle closed"
    elif (oracle := task.row(Method.ORACLE)) is not None:
        gap = f"; the oracle's is {oracle.mean('ap') or 0.0:.3f}, which leaves no gap to close"
    return f"{start} The audit's AP of {mine:.3f} is {word} the best baseline's, {best.method} {theirs:.3f}{gap}."


def shown_figure(figure: str, spread: Spread | None, *, with_ends: bool = True) -> str:
    """A figure as tables show it: mean, and lowest to highest where seeds differ."""
    if spread is None:
        return ""
    digits = _DIGITS.get(figure, 3)
    mean = f"{spread.mean:,.{digits}f}"
    ends = [f"{end:,.{digits}f}" for end in (spread.low, spread.high)]
    return f"{mean} ({ends[0]} to {ends[1]})" if with_ends and ends[0] != ends[1] else mean


def _table(task: TaskSummary) -> str:
    used = [name for name in FIGURES if any(row.figures[name] is not None for row in task.methods)]
    head = ["method", *(FIGURES[name] for name in used)]
    lines = [" | ".join(head), "|".join(["---", *["--:"] * len(used)])]
    lines += [
        " | ".join([str(row.method), *(shown_figure(name, row.figures[name]) for name in used)]) for row in task.methods
    ]
    return "\n".join(f"| {line} |" for line in lines)


def _csv(results: Mapping[str, Sequence[Result]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "seed", "method", *FIGURES])
    for task, found in results.items():
        for each in found:
            values = [each.figures.get(name) for name in FIGURES]
            writer.writerow(
                [task, each.seed, each.method, *("" if value is None else f"{value:.6g}" for value in values)]
            )
    return text.getvalue()
