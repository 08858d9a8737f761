from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.errors import DecisionError
from labelaudit.queue.rewrite.spans import csv_fields, json_span, word_records
from labelaudit.queue.rewrite.text import TextRewriter
from labelaudit.source.tables import read_table
from labelaudit.source.written import CsvCells, JsonCells, Words

cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)


@given(st.lists(cells, min_size=2, max_size=6), st.sampled_from(",;\t|"), st.booleans())
def test_csv_fields_are_those_of_the_csv_module(row, delimiter, quote_all):
    file = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="\n").writerow(row)
    text = file.getvalue()
    fields = [text[start:stop] for start, stop in csv_fields(text, delimiter)]
    assert [next(csv.reader(io.StringIO(each), delimiter=delimiter), [""])[0] for each in fields] == row
    assert delimiter.join(fields) + "\n" == text


def test_a_record_that_ends_within_quotes_has_no_fields_yet():
    assert csv_fields('a,"b\n', ",") is None
    assert csv_fields('a,"b""\n', ",") is None
    assert csv_fields('a,"b"""\n', ",") == [(0, 1), (2, 7)]


keys = st.text(max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(keys, values, max_size=5), st.sampled_from([None, 2]), st.booleans())
def test_a_json_span_is_the_value_and_nothing_else(row, indent, ascii_only):
    text = json.dumps(row, indent=indent, ensure_ascii=ascii_only)
    for key, value in row.items():
        start, stop = json_span(text, key)
        assert json.loads(text[start:stop]) == value
        changed = json.loads(f'{text[:start]}"new"{text[stop:]}')
        assert changed == row | {key: "new"}
    assert json_span(text, "not there") is None


def test_json_spans_in_odd_lines():
    assert json_span('\ufeff { "a" : 1 , "a":2}\r\n', "a") == (18, 19)
    with pytest.raises(DecisionError, match="no JSON object"):
        json_span('{"a": 1', "b")


def test_words_have_the_space_before_them():
    lines = ["2\n", "names here\n", "a.jpg -1  1 -1\r\n", "\n", "b.jpg -1 -1 -1\n"]
    records = list(word_records(iter(lines), position=2, least=4, header=2))
    assert [(record.is_row, record.label and record.text[slice(*record.label)]) for record in records] == [
        (False, None),
        (False, None),
        (True, "  1"),
        (False, None),
        (True, " -1"),
    ]
    (short,) = word_records(iter(["a.jpg\n"]), position=1, least=2, header=0)
    assert short.label == (5, 5)
    (last,) = word_records(iter(["an actor.jpg 0 1 2 3 4 45.7 6\n"]), position=-1, least=8, header=0)
    assert last.text[slice(*last.label)] == " 6"


TABLES = [
    (CsvCells("label"), "t.csv", 'path,label\r\na.png,sad\r\n"b, c.png","ha""ppy"\r\n\r\n,\r\n"d\r\n.png",sad\r\n'),
    (CsvCells("label"), "t.tsv", "label\tpath\nsad\ta.png\nha,ppy\tb.png\n sad \tc.png"),
    (CsvCells("label", ("label", "path")), "t.csv", "note;label;path\nx;sad;a\nx;;\ny;happy;b\nz;sad;c\n"),
    (JsonCells("label"), "t.jsonl", '{"label": "sad", "n": 1}\n\n{"n":2,"label":"hap\\u0070y"}\n{"label" :3}\n'),
    (Words(1, 2), "t.txt", "a.jpg 1\n\nb.jpg\t2\nc.jpg\n\n\n"),
]


@pytest.mark.parametrize(("form", "name", "text"), TABLES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-mark", "latin-1"])
@pytest.mark.parametrize("left_out", [(), (0,), (1,), (0, 2), (0, 1, 2)])
def test_new_spellings_go_in_and_old_ones_come_back(tmp_path, form, name, text, encoding, left_out):
    if encoding == "latin-1":
        content = text.replace("png", "pñg").encode("latin-1")
    else:
        content = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-mark" else text.encode(encoding)
    file, new, back, aside, joined = (tmp_path / f"{part}{name}" for part in ("", "new-", "back-", "aside-", "joined-"))
    file.write_bytes(content)
    rewriter = TextRewriter(form)
    spellings = rewriter.spellings(file)
    assert len(spellings) == 3
    edits = {row: spellings[0] for row in range(3) if row not in left_out}
    places = rewriter.write_edited(file, new, edits, left_out, aside)
    assert len(places) == len(left_out)
    kept = [row for row in range(3) if row not in left_out]
    assert rewriter.spellings(new) == [spellings[0]] * len(kept)
    assert aside.exists() == bool(left_out)
    whole = new
    if left_out:
        rewriter.write_joined(new, joined, places, aside)
        whole = joined
    rewriter.write_edited(whole, back, {row: spellings[row] for row in edits}, (), aside)
    assert back.read_bytes() == content


def test_lines_that_were_not_touched_are_the_same_bytes(tmp_path):
    file = tmp_path / "t.csv"
    lines = [f'"{row}",sad, x \r\n' for row in range(50)]
    file.write_text("id,label,note\r\n" + "".join(lines), newline="")
    TextRewriter(CsvCells("label")).write_edited(file, tmp_path / "n.csv", {7: "happy"}, (), tmp_path / "aside")
    after = (tmp_path / "n.csv").read_bytes().decode().splitlines(keepends=True)[1:]
    assert after == [*lines[:7], '"7",happy, x \r\n', *lines[8:]]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(["", "a", 'q"q', "x,y", "n\nn", " "]), min_size=3, max_size=3), min_size=1))
def test_records_are_the_rows_that_the_dataset_s_reader_finds(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("csv") / "t.csv"
    with open(file, "w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([["p", "label", "r"], *rows])
    read = read_table(file, [])["label"].to_pylist()
    spellings = TextRewriter(CsvCells("label")).spellings(file)
    assert [next(csv.reader(io.StringIO(each)), [""])[0] for each in spellings] == read


def test_a_label_that_an_encoding_lacks_is_refused(tmp_path):
    file = tmp_path / "t.csv"
    file.write_bytes("path,label\né.png,sad\n".encode("latin-1"))
    with pytest.raises(DecisionError, match=r"t\.csv is latin-1 text and cannot hold '悲': .*--as manifest"):
        TextRewriter(CsvCells("label")).write_edited(file, tmp_path / "n.csv", {0: "悲"}, (), tmp_path / "aside")


def test_a_column_that_is_gone_is_said(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("path,lable\na,b\n")
    with pytest.raises(DecisionError, match=r"t\.csv has no column 'label' any more"):
        TextRewriter(CsvCells("label")).spellings(file)
