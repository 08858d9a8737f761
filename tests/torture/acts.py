"""The commands that write, what each starts from, and what it must leave behind: the same bytes apart from times."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labelaudit.decision import Decision, Ruling
from labelaudit.faces import draw_dataset, write_dataset
from labelaudit.queue.decision_lines import write_decision_lines
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir

from .forks import Job
from .stage import Ended, Stage

_ALL = "--weights none --folds 2 --device cpu --workers 2 --json"
_SHARED = f"--batch 32 {_ALL}"
HEADS = f"--backbone gradients --epochs 3 {_SHARED}"
TRAINED = f"--backbone gradients {_ALL}"
NETWORKS = f"--backbone resnet-small --size 32 --epochs 2 --warm-up 1 {_SHARED}"
_DEMO_FILES = ("summary.json", "thresholds.parquet", "neighbours.parquet", "model.safetensors")
"""Of a demo's run, without what tells when its faces were drawn."""
_APPLY = "apply {here}/run"
_SCORED = "--out {here}/scored --cache-dir {here}/c2 --device cpu"
_DEMO = ("demo-faces", "demo-faces_truth.csv", *(f"demo/{name}" for name in _DEMO_FILES))
_AUDIT = "audit {base}/faces --out {here}/run --cache-dir {here}/c"
_TABLE = "{base}/table.csv --root {base}/faces"
_TIMES = {"when", "undone", "seconds"}
_BENCH_SETTINGS = """[audit]
folds = 2
nets.backbone = "gradients"
nets.weights = "none"
asm.epochs = 3
asm.warm_up = 1
asm.batch = 32
"""
_OF_THE_CACHE = ("an interrupted build of the pixel cache went on", "the pixel cache was damaged and has been rebuilt")
_THERE_ALREADY = re.compile(r"exists already|holds labels already|holds a run already")

Files = dict[str, bytes]


@dataclass(frozen=True)
class Act:
    """A command that writes.

    Attributes:
        name: For the table.
        command: Its line; ``{here}`` is its own folder, ``{base}`` one that all read and none writes.
        leaves: What it writes, below its folder.
        start: The state that it starts from: a name in ``Ground.new_place``.
        more: What is added to the line when it is run once more.
        at_once: Whether what it writes is a folder that appears whole.
        times: How often it is killed in the long form.
    """

    name: str
    command: str
    leaves: tuple[str, ...]
    start: str = "run"
    more: str = ""
    at_once: bool = False
    times: int = 8


ACTS = (
    Act("audit, heads", f"{_AUDIT} {HEADS}", ("run",), "nothing", "--resume", times=24),
    Act("audit, networks", f"{_AUDIT} {NETWORKS}", ("run",), "nothing", "--resume", times=12),
    Act("audit --force over another", f"{_AUDIT} --seed 1 --force {HEADS}", ("run",), times=12),
    Act("demo", "demo --faces 200 --out {here}/demo --cache-dir {here}/c --json", _DEMO, "nothing", "--resume"),
    Act("score", f"score {{base}}/more --model {{here}}/run {_SCORED}", ("scored",), more="--force"),
    Act("report", "report {here}/run", ("run/report.html",), times=6),
    Act("queue, csv", "queue {here}/run", ("run/queue.csv",), times=6),
    Act(
        "queue, Label Studio",
        "queue {here}/run --format label-studio",
        ("run/queue-label-studio",),
        at_once=True,
    ),
    Act(
        "queue, imagefolder for two",
        "queue {here}/run --format hf --assign ann,bo --overlap 2 --force",
        ("run/queue-hf-ann", "run/queue-hf-bo"),
        at_once=True,
    ),
    Act(
        "queue --spot-check",
        "queue {here}/run --spot-check 30",
        ("run/spot-check.csv", "run/spot_check.json"),
        more="--force",
        times=6,
    ),
    Act(
        "apply, a table in its own form",
        "apply {here}/run --as labels",
        ("run/labels",),
        "table",
        at_once=True,
        times=6,
    ),
    Act("apply, links", "apply {here}/run --as links", ("run/labels",), at_once=True),
    Act("apply, a copy", "apply {here}/run --as copy", ("run/labels",), at_once=True),
    Act("apply, a plan", "apply {here}/run --as plan", ("run/labels",), at_once=True, times=6),
    Act(
        "apply --force over another",
        f"{_APPLY} --as copy --drop ambiguous --force",
        ("run/labels",),
        "labels",
        at_once=True,
        times=12,
    ),
    Act(
        "compare",
        "compare {here}/run {here}/other --out {here}/changed.csv",
        ("changed.csv",),
        "two runs",
        more="--force",
        times=6,
    ),
    Act(
        "check, a batch",
        f"check {{base}}/more --model {{here}}/run {_SCORED} --max-mislabelled 100% --max-unreadable 100% "
        "--output junit={here}/faces.xml --output sarif={here}/faces.sarif --output json={here}/faces.json",
        ("scored", "faces.xml", "faces.sarif", "faces.json"),
        "trained run",
        "--force",
    ),
    Act(
        "bench",
        "bench {base}/faces --out {here}/bench --task flips --seeds 0 --method ours --method aum --method knn "
        "--config {base}/bench.toml --device cpu --workers 2 --cache-dir {here}/c --json",
        ("bench/results",),
        "nothing",
        "--resume",
        times=6,
    ),
    Act(
        "apply --undo",
        "apply --undo {here}/run/labels/ledger.jsonl --out {here}/undone",
        ("undone",),
        "labels",
        at_once=True,
    ),
)
"""Every command that writes, but for the review page."""


class Ground:
    """Folders to run acts in, and states for them to start from.

    Args:
        base: An empty folder.
        stage: Runs the commands that make the states.
    """

    def __init__(self, base: Path, stage: Stage) -> None:
        self.base = base
        self.stage = stage
        self._places = 0
        self._states: dict[str, Path] = {}
        self._undisturbed: dict[str, tuple[Ended, Files]] = {}
        (base / "bench.toml").write_text(_BENCH_SETTINGS, encoding="utf-8")
        shares = {"happy": 1.0, "sad": 1.0}
        write_dataset(draw_dataset(130, seed=9, class_shares=shares), base / "faces")
        write_dataset(draw_dataset(40, seed=10, class_shares=shares), base / "more")
        with open(base / "table.csv", "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("path", "label"))
            paths = sorted((base / "faces").rglob("*.png"))
            rows.writerows((str(path.relative_to(base / "faces")), path.parent.name) for path in paths)

    def new_place(self, start: str) -> Path:
        """A folder in a state: ``nothing``, or what ``_state`` makes."""
        place = self._empty_place()
        if start != "nothing":
            shutil.copytree(self._state(start), place, dirs_exist_ok=True)
        return place

    def job(self, act: Act, place: Path, *, again: bool = False) -> Job:
        """An act in a place; ``again`` = as a person repeats it."""
        words = act.command.split() + (act.more.split() if again else [])
        return Job(tuple(word.format(here=place, base=self.base) for word in words), str(place))

    def undisturbed(self, act: Act) -> tuple[Ended, Files]:
        """An act of ``ACTS`` that nothing harms, and what it leaves; done once."""
        if act.name not in self._undisturbed:
            place = self.new_place(act.start)
            self._undisturbed[act.name] = self._done(act, place)
            remove_place(place)
        return self._undisturbed[act.name]

    def _empty_place(self) -> Path:
        self._places += 1
        place = self.base / f"place-{self._places:04d}"
        place.mkdir()
        return place

    def _state(self, start: str) -> Path:
        """A finished ``run``, a ``trained run``, ``two runs``, one of a ``table``, or one with ``labels`` applied."""
        if start not in self._states:
            place = self._empty_place()
            if start == "labels":
                shutil.copytree(self._state("run"), place, dirs_exist_ok=True)
                self._done(act_named("apply, links"), place)
            elif start == "two runs":
                shutil.copytree(self._state("run"), place, dirs_exist_ok=True)
                (place / "run").rename(place / "other")
                self._done(act_named("audit --force over another"), place)
            else:
                audit = act_named("audit, heads")
                if start == "trained run":  # a check refuses what learned nothing
                    audit = replace(audit, command=audit.command.replace(HEADS, TRAINED))
                if start == "table":
                    audit = replace(audit, command=audit.command.replace("{base}/faces", _TABLE))
                done = self._done(audit, place)
                if start == "run":
                    self._undisturbed[audit.name] = done
                write_some_decisions(RunDir(place / "run"))
            self._states[start] = place
        return self._states[start]

    def _done(self, act: Act, place: Path) -> tuple[Ended, Files]:
        ended = self.stage.run(self.job(act, place))
        if ended.code:
            raise AssertionError(f"{act.name}: exit code {ended.code}: {ended.last_line}")
        return ended, left_by(act, place)


def write_some_decisions(run: RunDir) -> None:
    """Decisions of two people about a dozen rows, who agree where both decide."""
    report = read_report(run, columns=["sample_id", "given_label", "content_sha256"])
    rows = report.table.slice(0, 120).to_pylist()[::10]
    made = []
    for number, row in enumerate(rows):
        ruling = Ruling.AMBIGUOUS if number % 4 == 3 else Ruling.LABEL
        other = "happy" if row["given_label"] == "sad" else "sad"
        label = other if ruling is Ruling.LABEL else None
        for who in ("ann", "bo")[: 1 + number % 2]:
            said = Decision(row["sample_id"], ruling, label, who, f"2026-01-31T12:00:{number:02d}.000Z", "review")
            made.append(replace(said, content_sha256=row["content_sha256"]))
    write_decision_lines(run.decisions, made)


def left_by(act: Act, place: Path) -> Files:
    """What an act left: path -> content without times. What is hidden, or a checkpoint, is no result."""
    found: Files = {}
    for name in act.leaves:
        root = place / name
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            inside = path.relative_to(place)
            if (
                path.is_file()
                and not any(part.startswith(".") for part in inside.parts)
                and "checkpoint" not in inside.parts
            ):
                found[inside.as_posix()] = _without_times(path)
    return found


def _without_times(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        if path.suffix == ".parquet" and "results" in path.parts:  # a bench tells how long each method took
            return _rows_of(path)
        if path.suffix == ".json":
            return json.dumps(_timeless(json.loads(content))).encode()
        if path.name == "ledger.jsonl":
            return b"\n".join(json.dumps(_timeless(json.loads(line))).encode() for line in content.splitlines())
    except ValueError:
        return b"half written"
    return content


def _rows_of(path: Path) -> bytes:
    """A Parquet file's rows without its metadata."""
    sink = pa.BufferOutputStream()
    table = pq.read_table(path).replace_schema_metadata(None)
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if key not in _TIMES}
    if isinstance(value, list):
        return [_timeless(each) for each in value if not (isinstance(each, str) and each.startswith(_OF_THE_CACHE))]
    return value


def is_refused_as_done(ended: Ended) -> bool:
    """Whether a command said that its work is there already."""
    return ended.code == 2 and ended.is_one_line() and bool(_THERE_ALREADY.search(ended.last_line))


def remove_place(place: Path) -> None:
    """Removes a folder, and what was said beside it."""
    shutil.rmtree(place)
    for ending in ("out", "err", "steps"):
        Path(f"{place}.{ending}").unlink(missing_ok=True)


def act_named(name: str) -> Act:
    """An act of ``ACTS``."""
    return next(act for act in ACTS if act.name == name)
