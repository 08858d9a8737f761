from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.errors import ReportError
from labelaudit.records import Verdict
from labelaudit.report.changes import COLUMNS, write_changes
from labelaudit.report.compare import ClassChange, LabelChange, SettingChange, compare_reports, compare_runs
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.schema import report_schema
from labelaudit.report.table import Report

META = ReportMetadata(
    tool_version="0.1.0",
    dataset="faces",
    dataset_fingerprint="f00d",
    source_format="folder",
    source_why="a folder a class",
    classes=("happy", "sad"),
    settings={"folds": 5, "nets": {"size": 96}},
    seed=0,
    device="cpu",
    weights="face",
    torch_version="2.6.0",
)
FLAGGED, CLEAN, UNSURE, BROKEN = Verdict.MISLABELLED, Verdict.CLEAN, Verdict.AMBIGUOUS, Verdict.UNREADABLE


def report(*rows: tuple[str, str | None, Verdict, float | None, str | None], **metadata) -> Report:
    """Rows of (sample_id, given label, verdict, p_mislabelled, hash)."""
    schema = pa.schema([report_schema(2).field(name) for name in COLUMNS])
    columns = zip(*rows, strict=True)
    named = dict(zip(("sample_id", "given_label", "verdict", "p_mislabelled", "content_sha256"), columns, strict=True))
    named["suggested_label"] = [None] * len(rows)
    plain = {name: [str(each) if isinstance(each, Verdict) else each for each in named[name]] for name in COLUMNS}
    return Report(pa.table(plain, schema=schema), replace(META, **metadata))


BEFORE = report(
    ("a", "happy", FLAGGED, 0.9, "A"),  # gets another label
    ("b", "happy", FLAGGED, 0.75, "B"),  # keeps its label and is cleared
    ("c", "sad", FLAGGED, 0.5, "C"),  # still there
    ("d", "sad", FLAGGED, 0.5, "D"),  # still there, under another label
    ("e", "sad", FLAGGED, 0.5, "E"),  # leaves
    ("f", "sad", CLEAN, 0.25, "F"),  # newly doubted
    ("g", "sad", CLEAN, 0.0, "G"),  # nothing changes
    ("h", None, BROKEN, None, None),  # nothing changes
    noise_rate=Estimate(0.25, 0.2, 0.3),
)
AFTER = report(
    ("g", "sad", CLEAN, 0.0, "G"),
    ("a", "sad", CLEAN, 0.1, "A"),
    ("b", "happy", UNSURE, 0.4, "B"),
    ("c", "sad", FLAGGED, 0.6, "other"),
    ("d", "happy", FLAGGED, 0.7, "D"),
    ("f", "sad", FLAGGED, 0.5, "F"),
    ("h", None, BROKEN, None, None),
    ("new", "happy", FLAGGED, 0.9, "N"),
    noise_rate=Estimate(0.125, 0.1, 0.19),
)


def test_fixed_still_there_and_new_add_up() -> None:
    found = compare_reports(BEFORE, AFTER)
    assert (found.matched, found.came, found.left, found.moved) == (7, 1, 1, 0)
    assert (found.before.flagged, found.after.flagged) == (5, 4)
    outcomes = found.outcomes
    assert (outcomes.fixed, outcomes.fixed_relabelled, outcomes.fixed_cleared, outcomes.fixed_removed) == (3, 1, 1, 1)
    assert (outcomes.still_there, outcomes.still_relabelled) == (2, 1)
    assert (outcomes.new, outcomes.new_relabelled, outcomes.new_samples) == (2, 0, 1)
    assert outcomes.fixed + outcomes.still_there == found.before.flagged
    assert outcomes.new + outcomes.still_there == found.after.flagged
    assert (found.label_changed, found.verdict_changed, found.picture_changed) == (2, 3, 1)
    assert found.relabelled == (LabelChange("happy", "sad", 1), LabelChange("sad", "happy", 1))


def test_verdicts_go_from_one_to_the_other() -> None:
    steps = compare_reports(BEFORE, AFTER).transitions
    assert steps["mislabelled"] == {"clean": 1, "ambiguous": 1, "mislabelled": 2, "undetermined": 0, "unreadable": 0}
    assert steps["clean"] == {"clean": 1, "ambiguous": 0, "mislabelled": 1, "undetermined": 0, "unreadable": 0}
    assert steps["unreadable"]["unreadable"] == 1
    assert sum(sum(row.values()) for row in steps.values()) == 7


def test_classes_are_counted_by_the_label_of_each_audit() -> None:
    happy, sad = compare_reports(BEFORE, AFTER).per_class
    assert happy == ClassChange("happy", 2, 3, 2, 2, 0.825, 0.6667)  # (.9 + .75) / 2, (.4 + .7 + .9) / 3
    assert sad == ClassChange("sad", 5, 4, 3, 2, 0.35, 0.3)  # 1.75 / 5, 1.2 / 4


def test_intervals_of_the_noise_rate_overlap_or_do_not() -> None:
    assert compare_reports(BEFORE, AFTER).noise_rates_overlap is False
    wider = Report(AFTER.table, replace(AFTER.metadata, noise_rate=Estimate(0.125, 0.1, 0.2)))
    assert compare_reports(BEFORE, wider).noise_rates_overlap is True
    without = Report(AFTER.table, replace(AFTER.metadata, noise_rate=Estimate(0.125)))
    assert compare_reports(BEFORE, without).noise_rates_overlap is None


def test_a_file_that_moved_to_another_folder_is_the_same_face() -> None:
    before = report(
        ("happy/1.png", "happy", FLAGGED, 0.9, "A"),
        ("happy/2.png", "happy", FLAGGED, 0.9, "twin"),
        ("happy/3.png", "happy", CLEAN, 0.1, "twin"),
        ("happy/4.png", "happy", CLEAN, 0.1, None),
    )
    after = report(
        ("sad/1.png", "sad", CLEAN, 0.1, "A"),
        ("sad/2.png", "sad", CLEAN, 0.1, "twin"),
        ("happy/3.png", "happy", CLEAN, 0.1, "twin"),
        ("sad/4.png", "sad", CLEAN, 0.1, None),  # without a hash nobody knows
    )
    found = compare_reports(before, after)
    assert (found.matched, found.moved, found.came, found.left) == (3, 2, 1, 1)
    assert (found.outcomes.fixed, found.outcomes.fixed_relabelled) == (2, 2)
    rows = {row["sample_id"]: row for row in found.changes.to_pylist()}
    assert rows["sad/1.png"]["sample_id_before"] == "happy/1.png"
    assert rows["sad/2.png"]["sample_id_before"] == "happy/2.png"
    assert rows["sad/2.png"]["presence"] == "both"
    assert "happy/3.png" not in rows


def test_rows_that_changed_are_listed_with_both_audits() -> None:
    rows = {row["sample_id"]: row for row in compare_reports(BEFORE, AFTER).changes.to_pylist()}
    assert set(rows) == {"a", "b", "c", "d", "e", "f", "new"}
    assert rows["a"] == {
        "sample_id": "a",
        "sample_id_before": "a",
        "outcome": "fixed",
        "presence": "both",
        "label_changed": True,
        "verdict_changed": True,
        "picture_changed": False,
        "given_label_before": "happy",
        "given_label_after": "sad",
        "verdict_before": "mislabelled",
        "verdict_after": "clean",
        "suggested_label_before": None,
        "suggested_label_after": None,
        "p_mislabelled_before": pytest.approx(0.9),
        "p_mislabelled_after": pytest.approx(0.1),
    }
    outcomes = {name: row["outcome"] for name, row in rows.items()}
    assert outcomes == {
        "a": "fixed", "b": "fixed", "c": "still_there", "d": "still_there", "e": "fixed", "f": "new", "new": "new",
    }  # fmt: skip
    assert rows["c"]["picture_changed"] is True
    assert (rows["e"]["presence"], rows["e"]["verdict_after"], rows["new"]["presence"]) == ("left", None, "came")


def test_other_settings_are_named() -> None:
    after = report(("a", "sad", CLEAN, 0.1, "A"), settings={"folds": 5, "nets": {"size": 48}, "rule": None}, seed=3)
    assert compare_reports(BEFORE, after).settings == (
        SettingChange("nets.size", "96", "48"),
        SettingChange("seed", "0", "3"),
        SettingChange("rule", "", "not set"),
    )
    assert compare_reports(BEFORE, AFTER).settings == ()


def test_names_of_classes_need_not_be_in_the_same_order() -> None:
    table = pa.table(
        {
            **{name: AFTER.table[name] for name in COLUMNS},
            "given_label": pa.array(AFTER.table["given_label"].to_pylist(), pa.string()).dictionary_encode(),
        }
    ).select(list(COLUMNS))
    turned = Report(table, replace(AFTER.metadata, classes=("sad", "happy")))
    found = compare_reports(BEFORE, turned)
    assert found.label_changed == 2
    assert [each.label for each in found.per_class] == ["happy", "sad"]
    assert [each.name for each in found.settings] == ["classes"]


def test_other_datasets_are_not_compared() -> None:
    with pytest.raises(ReportError, match="no sample in common"):
        compare_reports(BEFORE, report(("z", "sad", CLEAN, 0.1, "Z")))


def test_a_run_against_itself_has_nothing_but_what_is_still_there(case, tmp_path: Path) -> None:
    path = case.write(tmp_path / "report.parquet")
    found = compare_runs(path, path)
    assert (found.outcomes.fixed, found.outcomes.still_there, found.outcomes.new) == (0, 2, 0)
    assert found.settings == ()
    assert found.matched == 9
    assert found.changes["sample_id"].to_pylist() == ["s2", "s5"]
    said = found.to_json()
    assert said["changed_rows"] == 2
    assert "changes" not in said


def test_a_csv_of_changes_runs_nothing_in_a_spreadsheet(tmp_path: Path) -> None:
    evil = "=HYPERLINK(1)"
    changes = compare_reports(BEFORE, report(("a", evil, CLEAN, 0.1, "A"))).changes
    write_changes(tmp_path / "changes.csv", changes)
    read = pyarrow.csv.read_csv(tmp_path / "changes.csv")
    assert read["given_label_after"][0].as_py() == f"'{evil}"
    write_changes(tmp_path / "changes.parquet", changes)
    assert pq.read_table(tmp_path / "changes.parquet").equals(changes)
    with pytest.raises(ReportError, match="exists already; add --force"):
        write_changes(tmp_path / "changes.csv", changes)
    with pytest.raises(ReportError, match=r"neither .parquet nor .csv"):
        write_changes(tmp_path / "changes.xlsx", changes)


ROWS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(list(Verdict)), st.integers(0, 3)), min_size=1)


@settings(deadline=None, max_examples=40)
@given(ROWS, ROWS)
def test_no_row_is_lost_or_counted_twice(first, second) -> None:
    def made(rows) -> Report:
        distinct = {f"s{number}": (f"s{number}", "sad", verdict, 0.5, f"h{digest}") for number, verdict, digest in rows}
        return report(("always", "sad", CLEAN, 0.1, "A"), *distinct.values())

    before, after = made(first), made(second)
    found = compare_reports(before, after)
    assert found.matched + found.left == len(before)
    assert found.matched + found.came == len(after)
    assert found.outcomes.fixed + found.outcomes.still_there == found.before.flagged
    assert found.outcomes.new + found.outcomes.still_there == found.after.flagged
    assert len(np.unique(found.changes["sample_id"].to_numpy())) <= found.changes.num_rows
