from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from finished_runs import finished_run, grey_png, picture_folder

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.apply import apply_decisions
from labelaudit.queue.decisions import read_decisions
from labelaudit.queue.how import ApplyAs
from labelaudit.queue.ledger import read_ledger
from labelaudit.queue.outcome import Choices
from labelaudit.queue.undo import apply_undo
from labelaudit.source.origin import open_run_source

TEXT = 'path,label,note\r\n0.png,happy,"a, ""b"""\r\n1.png,sad,\r\n\r\n2.png, happy,x\r\n3.png,sad,y'
"""Its last line has no end, its labels not all the same space."""


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    for row in range(4):
        (folder / f"{row}.png").write_bytes(grey_png(row))
    (folder / "labels.csv").write_bytes(TEXT.encode())
    return folder / "labels.csv"


def put_right(dataset: Path, name: str, *decisions: Decision, **more):
    run = finished_run(dataset.parent.parent / f"run-{name}", dataset)
    out = dataset.parent.parent / name
    drop = Choices(drop=frozenset({Ruling.NOT_A_FACE}))
    return apply_decisions(run, decisions, source=open_run_source(run), out=out, choices=drop, **more)


def label(row: int, name: str) -> Decision:
    return Decision(f"{row}.png", Ruling.LABEL, name, "ann")


def gone(row: int) -> Decision:
    return Decision(f"{row}.png", Ruling.NOT_A_FACE, None, "ann")


@pytest.mark.parametrize(
    "decisions",
    [
        [label(0, "sad"), label(2, "sad")],
        [gone(0), label(2, "sad")],
        [gone(3)],
        [gone(1), gone(2), label(0, "sad")],
        [label(1, "sad")],
    ],
)
def test_text_comes_back_byte_for_byte(dataset, tmp_path, decisions):
    result = put_right(dataset, "out", *decisions)
    dataset.unlink()  # from the new labels and their ledger alone
    back = apply_undo(result.out / "ledger.jsonl", out=tmp_path / "back")
    assert (back.out / "labels.csv").read_bytes() == TEXT.encode()
    assert not (back.out / ".left_out").exists()


def test_taking_back_is_an_act_of_the_ledger(dataset, tmp_path):
    result = put_right(dataset, "out", label(0, "sad"))
    before = (result.out / "ledger.jsonl").read_bytes()
    back = apply_undo(result.out, out=tmp_path / "back")
    assert back.changed == [("0.png", "sad", "happy")]
    after = (back.out / "ledger.jsonl").read_bytes()
    assert after.startswith(before)
    done, undone = read_ledger(back.out / "ledger.jsonl")
    assert (undone.about["act"], undone.about["undone"]) == ("undo", done.about["when"])
    assert [(row["old"], row["new"], row["ruling"]) for row in undone.rows] == [("sad", "happy", "undo")]
    with pytest.raises(DecisionError, match="everything in this ledger is undone already"):
        apply_undo(back.out, out=tmp_path / "again")


def test_a_ledger_tells_what_people_decided(dataset, tmp_path):
    conflict = [label(3, "sad"), Decision("3.png", Ruling.LABEL, "happy", "bo")]
    result = put_right(dataset, "out", label(0, "sad"), label(1, "sad"), gone(2), *conflict)
    found = read_decisions(result.out / "ledger.jsonl")
    assert [(each.sample_id, each.ruling, each.label, each.given_label) for each in found] == [
        ("0.png", Ruling.LABEL, "sad", "happy"),
        ("1.png", Ruling.LABEL, "sad", "sad"),
        ("2.png", Ruling.NOT_A_FACE, None, "happy"),
    ]
    assert all(each.content_sha256 is not None for each in found)
    back = apply_undo(result.out, out=tmp_path / "back")
    assert read_decisions(back.out / "ledger.jsonl") == ()


def test_two_acts_are_taken_back_one_after_the_other(dataset, tmp_path):
    first = put_right(dataset, "one", label(0, "sad"))
    for row in range(4):  # the pictures beside the new table
        (first.out / f"{row}.png").write_bytes(grey_png(row))
    second = put_right(first.out / "labels.csv", "two", label(2, "sad"))
    assert [act.about["act"] for act in read_ledger(second.out / "ledger.jsonl")] == ["apply", "apply"]
    middle = apply_undo(second.out, out=tmp_path / "middle")
    assert (middle.out / "labels.csv").read_bytes() == (first.out / "labels.csv").read_bytes()
    start = apply_undo(middle.out, out=tmp_path / "start")
    assert (start.out / "labels.csv").read_bytes() == TEXT.encode()
    assert [act.about["act"] for act in read_ledger(start.out / "ledger.jsonl")] == ["apply", "apply", "undo", "undo"]


def test_a_file_that_was_changed_since_is_refused(dataset, tmp_path):
    result = put_right(dataset, "out", label(0, "sad"))
    table = result.out / "labels.csv"
    table.write_bytes(table.read_bytes().replace(b"1.png,sad", b"1.png,mad"))
    with pytest.raises(DecisionError, match=r"labels\.csv was changed after the ledger was written"):
        apply_undo(result.out, out=tmp_path / "back")
    table.unlink()
    with pytest.raises(DecisionError, match=r"labels\.csv is missing beside the ledger"):
        apply_undo(result.out, out=tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_ledger_that_was_changed_is_refused(dataset, tmp_path):
    result = put_right(dataset, "out", label(0, "sad"))
    ledger = result.out / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace('"was": "happy"', '"was": "glad"'))
    with pytest.raises(DecisionError, match="does not come back as it was"):
        apply_undo(ledger, out=tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_parquet_with_another_label_than_the_ledger_says_is_refused(tmp_path):
    cells = {"id": list("abcd"), "image": [grey_png(row) for row in range(4)], "label": ["x", "y", "x", "y"]}
    pq.write_table(pa.table(cells), tmp_path / "faces.parquet")
    run = finished_run(tmp_path / "run", tmp_path / "faces.parquet")
    decision = Decision("a", Ruling.LABEL, "y")
    result = apply_decisions(run, [decision], source=open_run_source(run), out=tmp_path / "out")
    table = pq.read_table(result.out / "faces.parquet")
    assert table["label"].to_pylist() == ["y", "y", "x", "y"]
    pq.write_table(table.set_column(2, "label", pa.array(["x", "y", "x", "y"])), result.out / "faces.parquet")
    with pytest.raises(DecisionError, match=r'row 1 of faces\.parquet is "x" and not "y"'):
        apply_undo(result.out, out=tmp_path / "back")


def test_what_was_left_out_must_be_there(dataset, tmp_path):
    result = put_right(dataset, "out", gone(1))
    (result.out / ".left_out" / "labels.csv").unlink()
    with pytest.raises(DecisionError, match=r"what was left out of labels\.csv is not kept here"):
        apply_undo(result.out, out=tmp_path / "back")


def test_a_plan_of_renames_is_turned_round(tmp_path):
    folder = picture_folder(tmp_path / "set", "happy/1.png", "happy/2.png", "sad/1.png", "sad/3.png")
    run = finished_run(tmp_path / "run", folder)
    decision = Decision("happy/1.png", Ruling.LABEL, "sad")
    result = apply_decisions(run, [decision], source=open_run_source(run), out=tmp_path / "out")
    assert result.how is ApplyAs.PLAN
    assert json.loads((result.out / "moves.json").read_text()) == {
        "moves": [{"from": "happy/1.png", "to": "sad/1-2.png"}]
    }
    assert (result.out / "moves.csv").read_text() == "from,to\nhappy/1.png,sad/1-2.png\n"
    back = apply_undo(result.out, out=tmp_path / "back")
    assert json.loads((back.out / "moves.json").read_text()) == {
        "moves": [{"from": "sad/1-2.png", "to": "happy/1.png"}]
    }
    assert "happy/1.png,happy/1.png,happy" in (back.out / "labels.csv").read_text()


def test_links_share_the_pictures_and_leave_the_dataset_alone(tmp_path):
    folder = picture_folder(tmp_path / "set", "happy/1.png", "happy/2.png", "sad/1.png", "sad/3.png")
    run = finished_run(tmp_path / "run", folder)
    decision = Decision("happy/1.png", Ruling.LABEL, "sad")
    source = open_run_source(run)
    result = apply_decisions(run, [decision], source=source, out=tmp_path / "out", how=ApplyAs.LINKS)
    assert (result.out / "sad" / "1-2.png").samefile(folder / "happy" / "1.png")
    back = apply_undo(result.out, out=tmp_path / "back")
    assert (back.out / "happy" / "1.png").samefile(folder / "happy" / "1.png")
    assert not (back.out / "sad" / "1-2.png").exists()
    (result.out / "sad" / "1-2.png").unlink()
    with pytest.raises(DecisionError, match=r"sad/1-2\.png is missing beside the ledger"):
        apply_undo(result.out, out=tmp_path / "again")
    (result.out / "sad" / "1-2.png").write_bytes(grey_png(99))
    with pytest.raises(DecisionError, match=r"sad/1-2\.png is not the picture that the ledger speaks of"):
        apply_undo(result.out, out=tmp_path / "again")


def test_where_undone_labels_may_not_be_written(dataset, tmp_path):
    result = put_right(dataset, "out", label(0, "sad"))
    for out in (result.out, result.out / "below"):
        with pytest.raises(DecisionError, match="--out"):
            apply_undo(result.out, out=out, force=True)
    assert apply_undo(result.out, out=tmp_path / "back", dry_run=True).changed == [("0.png", "sad", "happy")]
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("nonsense\n", "line 1: not a line of a ledger"),
        ('{"sample_id": "a"}\n', "line 1: not a line of a ledger"),
        ('{"act": "apply"}\n{"old": 1}\n', "line 2: not a line of a ledger"),
        ('{"act": "apply"}\n', "the ledger is damaged"),
    ],
)
def test_what_is_no_ledger_is_refused(tmp_path, text, told):
    path = tmp_path / "ledger.jsonl"
    path.write_text(text)
    with pytest.raises(DecisionError, match=told):
        apply_undo(path, out=tmp_path / "back")
    with pytest.raises(DecisionError, match="cannot be read as a ledger"):
        apply_undo(tmp_path / "no.jsonl", out=tmp_path / "back")


@pytest.mark.parametrize(
    "written",
    [
        {"own": "../../pwned.txt", "was": "evil", "now": None},
        {"own": "/tmp/pwned.txt", "was": "evil", "now": None},
        {"own": "..\\..\\pwned.txt", "was": "evil", "now": None},
        {"picture": "../../pwned.png", "moved": "labels.csv"},
        {"picture": "0.png", "moved": "../labels.csv"},
        {"file": "../labels.csv", "record": 0, "was": "happy", "now": "sad"},
    ],
)
def test_a_ledger_cannot_write_or_read_outside_of_its_folder(dataset, tmp_path, written):
    put_right(dataset, "new", label(0, "sad"))
    ledger = tmp_path / "new" / "ledger.jsonl"
    about, row = map(json.loads, ledger.read_text().splitlines())
    ledger.write_text(f"{json.dumps(about)}\n{json.dumps(row | {'written': written})}\n")
    with pytest.raises(DecisionError, match="lies outside its folder"):
        apply_undo(ledger, out=tmp_path / "deep" / "er" / "back")
    assert not list(tmp_path.rglob("pwned*"))
    assert not (tmp_path / "deep").exists()


def test_a_file_outside_of_its_folder_is_refused_too(dataset, tmp_path):
    put_right(dataset, "new", label(0, "sad"))
    ledger = tmp_path / "new" / "ledger.jsonl"
    about, row = map(json.loads, ledger.read_text().splitlines())
    about["files"][0]["path"] = "../set/labels.csv"
    ledger.write_text(f"{json.dumps(about)}\n{json.dumps(row)}\n")
    with pytest.raises(DecisionError, match="lies outside its folder"):
        apply_undo(ledger, out=tmp_path / "back")


@pytest.mark.parametrize("change", [{"files": 3}, {"as": "magic"}, {"opening": "x"}, {"opening": None}, {"when": 3}])
def test_a_damaged_first_line_is_said(dataset, tmp_path, change):
    put_right(dataset, "new", label(0, "sad"))
    ledger = tmp_path / "new" / "ledger.jsonl"
    about, row = map(json.loads, ledger.read_text().splitlines())
    ledger.write_text(f"{json.dumps(about | change)}\n{json.dumps(row)}\n")
    if change == {"when": 3}:  # nothing rests on it
        apply_undo(ledger, out=tmp_path / "back")
        return
    with pytest.raises(DecisionError, match="damaged"):
        apply_undo(ledger, out=tmp_path / "back")
