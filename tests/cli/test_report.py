from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.cli.output.page import print_page
from labelaudit.pixels.chunks import content_sha256
from labelaudit.records import Evidence, PixelFacts, Reason, ThresholdHistory, Verdict, VerdictTable
from labelaudit.report.html import PageResult
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.table import write_report
from labelaudit.source.detect import open_source


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "120"})


@pytest.fixture
def audited(face_folder: Path, tmp_path: Path) -> Path:
    """A run of the drawn faces, in which the first of each class is mislabelled."""
    source = open_source(face_folder)
    table = source.table
    count, classes = len(table), len(table.labels)
    wrong = np.zeros(count, dtype=bool)
    wrong[[int(np.flatnonzero(table.given == k)[0]) for k in range(classes)]] = True
    posterior = np.full((count, classes), 0.1 / (classes - 1), dtype=np.float32)
    posterior[np.arange(count), np.where(wrong, (table.given + 1) % classes, table.given)] = 0.9
    nothing, unknown = np.zeros(count, dtype=np.int32), np.full(count, np.nan, dtype=np.float32)
    rank = np.full(count, -1)
    rank[wrong] = np.arange(1, classes + 1)
    folder = tmp_path / "run"
    folder.mkdir()
    write_report(
        folder / "report.parquet",
        table=table,
        evidence=Evidence(
            posterior=posterior,
            peer1=posterior,
            peer2=posterior,
            epochs_clean=nothing,
            epochs_ambiguous=nothing,
            epochs_noisy=nothing,
            history=ThresholdHistory.empty(),
        ),
        facts=PixelFacts(
            error=[None] * count,
            content_sha256=[content_sha256(source.read(row)) for row in range(count)],
            width=nothing,
            height=nothing,
            sharpness=unknown,
            brightness=unknown,
            duplicate_group=np.full(count, -1, dtype=np.int32),
            conflict=np.zeros(count, dtype=bool),
        ),
        verdicts=VerdictTable(
            verdict=[Verdict.MISLABELLED if each else Verdict.CLEAN for each in wrong],
            reason=[Reason.BELOW_NOISY_THRESHOLD if each else Reason.ABOVE_CLEAN_THRESHOLD for each in wrong],
            reason_detail=[None] * count,
            suggested=np.where(wrong, (table.given + 1) % classes, -1).astype(np.int32),
            suggested_confidence=unknown,
            p_mislabelled=np.where(wrong, 0.9, 0.1).astype(np.float32),
            label_score=np.where(wrong, 0.1, 0.9).astype(np.float32),
            clean_threshold=np.full(count, 0.5, dtype=np.float32),
            noisy_threshold=np.full(count, 0.2, dtype=np.float32),
            queue_rank=rank,
        ),
        metadata=ReportMetadata(
            tool_version="0.1.0",
            dataset="faces",
            dataset_fingerprint="f00d",
            source_format="folder",
            source_why="a folder a class",
            classes=table.labels.names,
            settings={"folds": 5, "verdict": {"rule": "calibrated"}},
            seed=0,
            device="cpu",
            weights="none",
            torch_version="2.6.0",
        ),
    )
    return folder


def test_the_page_stands_in_the_run_folder(audited):
    result = run("report", audited)
    assert result.exit_code == 0, result.stderr
    page = (audited / "report.html").read_text(encoding="utf-8")
    assert "Of 140 faces, 7 (5.0" in page
    assert "data:image" not in page
    assert str(audited / "report.html") in result.stdout.replace("\n", "")
    assert "no pictures" in result.stdout.replace("\n", " ")


def test_faces_are_in_it_where_the_dataset_is_named(audited, face_folder, tmp_path):
    target = tmp_path / "page.html"
    result = run("report", audited, "--dataset", face_folder, "--out", target, "--json", "--quiet")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert said == {"path": str(target), "size": target.stat().st_size, "pictures": 7, "missing": {}}
    assert result.stderr == ""
    page = target.read_text(encoding="utf-8")
    assert page.count("data:image/png") == 14  # each at the head of the queue and in its class
    assert str(tmp_path) not in page


def test_faces_that_changed_since_are_left_out_and_counted(audited, face_folder):
    changed = next(iter(sorted(next(iter(sorted(face_folder.iterdir()))).iterdir())))
    changed.write_bytes(changed.read_bytes() + b"\x00")
    result = run("report", audited, "--dataset", face_folder)
    assert result.exit_code == 0, result.stderr
    assert "without 1: changed since the audit" in result.stdout


def test_quiet_says_nothing(audited):
    result = run("report", audited, "--no-images", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tmp}/nowhere"], "does not exist"),
        (["{run}", "--out", "{tmp}/mine.html"], "exists already; add --force"),
        (["{run}", "--dataset", "{tmp}/nowhere"], "nowhere"),
        (["{run}", "--dataset", "{tmp}/others"], "none of the 7 pictures"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(audited, tmp_path, arguments, said):
    (tmp_path / "mine.html").write_text("mine")
    for name in ("happy", "sad"):
        (tmp_path / "others" / name).mkdir(parents=True)
        (tmp_path / "others" / name / "1.png").write_bytes(b"\x89PNG")
    result = run("report", *[each.format(run=audited, tmp=tmp_path) for each in arguments], "--quiet")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_pictures_are_asked_for_or_not(audited, face_folder):
    result = run("report", audited, "--dataset", face_folder, "--no-images")
    assert result.exit_code == 2
    assert "choose" in result.stderr
    assert not (audited / "report.html").exists()


def test_the_command_loads_no_drawing_before_it_is_needed():
    code = "import sys, labelaudit.cli.app; print(sorted({'matplotlib', 'jinja2', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['typer']\n"


def test_the_last_line_fits_any_size(printed):
    small = PageResult(Path("runs/faces/report.html"), 81_234, 0)
    assert printed(print_page, small) == " runs/faces/report.html  81 kB, no pictures\n"
    large = PageResult(Path("page.html"), 2_345_678, 1, {"not in the dataset": 2})
    assert printed(print_page, large) == " page.html  2.3 MB, 1 face in it\n without 2: not in the dataset\n"
