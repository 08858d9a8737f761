from __future__ import annotations

import json
from pathlib import Path

import pytest
from finished_runs import finished_run
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.decision import Decision, Ruling
from labelaudit.faces import DrawnFaces, write_dataset
from labelaudit.queue.decision_lines import write_decision_lines
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, drawn: DrawnFaces) -> Path:
    """A run of a class-per-folder dataset, both in one folder; not to be changed."""
    home = tmp_path_factory.mktemp("audited")
    write_dataset(drawn, home / "faces")
    finished_run(home / "run", home / "faces")
    return home


@pytest.fixture
def decided(audited: Path) -> tuple[Path, list[Decision]]:
    """The run, with three decisions of ann, two of them new labels, and bo's file that disagrees about one."""
    table = read_report(audited / "run", columns=["sample_id", "given_label", "content_sha256"]).table
    first = table.take([0, 30, 60]).to_pylist()
    classes = sorted({each["given_label"] for each in table.to_pylist()})
    other = [next(name for name in classes if name != each["given_label"]) for each in first]
    words = [other[0], other[1], first[2]["given_label"]]
    ann = [
        Decision(
            each["sample_id"], Ruling.LABEL, word, "ann", "2026-01-31T12:00:00.000Z", "review", each["content_sha256"]
        )
        for each, word in zip(first, words, strict=True)
    ]
    decisions, more = RunDir(audited / "run").decisions, audited / "bo.jsonl"
    for path, written in ((decisions, ann), (more, [Decision(first[0]["sample_id"], Ruling.LABEL, words[2], "bo")])):
        path.unlink(missing_ok=True)
        write_decision_lines(path, written)
    return audited, ann


def test_the_whole_way_there_and_back(decided, tmp_path, monkeypatch):
    home, ann = decided
    monkeypatch.chdir(tmp_path)
    result = run("apply", home / "run", "--as", "copy", "--out", "new faces")
    assert "3 decisions by 1 person" in result.stdout
    assert "relabelled" in result.stdout
    told = json.loads(run("apply", home / "run", "--as", "copy", "--out", "new faces", "--force", "--json").stdout)
    assert [(each["sample_id"], each["new"]) for each in told["changed"]] == [
        (each.sample_id, each.label) for each in ann[:2]
    ]
    assert told["next"] == ["labelaudit", "audit", "new faces"]
    before = json.loads(run("inspect", home / "faces", "--json", "--quiet").stdout)["classes"]
    after = json.loads(run("inspect", "new faces", "--json", "--quiet").stdout)["classes"]
    expected = dict(before)
    for each in told["changed"]:
        expected[each["old"]] -= 1
        expected[each["new"]] += 1
    assert after == expected
    undone = run("apply", "--undo", "new faces/ledger.jsonl", "--out", "old")
    assert "2 labels as before" in undone.stdout
    assert json.loads(run("inspect", "old", "--json", "--quiet").stdout)["classes"] == before


def test_what_is_said_next_can_be_typed(decided, tmp_path, monkeypatch):
    home, _ = decided
    monkeypatch.chdir(tmp_path)
    told = json.loads(run("apply", home / "run", "--out", "new", "--json").stdout)
    assert told["as"] == "plan"
    words = told["next"][2:]
    assert words == ["new", "--root", str((home / "faces").resolve())]
    found = json.loads(run("inspect", *words, "--json", "--quiet").stdout)
    assert found["format"] == "manifest"
    assert found["unreadable"] == 0


def test_people_who_disagree_end_with_exit_code_1(decided, tmp_path):
    home, _ = decided
    files = (RunDir(home / "run").decisions, home / "bo.jsonl")
    result = run("apply", home / "run", *files, "--out", tmp_path / "new", code=1)
    assert "disagreed about" in result.stdout
    assert "conflicts.csv lists" in result.stdout
    assert (tmp_path / "new" / "conflicts.csv").is_file()
    run("apply", home / "run", *files, "--out", tmp_path / "kept", "--on-conflict", "keep")
    run("apply", home / "run", *files, "--dry-run", "--quiet", code=1)


def test_trying_writes_nothing(decided):
    home, _ = decided
    before = sorted(home.rglob("*"))
    result = run("apply", home / "run", "--dry-run")
    assert "nothing was written" in result.stdout
    assert sorted(home.rglob("*")) == before


def test_labels_lie_in_the_run_where_nobody_names_a_place(decided):
    home, _ = decided
    run("apply", home / "run", "--quiet")
    assert (home / "run" / "labels" / "ledger.jsonl").is_file()
    assert "holds labels already" in run("apply", home / "run", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name the folder of a finished audit"),
        (("--undo", "ledger.jsonl"), "needs --out"),
        (("RUN", "--undo", "ledger.jsonl", "--out", "x"), "takes no RUN"),
        (("RUN", "no.jsonl"), "cannot be read"),
        (("no-run",), "holds no decisions"),
        (("RUN", "--drop", "sad"), "Invalid value"),
    ],
)
def test_what_is_wrong_is_said(decided, tmp_path, monkeypatch, arguments, told):
    home, _ = decided
    monkeypatch.chdir(tmp_path)
    result = run("apply", *(home / "run" if each == "RUN" else each for each in arguments), code=2)
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr
