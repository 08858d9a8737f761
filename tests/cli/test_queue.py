from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.decision import Ruling
from labelaudit.pixels.chunks import content_sha256
from labelaudit.queue.decisions import DECISION_COLUMNS, check_decisions, read_decisions
from labelaudit.records import Reason, Verdict
from labelaudit.report.metadata import METADATA_KEY, Estimate, ReportMetadata
from labelaudit.report.schema import report_columns, report_schema
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir
from labelaudit.source.detect import open_source
from labelaudit.source.origin import Origin, write_origin


def run(*arguments: object, columns: int = 120) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": str(columns)})


@pytest.fixture
def audited(face_folder: Path, tmp_path: Path) -> Path:
    """A run of the drawn faces: ranks by row, the first half of the ranks of p 0.9 and the rest of 0.3."""
    table = open_source(face_folder).table
    source = open_source(face_folder)
    count, classes = len(table), table.labels.names
    columns = {
        "sample_id": list(table.sample_id),
        "path": list(table.path),
        "split": ["test" if row < 3 else "train" for row in range(count)],
        "given_label": list(table.given_label),
        "verdict": [Verdict.MISLABELLED if row < 70 else Verdict.AMBIGUOUS for row in range(count)],
        "reason": [Reason.BELOW_NOISY_THRESHOLD] * count,
        "reason_detail": ["confidence low"] * count,
        "suggested_label": [classes[-1]] * count,
        "suggested_confidence": [0.75] * count,
        "p_mislabelled": [0.9 if row < 70 else 0.3 for row in range(count)],
        "posterior": [[1 / len(classes)] * len(classes)] * count,
        "queue_rank": list(range(1, count + 1)),
        "content_sha256": [content_sha256(source.read(row)) for row in range(count)],
        **{f"epochs_{each}": [0] * count for each in ("clean", "ambiguous", "noisy")},
    }
    metadata = ReportMetadata(
        tool_version="0.1.0",
        dataset="faces",
        dataset_fingerprint="f00d",
        source_format="folder",
        source_why="a folder a class",
        classes=classes,
        settings={},
        seed=0,
        device="cpu",
        weights="none",
        torch_version="2.6.0",
        model_hash="0123456789abcdef",
        queue_precision=Estimate(0.6, 0.5, 0.7),
    )
    schema = report_schema(len(classes)).with_metadata({METADATA_KEY: metadata.to_bytes()})
    cells = [pa.array(columns.get(each.name, [None] * count), each.type) for each in report_columns(len(classes))]
    run_dir = RunDir(tmp_path / "run")
    run_dir.root.mkdir()
    pq.write_table(pa.table(cells, schema=schema), run_dir.report)
    write_origin(run_dir, Origin(str(face_folder)))
    return run_dir.root


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_queue_goes_out_and_decisions_come_back(audited):
    result = run("queue", audited, "--top", 10)
    assert result.exit_code == 0, result.stderr
    rows = rows_of(audited / "queue.csv")
    assert [int(row["rank"]) for row in rows] == list(range(1, 11))
    said = " ".join(result.stdout.split())
    assert "faces · 10 of 140 rows in question · expect 90 % of them wrong" in said
    assert "no interval was measured for this cut" in said
    assert "3 rows are of the test split: labelaudit apply takes them with --include-test only" in said
    assert "surprise, (ambiguous) or (not a face)" in said
    assert f"then labelaudit apply {audited} {audited}/queue.csv" in said.replace("\n", "")

    rows[0]["decision"], rows[1]["decision"] = rows[0]["given_label"], "(ambiguous)"
    with open(audited / "queue.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    decisions = read_decisions(audited / "queue.csv")
    assert [each.ruling for each in decisions] == [Ruling.LABEL, Ruling.AMBIGUOUS]
    report = read_report(audited, columns=DECISION_COLUMNS)
    assert check_decisions(decisions, report).tolist() == [0, 1]

    again = run("queue", audited)
    assert again.exit_code == 2
    assert "perhaps with decisions in it; add --force" in again.stderr
    assert len(rows_of(audited / "queue.csv")) == 10
    assert run("queue", audited, "--force", "--quiet").stdout == ""
    assert len(rows_of(audited / "queue.csv")) == 140


def test_the_interval_is_shown_where_it_was_measured(audited):
    said = " ".join(run("queue", audited).stdout.split())
    assert "140 of 140 rows in question · expect 60 % of them wrong (50 to 70 %)" in said
    assert "with the interval that the audit measured" in said


def test_until_says_after_how_many_looks_it_falls(audited):
    # after 70 looks at 0.9 and n at 0.3, (63 + 0.3 n) / (70 + n) falls under 0.7 from n = 36 on
    said = " ".join(run("queue", audited, "--until", "0.7").stdout.split())
    assert "105 of 140 rows in question" in said
    assert "the expected share falls under 70 % after 105 looks" in said
    said = " ".join(run("queue", audited, "--until", "0.7", "--top", 70, "--force").stdout.split())
    assert "70 of 140 rows" in said
    assert "the expected share stays at 70 % or more to the last of these rows" in said


def test_only_what_was_asked_for(audited):
    arguments = ["--class", "sad", "--class", "happy", "--quota", 3, "--split", "train", "--min-p", 0.2, "--top", 0]
    result = run("queue", audited, *arguments, "--verdict", "ambiguous", "--verdict", "mislabelled", "--json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert {each["label"]: each["rows"] for each in said["per_class"]} == {"happy": 3, "sad": 3}
    assert (said["format"], said["rows"], said["test_rows"]) == ("csv", 6, 0)
    assert said["parts"] == [
        {"path": f"{audited}/queue.csv", "file": f"{audited}/queue.csv", "annotator": None, "rows": 6}
    ]


def test_a_blind_queue_for_three_people_with_its_pictures(audited, face_folder, tmp_path):
    out = tmp_path / "out" / "round 1"
    result = run(
        "queue",
        audited,
        "--blind",
        "--assign",
        "ann, bo,cy",
        "--overlap",
        2,
        "--pictures",
        "copy",
        "--top",
        9,
        "--out",
        out,
    )
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert "9 rows' ids tell the given label" in said
    assert "fill in the column decision of each" in said
    assert f"'{out}-ann/queue.csv' '{out}-bo/queue.csv' '{out}-cy/queue.csv'" in said.replace("\n", "")
    seen: list[str] = []
    for name in ("ann", "bo", "cy"):
        rows = rows_of(out.with_name(f"round 1-{name}") / "queue.csv")
        assert list(rows[0]) == ["picture", "decision", "annotator", "sample_id", "content_sha256"]
        assert {row["annotator"] for row in rows} == {name}
        for row in rows:
            copy = out.with_name(f"round 1-{name}") / row["picture"]
            assert copy.read_bytes() == (face_folder / row["sample_id"]).read_bytes()
        seen += [row["sample_id"] for row in rows]
    assert len(seen) == 18
    assert sorted(seen) == sorted([*set(seen)] * 2)


@pytest.mark.parametrize("form", ["label-studio", "cvat", "datumaro", "fiftyone", "hf", "parquet"])
def test_every_format_is_written_and_says_how_it_is_used(audited, form):
    result = run("queue", audited, "--format", form, "--top", 3)
    assert result.exit_code == 0, result.stderr
    out = audited / ("queue.parquet" if form == "parquet" else f"queue-{form}")
    assert out.exists()
    assert out.name in result.stdout.replace("\n", "")
    assert "then labelaudit apply" in " ".join(result.stdout.split())
    assert {each.name for each in audited.iterdir()} == {"report.parquet", "dataset.json", out.name}


def test_changed_pictures_are_left_out_and_counted(audited, face_folder):
    first = face_folder / open_source(face_folder).table.sample_id[0]
    first.write_bytes(first.read_bytes() + b"x")
    result = run("queue", audited, "--format", "hf", "--top", 3)
    assert result.exit_code == 0, result.stderr
    assert "1 row has no picture, left out: changed since the audit" in " ".join(result.stdout.split())
    assert len((audited / "queue-hf" / "metadata.jsonl").read_text().splitlines()) == 2


def test_a_moved_dataset_is_named(audited, face_folder, tmp_path):
    face_folder.rename(tmp_path / "moved")
    result = run("queue", audited, "--format", "hf", "--top", 3)
    assert result.exit_code == 2
    assert "--dataset says where it is" in result.stderr
    result = run("queue", audited, "--format", "hf", "--top", 3, "--dataset", tmp_path / "moved")
    assert result.exit_code == 0, result.stderr
    assert not list(audited.glob(".queue*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--class", "hapy"), "no class 'hapy'; did you mean 'happy'"),
        (("--format", "xml"), "unknown format 'xml'; known are label-studio"),
        (("--format", "hf", "--pictures", "none"), "needs copies of the pictures"),
        (("--top", -1), "top is -1"),
        (("--until", 2), "until is 2"),
        (("--min-p", 0.95), "no row is left to ask about"),
        (("--assign", "ann,../bo"), "'../bo' has no fit name"),
        (("--assign", "ann,bo", "--overlap", 3), "overlap is 3"),
        (("--overlap", 2), "name them with --assign"),
        (("--dataset", "elsewhere"), "add --pictures copy"),
        (("--verdict", "clean"), "'clean' is not one of"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(audited, arguments, said):
    result = run("queue", audited, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert sorted(each.name for each in audited.iterdir()) == ["dataset.json", "report.parquet"]


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    result = run("queue", tmp_path)
    assert result.exit_code == 2
    assert "report.parquet does not exist; name a finished run" in result.stderr


def test_all_of_it_fits_on_a_screen(audited, monkeypatch):
    monkeypatch.chdir(audited.parent)
    printed = run("queue", "run", columns=80).stdout.splitlines()
    assert max(map(len, printed)) <= 80
    assert len(printed) <= 24
    assert printed[-1].split() == ["then", "labelaudit", "apply", "run", "run/queue.csv"]


def test_the_command_waits_with_slow_imports():
    code = (
        "import sys, labelaudit.cli.queue\n"
        "print(sorted({'numpy', 'pyarrow', 'PIL', 'rich', 'torch', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numpy" not in done.stdout
    assert "torch" not in done.stdout
    assert "typer" in done.stdout
