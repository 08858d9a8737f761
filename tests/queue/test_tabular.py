import csv
import io
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_queue import ITEM, UNSURE, small_queue

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.assign import assign, part_of
from labelaudit.queue.escape import escaped, unescaped
from labelaudit.queue.select import QueueChoice, select_queue
from labelaudit.queue.tabular import read_tabular, write_csv, write_parquet

COLUMNS = [
    "rank",
    "path",
    "given_label",
    "suggested_label",
    "decision",
    "annotator",
    "p_mislabelled",
    "suggested_confidence",
    "reason",
    "sample_id",
    "content_sha256",
]
WRITERS = pytest.mark.parametrize(("writer", "name"), [(write_csv, "queue.csv"), (write_parquet, "queue.parquet")])


@pytest.fixture
def queue(make_report):
    rows = [{}, {"suggested_label": None, "suggested_confidence": None}, {"path": None, "content_sha256": None}]
    return select_queue(make_report(*rows), QueueChoice())


def rows_of(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill_in(path, **columns):
    """Fills in columns as a person does in a spreadsheet."""
    rows = rows_of(path)
    for name, cells in columns.items():
        for row, cell in zip(rows, cells, strict=True):
            row[name] = cell
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_spreadsheet_sees_one_row_a_picture(queue, tmp_path):
    write_csv(queue, tmp_path / "queue.csv", pictures={})
    rows = rows_of(tmp_path / "queue.csv")
    assert list(rows[0]) == COLUMNS
    assert rows[0] == {
        "rank": "1",
        "path": "a/0.png",
        "given_label": "happy",
        "suggested_label": "sad",
        "decision": "",
        "annotator": "",
        "p_mislabelled": "0.9000",
        "suggested_confidence": "0.8000",
        "reason": "confidence 0.100 in happy, noisy up to 0.200",
        "sample_id": "a/0.png",
        "content_sha256": "0" * 64,
    }
    assert [row["suggested_confidence"] for row in rows] == ["0.8000", "", "0.8000"]
    assert not (tmp_path / "queue.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_parquet_holds_the_same_with_types(queue, tmp_path):
    write_parquet(queue, tmp_path / "queue.parquet", pictures={})
    table = pq.read_table(tmp_path / "queue.parquet")
    assert table.column_names == COLUMNS
    assert table.schema.field("rank").type == pa.int64()
    assert table["p_mislabelled"].to_pylist() == pytest.approx([0.9] * 3)
    assert table["decision"].to_pylist() == [None] * 3
    assert table["suggested_label"].to_pylist() == ["sad", None, "sad"]


@WRITERS
def test_a_blind_queue_tells_nothing_of_the_audit(queue, tmp_path, writer, name):
    writer(replace(queue, blind=True), tmp_path / name, pictures={})
    content = (tmp_path / name).read_bytes()
    columns = pq.read_table(tmp_path / name).column_names if name.endswith("t") else list(rows_of(tmp_path / name)[0])
    assert columns == ["path", "decision", "annotator", "sample_id", "content_sha256"]
    for word in (b"happy", b"sad", b"noisy", b"0.9"):
        assert word not in content


def test_pictures_stand_in_a_column_and_the_path_is_then_left_out_of_a_blind_queue(queue, tmp_path):
    links = {item.sample_id: f"https://x.example/{item.rank}.png" for item in queue.items[:2]}
    write_csv(queue, tmp_path / "open.csv", pictures=links)
    assert [row["picture"] for row in rows_of(tmp_path / "open.csv")] == [*links.values(), ""]
    assert "path" in rows_of(tmp_path / "open.csv")[0]
    write_csv(replace(queue, blind=True), tmp_path / "blind.csv", pictures=links)
    assert list(rows_of(tmp_path / "blind.csv")[0])[:2] == ["picture", "decision"]


def test_annotators_are_filled_in(queue, tmp_path):
    shared = assign(queue, ("ann", "bo"), overlap=2)
    write_csv(part_of(shared, "bo"), tmp_path / "bo.csv", pictures={})
    rows = rows_of(tmp_path / "bo.csv")
    assert [row["annotator"] for row in rows] == ["bo"] * 3
    assert "annotators" not in rows[0]
    write_csv(shared, tmp_path / "all.csv", pictures={})
    assert [(row["annotator"], row["annotators"]) for row in rows_of(tmp_path / "all.csv")] == [("", "ann; bo")] * 3


def test_what_a_person_fills_in_comes_back(queue, tmp_path):
    path = tmp_path / "queue.csv"
    write_csv(queue, path, pictures={})
    assert read_tabular(path) == ()
    fill_in(path, decision=[" sad ", "", "(not a face)"], annotator=["ann", "ann", ""])
    assert read_tabular(path) == (
        Decision("a/0.png", Ruling.LABEL, "sad", "ann", tool="csv", content_sha256="0" * 64),
        Decision("a/2.png", Ruling.NOT_A_FACE, tool="csv"),
    )


def test_a_data_frame_comes_back(queue, tmp_path):
    path = tmp_path / "queue.parquet"
    write_parquet(queue, path, pictures={})
    frame = pd.read_parquet(path)
    frame["decision"] = pd.Categorical([None, "(ambiguous)", "neutral"])
    frame.to_parquet(path)
    assert [(each.ruling, each.label, each.tool) for each in read_tabular(path)] == [
        (Ruling.AMBIGUOUS, None, "parquet"),
        (Ruling.LABEL, "neutral", "parquet"),
    ]


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-8", ","), ("latin-1", ";")]
)
def test_what_spreadsheets_save_is_read(tmp_path, encoding, delimiter):
    path = tmp_path / "queue.csv"
    text = delimiter.join(["sample_id", "decision", "note"]) + "\r\n" + delimiter.join(["ü.png", "sad", ""]) + "\r\n"
    path.write_bytes(text.encode(encoding))
    assert read_tabular(path) == (Decision("ü.png", Ruling.LABEL, "sad", tool="csv"),)


def test_json_lines_with_a_decision_are_read(tmp_path):
    path = tmp_path / "metadata.jsonl"
    path.write_text('{"sample_id": "a", "decision": null}\n{"sample_id": "b", "decision": "sad"}\n')
    assert read_tabular(path) == (Decision("b", Ruling.LABEL, "sad", tool="jsonl"),)


def test_a_mark_stands_before_what_is_not_ascii(queue, tmp_path):
    path = tmp_path / "queue.csv"
    write_csv(replace(queue, items=(replace(queue.items[0], sample_id="ü.png"),)), path, pictures={})
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    fill_in(path, decision=["sad"])
    assert read_tabular(path)[0].sample_id == "ü.png"


EVIL = ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", "'=x", "''+x", "'plain", "plain", "", "a=b", " =x"]


def test_cells_that_a_spreadsheet_would_run_are_escaped():
    harmless = ["'=HYPERLINK(1)", "'+1", "'-1", "'@x", "'\tx", "'\rx", "''=x", "'''+x", *EVIL[8:]]
    assert [escaped(cell) for cell in EVIL] == harmless


@given(st.one_of(st.sampled_from(EVIL), st.text()))
def test_every_cell_comes_back(cell):
    assert unescaped(escaped(cell)) == cell
    assert not escaped(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("sample_id", [*filter(None, EVIL), ' "quoted", and\nbroken ', "x\r\ny"])
def test_awkward_ids_and_classes_come_back_through_csv(queue, tmp_path, sample_id):
    path = tmp_path / "queue.csv"
    write_csv(replace(queue, items=(replace(queue.items[0], sample_id=sample_id),)), path, pictures={})
    fill_in(path, decision=["-1"])
    assert [(each.sample_id, each.label) for each in read_tabular(path)] == [(sample_id, "-1")]
    fill_in(path, decision=["'-1"])
    assert [each.label for each in read_tabular(path)] == ["-1"]


def test_a_file_that_is_no_queue_says_what_it_lacks(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("path,label\na,sad\n")
    with pytest.raises(DecisionError, match=r"labels\.csv has no column 'sample_id' and no 'decision'"):
        read_tabular(path)
    path.write_text("sample_id,decision\n,sad\n")
    with pytest.raises(DecisionError, match="'sad' stands in a row without a sample_id"):
        read_tabular(path)
    path.write_text("sample_id,decision\na,sad,more,\n")
    with pytest.raises(DecisionError, match=r"line 2 has 4 fields where the header has 2"):
        read_tabular(path)
    broken = tmp_path / "queue.parquet"
    broken.write_bytes(b"PAR1")
    with pytest.raises(DecisionError, match=r"queue\.parquet cannot be read as Parquet"):
        read_tabular(broken)


def test_nothing_else_than_csv_is_needed_to_read_it(queue, tmp_path):
    write_csv(queue, tmp_path / "queue.csv", pictures={})
    frame = pd.read_csv(io.BytesIO((tmp_path / "queue.csv").read_bytes()))
    assert frame["sample_id"].tolist() == ["a/0.png", "a/1.png", "a/2.png"]


def test_copies_are_told_where_there_are_any(tmp_path):
    items = (replace(ITEM, copies=3), UNSURE)
    write_csv(small_queue(items=items), tmp_path / "q.csv", pictures={})
    with open(tmp_path / "q.csv", newline="", encoding="utf-8-sig") as file:
        assert [row["copies"] for row in csv.DictReader(file)] == ["3", "0"]
    write_csv(small_queue(), tmp_path / "plain.csv", pictures={})
    assert "copies" not in (tmp_path / "plain.csv").read_text(encoding="utf-8-sig").splitlines()[0]
