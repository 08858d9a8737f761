from __future__ import annotations

import json
from pathlib import Path

from finished_runs import finished_run
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.decision import Decision, Ruling
from labelaudit.faces import DrawnFaces, write_dataset
from labelaudit.queue.decision_lines import write_decision_lines
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "80"})


def test_how_well_people_agree_is_said_where_two_decided(drawn: DrawnFaces, tmp_path: Path) -> None:
    write_dataset(drawn, tmp_path / "faces")
    finished_run(tmp_path / "run", tmp_path / "faces")
    table = read_report(tmp_path / "run", columns=["sample_id", "given_label"]).table
    rows = table.take(list(range(0, 140, 10))).to_pylist()
    ann = [Decision(each["sample_id"], Ruling.LABEL, each["given_label"], "ann") for each in rows]
    write_decision_lines(RunDir(tmp_path / "run").decisions, ann)
    alone = run("apply", tmp_path / "run", "--dry-run", "--json")
    assert alone.exit_code == 0, alone.output
    assert json.loads(alone.stdout)["agreement"] is None
    other = next(each["given_label"] for each in rows if each["given_label"] != rows[0]["given_label"])
    bo = [Decision(rows[0]["sample_id"], Ruling.LABEL, other, "bo")]
    bo += [Decision(each["sample_id"], Ruling.LABEL, each["given_label"], "bo") for each in rows[1:]]
    write_decision_lines(tmp_path / "bo.jsonl", bo)
    both = (RunDir(tmp_path / "run").decisions, tmp_path / "bo.jsonl")
    said = json.loads(run("apply", tmp_path / "run", *both, "--dry-run", "--json").stdout)["agreement"]
    assert (said["rows"], said["votes"], said["observed"]) == (14, 28, round(13 / 14, 4))
    assert said["cohen_kappa"] is not None
    shown = " ".join(run("apply", tmp_path / "run", *both, "--dry-run").stdout.split())
    assert "Agree: alpha 0.9" in shown
    assert "2 annotators say what most others say in 93 %" in shown
