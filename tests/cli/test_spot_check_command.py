from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.cli.output.spot_check import print_spot_findings
from labelaudit.report.metadata import METADATA_KEY, Estimate, ReportMetadata
from labelaudit.report.schema import report_columns, report_schema
from labelaudit.report.spot_check import Cut, SpotFindings, spot_check_of
from labelaudit.report.table import read_report
from labelaudit.verdict.recalibration import Recalibration

CLASSES = ("happy", "sad")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "120"})


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    """300 faces called happy: 250 in the queue, the first 220 of them likely wrong."""
    columns = {
        "sample_id": [f"happy/{row}.png" for row in range(300)],
        "path": [f"happy/{row}.png" for row in range(300)],
        "given_label": ["happy"] * 300,
        "verdict": ["mislabelled"] * 220 + ["ambiguous"] * 30 + ["clean"] * 50,
        "reason": ["between_thresholds"] * 300,
        "p_mislabelled": [0.9] * 220 + [0.3] * 30 + [0.05] * 50,
        "queue_rank": [*range(1, 251), *[None] * 50],
        "content_sha256": [f"{row:064x}" for row in range(300)],
        **{f"epochs_{each}": [0] * 300 for each in ("clean", "ambiguous", "noisy")},
    }
    metadata = ReportMetadata(
        tool_version="0.1.0",
        dataset="faces",
        dataset_fingerprint="f00d",
        source_format="folder",
        source_why="a folder a class",
        classes=CLASSES,
        settings={},
        seed=0,
        device="cpu",
        weights="none",
        torch_version="2.6.0",
    )
    schema = report_schema(2).with_metadata({METADATA_KEY: metadata.to_bytes()})
    cells = [pa.array(columns.get(each.name, [None] * 300), each.type) for each in report_columns(2)]
    folder = tmp_path / "run"
    folder.mkdir()
    pq.write_table(pa.table(cells, schema=schema), folder / "report.parquet")
    return folder


def fill(path: Path, *, wrong_below: int) -> None:
    """Decides every row of a table: sad where its number is below something, else happy."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        number = int(row["sample_id"].removeprefix("happy/").removesuffix(".png"))
        row["decision"] = "sad" if number < wrong_below else "happy"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_drawn_decided_measured(audited: Path) -> None:
    drawn = run("queue", audited, "--spot-check", 60)
    assert drawn.exit_code == 0, drawn.stderr
    words = " ".join(drawn.stdout.split())
    assert "spot check · 60 faces drawn at random" in words
    assert "head of the queue 20 of 200" in words
    assert f"labelaudit queue {audited} --decisions {audited}/spot-check.csv" in words.replace("- ", "-")
    table = audited / "spot-check.csv"
    header = table.read_text(encoding="utf-8-sig").splitlines()[0]
    assert "p_mislabelled" not in header
    assert "given_label" not in header
    fill(table, wrong_below=200)
    measured = run("queue", audited, "--decisions", table)
    assert measured.exit_code == 0, measured.stderr
    words = " ".join(measured.stdout.split())
    assert "faces · spot check, 60 of 60 faces decided" in words
    # 20 of 20 wrong: Clopper and Pearson's lower end is 0.05 ** (1 / 20) = 0.861
    assert "First 200: expect 100 % wrong (86 to 100 %), from 60 looks, 20 of them here" in words
    assert "whole queue 250" in words
    assert "Of all 300 judged labels" in words
    assert "labelaudit report" in words
    said = json.loads(run("queue", audited, "--decisions", table, "--json").stdout)
    assert said["findings"]["decided"] == 60
    assert said["findings"]["cuts"][1]["name"] == "first 200"
    assert said["findings"]["cuts"][1]["found"]["value"] == 1.0
    assert len(said["rows"]) == 60
    assert run("queue", audited, "--decisions", table, "--quiet").stdout == ""


@pytest.mark.parametrize("form", ["label-studio", "parquet", "csv"])
def test_every_format_takes_it(audited: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    picture_root = ["--picture-root", "https://faces.example.org/"] if form == "label-studio" else []
    result = run("queue", audited, "--spot-check", 40, "--format", form, "--out", out, *picture_root, "--json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["format"] == form
    assert said["parts"][0]["rows"] == 40
    assert {row["sample_id"] for row in said["spot_check"]["rows"]} <= {f"happy/{row}.png" for row in range(300)}


def test_a_second_format_hands_out_the_same_rows(audited: Path) -> None:
    assert run("queue", audited, "--spot-check", 40, "--format", "csv", "--quiet").exit_code == 0
    assert run("queue", audited, "--spot-check", 40, "--format", "parquet", "--quiet").exit_code == 0
    ids = set(pq.read_table(audited / "spot-check.parquet")["sample_id"].to_pylist())
    assert all(each in (audited / "spot-check.csv").read_text(encoding="utf-8-sig") for each in ids)


def test_several_people_share_or_overlap(audited: Path) -> None:
    result = run("queue", audited, "--spot-check", 40, "--assign", "ann,bo", "--overlap", 2, "--json")
    assert result.exit_code == 0, result.stderr
    parts = json.loads(result.stdout)["parts"]
    assert [part["rows"] for part in parts] == [40, 40]
    for part in parts:
        fill(Path(part["file"]), wrong_below=200 if part["annotator"] == "ann" else 100)
    files = [each for part in parts for each in ("--decisions", part["file"])]
    said = json.loads(run("queue", audited, *files, "--json").stdout)["findings"]
    assert said["decided"] == 40
    assert said["split"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--spot-check", "5"], "take 12 or more"),
        (["--spot-check", "60", "--top", "10"], "would make it measure nothing"),
        (["--spot-check", "60", "--decisions", "x.csv"], "do one after the other"),
        (["--ambiguous-is-wrong"], "name them with"),
        (["--decisions", "{run}/nothing.csv"], "has no spot check; draw one"),
    ],
)
def test_what_makes_no_sense_is_refused(audited: Path, arguments: list[str], said: str) -> None:
    result = run("queue", audited, *[each.format(run=audited) for each in arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split()).replace("│ ", "")
    assert not (audited / "spot-check.csv").exists()
    assert not (audited / "queue.csv").exists()


def test_another_draw_must_be_asked_for(audited: Path) -> None:
    assert run("queue", audited, "--spot-check", 40, "--quiet").exit_code == 0
    refused = run("queue", audited, "--spot-check", 41, "--out", audited / "other.csv")
    assert refused.exit_code == 2
    assert "has a spot check of 40 rows" in refused.stderr
    assert run("queue", audited, "--spot-check", 41, "--force", "--quiet").exit_code == 0


def test_the_screen_fits(printed, audited: Path) -> None:
    spot = spot_check_of(read_report(audited), size=40, seed=0)
    cut = Cut("first 100,000", 100_000, 10, 0.9, Estimate(0.85, 0.7, 0.95), 0.88)
    findings = SpotFindings(40, 38, 12.5, 3, 2, False, (cut,) * 9, cut, Recalibration(0.1, 0.9))
    text = printed(print_spot_findings, replace(spot, findings=findings), dataset="faces", run=Path("runs/faces"))
    assert len(text.splitlines()) <= 24
    words = " ".join(text.split())
    assert "2 of 40 not decided: taken to be like the others of their part" in words
    assert "3 called ambiguous: counted as not wrong" in words
    assert "on 2 faces people differ: most of them decide, a tie is half wrong" in words
