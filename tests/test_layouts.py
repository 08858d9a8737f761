"""Every layout that face datasets come in, from the command line: what it is said to be, and an audit of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from source.all_copies import COPIES
from source.copies import Album, Copy
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.faces import DrawnFaces
from labelaudit.records import Reason, Verdict
from labelaudit.report.table import read_report

_SMALL = ("--min-class-size", 2)
_QUICK = ("--weights", "none", "--backbone", "gradients", "--epochs", 3, "--folds", 2, "--quiet")


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(params=COPIES, ids=lambda write: write.__name__)
def copy(request: pytest.FixtureRequest, tmp_path: Path, drawn: DrawnFaces) -> Copy:
    return request.param(tmp_path / "set", Album(drawn))


def test_inspect_and_a_short_audit(copy: Copy, tmp_path: Path) -> None:
    found = json.loads(run("inspect", copy.location, *_SMALL, *copy.options, "--json").stdout)
    _check_inspection(found, copy)
    run("audit", copy.location, "--out", tmp_path / "run", *_SMALL, *_QUICK, *copy.options)
    rows = read_report(tmp_path / "run").table.to_pylist()
    _check_report(rows, copy)


def _check_inspection(found: dict[str, Any], copy: Copy) -> None:
    assert found["format"] == copy.format
    assert copy.seen in found["why"]
    assert found["rows"] == len(copy.ids)
    assert found["classes"] == copy.classes
    assert found["splits"] == copy.splits
    assert found["missing_labels"] == copy.count(Reason.NO_LABEL)
    no_class = copy.count(Reason.NOT_A_CLASS) if copy.no_class is None else copy.no_class
    assert sum(found["other_labels"].values()) == no_class
    assert found["unreadable"] == copy.count(Reason.DECODE_ERROR)
    assert found["label_conflicts"] == 0


def _check_report(rows: list[dict[str, Any]], copy: Copy) -> None:
    assert [row["sample_id"] for row in rows] == list(copy.ids)
    odd = {row["sample_id"]: Reason(row["reason"]) for row in rows if row["verdict"] in ("undetermined", "unreadable")}
    assert odd == copy.odd
    for row in rows:
        unreadable = copy.odd.get(row["sample_id"]) is Reason.DECODE_ERROR
        assert (row["verdict"] == Verdict.UNREADABLE) == unreadable
        assert (row["p_mislabelled"] is None) == (row["sample_id"] in odd)
    assert sum(row["given_label"] in copy.classes for row in rows) == sum(copy.classes.values())
