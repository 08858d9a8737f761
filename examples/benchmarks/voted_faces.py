"""Audits faces with ten human votes each and prints how well the verdicts agree with the votes.

    python examples/benchmarks/voted_faces.py FER_VOTES.parquet --weights FILE --tasks one-vote flips fer2013
    python examples/benchmarks/voted_faces.py FER_VOTES.parquet --weights none --count 8000 --seed 0
    python examples/benchmarks/voted_faces.py FER_VOTES.parquet --weights FILE --decided 200 1000

With ``--decided`` a person who knows the votes decides the first so many of the queue, and a second audit is given
these decisions; its figures are of the rows that nobody decided, beside those of the first audit on the same rows.

Each finished audit is appended to the results file as one JSON line, and a table of all lines is printed at the end.
The votes are read for scoring only; the audit is given images and labels.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import pandas as pd
from tasks import Task, VotedFaces, draw_task, score_report, three_way

import labelaudit

RESULTS = Path(__file__).with_name("voted_faces.jsonl")


def main() -> None:
    """Runs the audits that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("votes", type=Path, help="the Parquet file with images and votes")
    parser.add_argument("--weights", default="auto", help="auto, face, none or a file")
    parser.add_argument("--tasks", nargs="+", type=Task, default=list(Task), help="one-vote, flips, fer2013")
    parser.add_argument("--count", type=int, default=8_000, help="faces; 0 = all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effort", type=labelaudit.Effort, default=None)
    parser.add_argument("--backbone", default=None)
    parser.add_argument("--targets", type=labelaudit.Targets, default=None)
    parser.add_argument("--folds", type=int, default=None)
    parser.add_argument("--decided", type=int, nargs="*", default=[], help="how many of the queue a person decides")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    for task in arguments.tasks:
        line = audit_task(arguments, task)
        with arguments.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    lines = [json.loads(text) for text in arguments.results.read_text(encoding="utf-8").splitlines()]
    print(pd.DataFrame(lines).to_string(index=False))


def audit_task(arguments: argparse.Namespace, task: Task) -> dict[str, object]:
    """Audits one task and gives its line of figures."""
    faces = draw_task(arguments.votes, task, count=arguments.count, seed=arguments.seed)
    settings = labelaudit.AuditSettings(
        effort=arguments.effort,
        folds=arguments.folds,
        seed=arguments.seed,
        nets=labelaudit.NetSettings(weights=str(arguments.weights), backbone=arguments.backbone),
        asm=labelaudit.AsmSettings(targets=arguments.targets),
    )
    options = labelaudit.SourceOptions(label_column="label", id_column="image_id", image_column="image")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = labelaudit.audit(faces.frame, out=Path(folder) / "run", settings=settings, options=options)
        seconds = time.perf_counter() - started
        report = labelaudit.read_report(result.run).to_pandas()
        decided = result.summary.settings
        again = {}
        for count in arguments.decided:
            first = report["queue_rank"].sort_values().index[:count]
            second = labelaudit.audit(
                faces.frame,
                out=Path(folder) / f"after-{count}",
                settings=settings,
                options=options,
                decisions=[
                    labelaudit.Decision(report["sample_id"][row], labelaudit.Ruling.LABEL, faces.majority[row])
                    for row in first
                ],
            )
            rest = ~report.index.isin(first)
            left = VotedFaces(faces.frame[rest], faces.majority[rest], faces.truth[rest])
            for name, each in (("before", report), ("after", labelaudit.read_report(second.run).to_pandas())):
                again[f"ap_{name}_{count}"] = score_report(each[rest].reset_index(drop=True), left)["ap"]
    figures = score_report(report, faces) | again
    print(f"\n{task}, weights {decided['nets']['weights']}, {len(report):,} faces, {seconds:,.0f} s")
    print(three_way(report, faces).to_string())
    said = result.summary.queue_precision
    if said is not None and said.low is not None:
        order = report["queue_rank"].sort_values().index[: result.summary.queue_head]
        right = (report["given_label"].astype(str).to_numpy() != faces.majority)[order].mean()
        interval = f"{said.value:.3f} ({said.low:.3f} to {said.high:.3f})"
        print(f"first {result.summary.queue_head} of the queue wrong: said {interval}, is {right:.3f}")
    for name, value in figures.items():
        print(f"  {name:16s} {value:.3f}")
    return {
        "task": str(task),
        "weights": decided["nets"]["weights"],
        "backbone": decided["nets"]["backbone"],
        "training": decided["training"],
        "targets": decided["asm"]["targets"],
        "folds": decided["folds"],
        "faces": len(report),
        "seed": arguments.seed,
        **{name: round(float(value), 4) for name, value in figures.items()},
        "seconds": round(seconds, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "device": result.summary.device,
        "labelaudit": labelaudit.__version__,
    }


if __name__ == "__main__":
    main()
