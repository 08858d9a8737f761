"""How often the gate fails clean batches of real faces, and how often it finds bad ones.

    python examples/benchmarks/gate_batches.py FER_VOTES.parquet --weights FILE --labels majority
    python examples/benchmarks/gate_batches.py FER_VOTES.parquet --weights FILE --labels one-vote

A part of the faces trains a model; faces that it has not seen are scored once, and batches are drawn from them. A
posterior does not depend on a row's own label, so a row that gets another label is judged anew by the model's rule, as
scoring the batch would. A clean batch has the labels that most annotators gave, a bad one has a share of them replaced
by another class at random. With ``--labels one-vote`` the model was trained on what single annotators said, and batches
of such labels are drawn, too. Each line of figures is appended to the results file.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tasks import Task, VotedFaces, draw_task

import labelaudit
from labelaudit.evidence.scorer import Scorer
from labelaudit.faces import draw_dataset, write_dataset
from labelaudit.gate.check import Batch, check_gate
from labelaudit.gate.limits import Kind, Limit, Share, parse_bound
from labelaudit.gate.outcome import GateResult
from labelaudit.labels import LabelSpace
from labelaudit.records import Evidence, PixelFacts, SampleTable, ThresholdHistory
from labelaudit.report.file import Report, ReportFile, open_report
from labelaudit.report.table import read_report, write_report
from labelaudit.scoring import ScoreResult, score
from labelaudit.verdict.frozen import FrozenRule

RESULTS = Path(__file__).with_name("gate_batches.jsonl")
OPTIONS = labelaudit.SourceOptions(label_column="label", id_column="image_id", image_column="image")
LISTED = 20
"""Bad batches whose list of files is looked at."""


@dataclass(frozen=True)
class HeldOut:
    """Faces that the model has not seen, as it sees them.

    Attributes:
        table: Their report, with majority labels.
        majority: Class index of the label that most annotators gave, (N,).
        single: Of the label that one of them gave, (N,).
        posterior: (N, K).
    """

    table: Report
    majority: NDArray[np.int64]
    single: NDArray[np.int64]
    posterior: NDArray[np.float32]


class Gate:
    """Draws batches and checks them.

    Args:
        faces: To draw from.
        training: The report of the audit that trained the model.
        rule: How the model judges.
        limits: Over the defaults.
    """

    def __init__(self, faces: HeldOut, training: ReportFile, rule: FrozenRule, limits: tuple[Limit, ...]) -> None:
        self._faces = faces
        self._training = training
        self._rule = rule
        self._limits = limits

    def check(self, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> GateResult:
        """Checks a batch of some held-out faces under the labels given."""
        names = self._training.classes
        some = self._faces.table.table.take(rows)
        groups = some["duplicate_group"].to_pandas().fillna(-1).to_numpy(dtype=np.int32)
        table = SampleTable(
            sample_id=some["sample_id"].to_pylist(),
            given_label=[names[label] for label in labels],
            path=[None] * len(rows),
            split=[None] * len(rows),
            labels=LabelSpace(names),
        )
        none = np.zeros(len(rows), dtype=np.int32)
        unknown = np.full(len(rows), np.nan, dtype=np.float32)
        facts = PixelFacts(
            error=[None] * len(rows),
            content_sha256=some["content_sha256"].to_pylist(),
            width=none,
            height=none,
            sharpness=unknown,
            brightness=unknown,
            duplicate_group=groups,
            conflict=np.zeros(len(rows), dtype=bool),
        )
        posterior = self._faces.posterior[rows]
        evidence = Evidence(posterior, posterior, posterior, none, none, none, ThresholdHistory.empty())
        verdicts = self._rule.judge(table, facts, evidence, unknown=())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.parquet"
            metadata = self._faces.table.metadata
            write_report(path, table=table, evidence=evidence, facts=facts, verdicts=verdicts, metadata=metadata)
            batch = Batch(open_report(path), scored=metadata.scored, training=self._training)
            return check_gate(batch, self._limits)


def main() -> None:
    """Trains, scores, draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("votes", type=Path, help="the Parquet file with images and votes")
    parser.add_argument("--weights", default="auto", help="auto, face, none or a file")
    parser.add_argument("--labels", choices=("majority", "one-vote"), default="majority", help="what trains the model")
    parser.add_argument("--train", type=int, default=8_000, help="faces that train")
    parser.add_argument("--held-out", type=int, default=6_000, help="faces to draw batches from")
    parser.add_argument("--size", type=int, default=200, help="faces a batch")
    parser.add_argument("--batches", type=int, default=100, help="batches of each kind")
    parser.add_argument("--share", type=float, default=0.1, help="labels of a bad batch that are replaced")
    parser.add_argument(
        "--limits", nargs="+", default=["trained", "2%"], help="on mislabelled files, one after another"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache-dir", type=Path, default=None)
    parser.add_argument("--run", type=Path, default=None, help="keep the run here, or take it where it is finished")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run = arguments.run or work / "run"
        train, others = _draw(arguments)
        if not (run / "summary.json").is_file():
            settings = labelaudit.AuditSettings(
                seed=arguments.seed,
                cache_dir=arguments.cache_dir,
                nets=labelaudit.NetSettings(weights=str(arguments.weights)),
            )
            labelaudit.audit(train, out=run, settings=settings, options=OPTIONS)
        scorer = Scorer.load(run)
        scored = score(others.frame, model=scorer, out=work / "scored", options=OPTIONS, cache_dir=arguments.cache_dir)
        training = open_report(run)
        faces = _held_out(scored, others, training)
        rule = FrozenRule.read(scorer.model.facts, classes=len(scorer.classes))
        kinds = {"majority": faces.majority}
        if arguments.labels == "one-vote":
            kinds["one-vote"] = faces.single
        for name, limit in itertools.product(kinds, arguments.limits):
            gate = Gate(faces, training, rule, (Limit(Kind.MISLABELLED, parse_bound(limit, name="--limits")),))
            line = _measure(gate, faces, kinds[name], arguments, name=name, limit=limit)
            print(json.dumps(line, indent=2))
            with arguments.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        _other_pictures(scorer, work, arguments)
    print(pd.DataFrame(map(json.loads, arguments.results.read_text(encoding="utf-8").splitlines())).to_string())


def _draw(arguments: argparse.Namespace) -> tuple[pd.DataFrame, VotedFaces]:
    """The frame that trains, and other faces with a single annotator's label each."""
    every = draw_task(arguments.votes, Task.ONE_VOTE, count=0, seed=arguments.seed)
    order = np.random.default_rng(arguments.seed).permutation(len(every.frame))
    rows, rest = order[: arguments.train], order[arguments.train :]
    train = every.frame.iloc[rows].reset_index(drop=True)
    if arguments.labels == "majority":
        train = train.assign(label=every.majority[rows])
    seen = set(train["image"])
    rest = np.array([row for row in rest if every.frame["image"].iloc[row] not in seen])[: arguments.held_out]
    return train, VotedFaces(every.frame.iloc[rest].reset_index(drop=True), every.majority[rest], every.truth[rest])


def _held_out(scored: ScoreResult, others: VotedFaces, training: ReportFile) -> HeldOut:
    report = read_report(scored.run)
    names = {name: index for index, name in enumerate(training.classes)}
    posterior = np.stack(report.table["posterior"].to_pandas().to_numpy())
    return HeldOut(
        table=report,
        majority=np.array([names[label] for label in others.majority]),
        single=np.array([names[label] for label in others.frame["label"]]),
        posterior=posterior.astype(np.float32),
    )


def _measure(
    gate: Gate,
    faces: HeldOut,
    labels: NDArray[np.int64],
    arguments: argparse.Namespace,
    *,
    name: str,
    limit: str,
) -> dict[str, object]:
    """False alarms, detections, and the list of files of bad batches."""
    generator = np.random.default_rng([arguments.seed, 7])
    classes = faces.posterior.shape[1]
    alarms, doubts, detections, flagged = 0, 0, 0, {"clean": 0, "bad": 0}
    recall: list[float] = []
    precision: list[float] = []
    head: list[float] = []
    for _ in range(arguments.batches):
        rows = generator.permutation(len(labels))[: arguments.size]
        clean = gate.check(rows, labels[rows])
        alarms += not clean.passed
        doubts += any(each.failed and each.limit.kind is Kind.MISLABELLED for each in clean.outcomes)
        flagged["clean"] += len(clean.listed)
        slips = np.zeros(arguments.size, dtype=bool)
        slips[generator.permutation(arguments.size)[: round(arguments.share * arguments.size)]] = True
        given = np.where(slips, labels[rows] + generator.integers(1, classes, arguments.size), labels[rows]) % classes
        bad = gate.check(rows, given)
        detections += not bad.passed
        flagged["bad"] += len(bad.listed)
        if len(recall) < LISTED:
            wrong = given != faces.majority[rows]
            recall.append(slips[bad.listed].sum() / slips.sum())
            precision.append(wrong[bad.listed].mean() if len(bad.listed) else np.nan)
            head.append(wrong[bad.listed[: int(slips.sum())]].mean() if len(bad.listed) else np.nan)
    count = arguments.batches
    return {
        "trained_on": arguments.labels,
        "batch_labels": name,
        "limit": limit,
        "train": arguments.train,
        "size": arguments.size,
        "batches": count,
        "share": arguments.share,
        "false_alarms": round(alarms / count, 3),
        "of_mislabelled": round(doubts / count, 3),
        "detected": round(detections / count, 3),
        "flagged_clean": round(flagged["clean"] / count / arguments.size, 4),
        "flagged_bad": round(flagged["bad"] / count / arguments.size, 4),
        "recall": round(float(np.mean(recall)), 3),
        "precision": round(float(np.nanmean(precision)), 3),
        "precision_of_the_worst": round(float(np.nanmean(head)), 3),
        "seed": arguments.seed,
        "labelaudit": labelaudit.__version__,
    }


def _other_pictures(scorer: Scorer, work: Path, arguments: argparse.Namespace) -> None:
    """A batch of another kind of picture: drawn faces."""
    write_dataset(draw_dataset(arguments.size, seed=arguments.seed), work / "drawn")
    result = score(work / "drawn", model=scorer, out=work / "drawn-scored", cache_dir=arguments.cache_dir)
    report = open_report(result.run)
    limits = (Limit(Kind.MISLABELLED, Share(1.0)), Limit(Kind.DRIFT, Share(0.3)))
    checked = check_gate(Batch(report, scored=result.scored), limits)
    print("drawn faces:", *(f"{each.title}: {each.said}" for each in checked.outcomes), *checked.notes, sep="\n  ")


if __name__ == "__main__":
    main()
