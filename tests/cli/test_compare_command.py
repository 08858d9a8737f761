from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.cli.output.compare import print_comparison
from labelaudit.report.compare import ClassChange, Comparison, LabelChange, Outcomes, SettingChange, Side
from labelaudit.report.metadata import METADATA_KEY, Estimate, ReportMetadata
from labelaudit.report.schema import report_schema


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "120"})


def comparison(**changed) -> Comparison:
    nothing = dict.fromkeys(("clean", "ambiguous", "mislabelled", "undetermined", "unreadable"), 0)
    found = Comparison(
        before=Side("faces", 8_000, 1_012, Estimate(0.23, 0.2, 0.26)),
        after=Side("faces", 7_998, 733, Estimate(0.15, 0.12, 0.19)),
        matched=7_998,
        moved=280,
        came=0,
        left=2,
        label_changed=280,
        verdict_changed=300,
        picture_changed=1,
        outcomes=Outcomes(302, 280, 20, 2, 710, 0, 23, 0, 0),
        transitions={name: {**nothing, "mislabelled": 700} for name in nothing},
        relabelled=[LabelChange("sad", "neutral", 44)],
        per_class=[ClassChange(f"class {k}", 1_000, 1_000, 100, 90, 0.2, None) for k in range(12)],
        settings=[SettingChange(f"asm.setting_{k}", "1", "2") for k in range(9)],
        changes=report_schema(2).empty_table(),
    )
    return replace(found, **changed)


def test_the_first_screen_fits_and_says_what_matters(printed) -> None:
    text = printed(print_comparison, comparison(), out=Path("changed.csv"), verbose=False)
    lines = text.splitlines()
    assert len(lines) <= 24
    assert lines[1] == " faces · 7,998 faces in both audits, 2 left"
    words = " ".join(text.split())
    assert "fixed 302 280 relabelled, 20 no longer doubted, 2 left" in words
    assert "still there 710 new 23" in words
    assert "wrong labels 23.0 % (20 to 26 %) -> 15.0 % (12 to 19 %)" in words
    assert "overlapping" not in words
    assert "not judged 0 0 1,400 0" in words
    assert "class 0 1,000 1,000 100 90 20.0 % –" in words
    assert "more: --verbose" in words
    assert (
        "280 labels changed, most often sad -> neutral (44); 1 other picture; 280 other names, found by picture"
        in words
    )
    assert "differ, so changes may come from them: asm.setting_0" in words
    assert "asm.setting_2, and 6 more (--verbose)" in words
    assert "0 changed rows in changed.csv" in words


def test_verbose_lists_every_class_and_setting(printed) -> None:
    words = " ".join(printed(print_comparison, comparison(), out=None, verbose=True).split())
    assert all(f"class {k} " in words for k in range(12))
    assert "asm.setting_8: 1 -> 2" in words
    assert "--verbose" not in words


@pytest.fixture
def two_runs(tmp_path: Path) -> tuple[Path, Path]:
    """A report of three rows, and the same with one label put right."""
    schema = report_schema(2)
    meta = ReportMetadata(
        tool_version="0.1.0",
        dataset="faces",
        dataset_fingerprint="f00d",
        source_format="folder",
        source_why="a folder a class",
        classes=("happy", "sad"),
        settings={},
        seed=0,
        device="cpu",
        weights="none",
        torch_version="2.6.0",
    )
    row = {field.name: None for field in schema}
    row |= {"reason": "between_thresholds", "epochs_clean": 0, "epochs_ambiguous": 0, "epochs_noisy": 0}
    before = [
        {**row, "sample_id": f"{k}", "given_label": "sad", "verdict": verdict, "p_mislabelled": 0.5}
        for k, verdict in enumerate(("mislabelled", "clean", "mislabelled"))
    ]
    after = [{**before[0], "given_label": "happy", "verdict": "clean"}, *before[1:]]
    folders = []
    for name, rows in {"before": before, "after": after}.items():
        folder = tmp_path / name
        folder.mkdir()
        table = pa.Table.from_pylist(rows, schema=schema)
        pq.write_table(table.replace_schema_metadata({METADATA_KEY: meta.to_bytes()}), folder / "report.parquet")
        folders.append(folder)
    return folders[0], folders[1]


def test_the_command_says_what_changed_and_writes_it(two_runs, tmp_path) -> None:
    before, after = two_runs
    target = tmp_path / "changed.csv"
    result = run("compare", before, after, "--out", target)
    assert result.exit_code == 0, result.stderr
    words = " ".join(result.stdout.split())
    assert "fixed 1 1 relabelled still there 1 new 0" in words
    assert len(target.read_text().splitlines()) == 3
    said = json.loads(run("compare", before, after, "--json").stdout)
    assert said["outcomes"]["fixed_relabelled"] == 1
    assert said["out"] is None
    assert said["settings"] == []
    quiet = run("compare", before, after, "--quiet")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


def test_what_cannot_be_compared_is_one_line_and_2(two_runs, tmp_path) -> None:
    before, after = two_runs
    (tmp_path / "mine.csv").write_text("mine")
    for arguments, said in (
        ([before, tmp_path / "nowhere"], "does not exist"),
        ([before, after, "--out", tmp_path / "mine.csv"], "exists already; add --force"),
        ([before, after, "--out", tmp_path / "mine.xlsx"], "neither .parquet nor .csv"),
    ):
        result = run("compare", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert len(result.stderr.splitlines()) == 1
        assert said in result.stderr
    assert (tmp_path / "mine.csv").read_text() == "mine"
