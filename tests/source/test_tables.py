"""Reading tables: encodings, delimiters, quotes, and which line is wrong."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelaudit.errors import SourceError
from labelaudit.source.encoding import text_encoding, text_lines
from labelaudit.source.tables import column_names, parquet_schema, read_table

TEXT = "path,label\na ü.png,happy\nb.png,sad\n"
ROWS = {"path": ["a ü.png", "b.png"], "label": ["happy", "sad"]}


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-32"), "utf-32"),
        (TEXT.encode("latin-1"), "latin-1"),
        (TEXT.replace("\n", "\r\n").encode() + b"\r\n\r\n", "utf-8"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, encoding: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes(content)
    said: list[str] = []
    assert text_encoding(file) == encoding
    assert read_table(file, said).to_pydict() == ROWS
    assert column_names(file) == ["path", "label"]
    assert said == (["labels.csv is not UTF-8; it was read as Latin-1"] if encoding == "latin-1" else [])


def test_latin_1_far_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes(b"path,label\n" + b"a.png,happy\n" * 100_000 + "ü.png,sad\n".encode("latin-1"))
    table = read_table(file, [])
    assert table.num_rows == 100_001
    assert table["path"][100_000].as_py() == "ü.png"


def test_binary_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(SourceError, match=r"x.csv is not a text file"):
        read_table(tmp_path / "x.csv", [])


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_other_delimiters_are_said(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(TEXT.replace(",", mark))
    said: list[str] = []
    assert read_table(file, said).to_pydict() == ROWS
    assert said == [f"labels.csv separates its columns with {mark!r}"]


def test_tsv_takes_tabs_only(tmp_path: Path) -> None:
    file = tmp_path / "labels.tsv"
    file.write_text("path\tlabel\na,b.png\thappy\n")
    said: list[str] = []
    assert read_table(file, said).to_pydict() == {"path": ["a,b.png"], "label": ["happy"]}
    assert said == []


def test_quotes_and_names_with_spaces(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text('path, label ,note\n"a,1.png",happy,"two\nlines ""so"""\nb.png,sad,\n')
    assert read_table(file, []).to_pydict() == {
        "path": ["a,1.png", "b.png"],
        "label": ["happy", "sad"],
        "note": ['two\nlines "so"', ""],
    }


def test_nothing_is_guessed_about_cells(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("id,label\n007,1e3\n2020-01-01,true\n")
    assert read_table(file, []).to_pydict() == {"id": ["007", "2020-01-01"], "label": ["1e3", "true"]}


def test_a_ragged_row_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text('path,label\n"a\n.png",happy\n\nb.png,sad,extra\n')
    with pytest.raises(SourceError, match=r"labels.csv line 5 has 3 fields where the header has 2: correct it"):
        read_table(file, [])


def test_rows_of_empty_cells_are_left_out_and_said(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(TEXT + ",\n,\n")
    said: list[str] = []
    assert read_table(file, said).to_pydict() == ROWS
    assert said == ["2 lines of labels.csv with empty cells only left out"]


def test_columns_without_and_with_the_same_name(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(",path,label\n0,a.png,happy\n")
    assert read_table(file, []).column_names == ["column 1", "path", "label"]
    file.write_text("path,label,label \na,b,c\n")
    with pytest.raises(SourceError, match=r"labels.csv has the column 'label' twice: rename one"):
        read_table(file, [])


@pytest.mark.parametrize("content", ["", "\n\n", "  \n"])
def test_empty_files(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(SourceError, match=r"labels.csv is empty"):
        read_table(tmp_path / "labels.csv", [])


def test_chosen_columns(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("a, b,c\n1,2,3\n")
    assert read_table(file, [], columns=["b", "c"]).to_pydict() == {"b": ["2"], "c": ["3"]}


def test_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_bytes(
        codecs.BOM_UTF8 + b'{"path": "a.png", "label": 3}\r\n\r\n{"path": "b.png", "votes": ["x"]}\r\n\r\n'
    )
    assert column_names(file) == ["path", "label"]
    assert read_table(file, []).to_pydict() == {
        "path": ["a.png", "b.png"],
        "label": [3, None],
        "votes": [None, ["x"]],
    }


def test_json_lines_of_mixed_kinds(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"path": "a.png", "label": 3}\n{"path": "b.png", "label": "sad"}\n')
    assert read_table(file, [])["label"].to_pylist() == ["3", "sad"]


@pytest.mark.parametrize(("line", "message"), [("{broken", "line 2 is no JSON"), ("[1]", "line 2 is no JSON object")])
def test_json_lines_that_are_wrong(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"path": "a.png"}\n' + line + "\n")
    with pytest.raises(SourceError, match=message):
        read_table(file, [])


def test_parquet(tmp_path: Path) -> None:
    file = tmp_path / "labels.parquet"
    pq.write_table(pa.table(ROWS), file)
    assert read_table(file, []).to_pydict() == ROWS
    assert read_table(file, [], columns=["label"]).to_pydict() == {"label": ROWS["label"]}
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(SourceError, match=r"labels.parquet cannot be read as Parquet"):
        read_table(file, [])


def test_other_endings(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"labels.xlsx: a table must end in .csv, .tsv"):
        read_table(tmp_path / "labels.xlsx", [])


def test_text_lines(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(codecs.BOM_UTF8 + b"a 1\r\n\r\nb 2\r\n\r\n \r\n")
    assert text_lines(tmp_path / "list.txt") == ["a 1", "", "b 2"]


_cell = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    rows=st.lists(st.tuples(_cell, _cell), min_size=1, max_size=6), encoding=st.sampled_from(["utf-8-sig", "utf-16"])
)
def test_what_is_written_is_read(tmp_path: Path, rows: list[tuple[str, str]], encoding: str) -> None:
    file = tmp_path / "labels.csv"
    lines = ['"' + '","'.join(cell.replace('"', '""') for cell in row) + '"' for row in [("path", "label"), *rows]]
    file.write_text("\n".join(lines) + "\n", encoding=encoding)
    read = read_table(file, [])
    assert list(zip(read["path"].to_pylist(), read["label"].to_pylist(), strict=True)) == rows
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps(dict(zip("ab", row, strict=True))) for row in rows))
    assert read_table(tmp_path / "x.jsonl", [])["a"].to_pylist() == [row[0] for row in rows]


@pytest.mark.parametrize("end", ["", "\n", "\nlast,one\n"])
def test_a_quote_that_is_never_closed_swallows_no_rows(tmp_path: Path, end: str) -> None:
    path = tmp_path / "faces.csv"
    path.write_text(f'path,label\na.png,happy\nb.png,"sad\nc.png,happy{end}')
    with pytest.raises(SourceError, match=r"faces\.csv: a quote that opens in line 3 is never closed"):
        read_table(path, [])


def test_one_that_swallows_a_long_file_is_found_too(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_text('path,label\na.png,"happy\n' + "b.png,sad\n" * 30_000)
    with pytest.raises(SourceError, match="line 2"):
        read_table(path, [])


def test_quotes_inside_of_cells_need_no_partner(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_text('path,label\n5" face.png,happy\n"b\n""c"".png",sad\n')
    assert read_table(path, []).to_pydict() == {"path": ['5" face.png', 'b\n"c".png'], "label": ["happy", "sad"]}


def test_what_pyarrow_says_comes_with_the_file_s_name(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_bytes(bytes(5_000))
    with pytest.raises(SourceError, match=r"faces\.csv cannot be read \("):
        read_table(tmp_path / "faces.csv", [])


def test_json_with_numbers_beyond_64_bits_and_half_characters(tmp_path: Path) -> None:
    path = tmp_path / "faces.jsonl"
    path.write_text(f'{{"id": {10**30}, "label": "a"}}\n{{"id": 1, "label": "b"}}\n')
    assert read_table(path, []).to_pydict()["id"] == [str(10**30), "1"]
    path.write_text('{"label": "a"}\n{"label": "\\ud83d"}\n')
    with pytest.raises(SourceError, match=r"line 2 is no JSON .*half a character"):
        read_table(path, [])
    path.write_text("[" * 100_000)
    with pytest.raises(SourceError, match=r"line 1 is no JSON .*nested"):
        read_table(path, [])


def test_parquet_with_text_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    labels = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xce"))
    pq.write_table(pa.table({"path": ["a.png", "b.png"], "label": labels}), path, use_dictionary=False)
    with pytest.raises(SourceError, match=r"faces\.parquet cannot be read as Parquet \(.*UTF8"):
        read_table(path, [])


def test_a_column_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"an-odd-name": ["x"]}), path)
    path.write_bytes(path.read_bytes().replace(b"an-odd-name", b"an-odd-\xff\xff\xff\xff"))
    for read in (parquet_schema, lambda each: read_table(each, [])):
        with pytest.raises(
            SourceError, match=r"^labels\.parquet cannot be read as Parquet \([^\n]+\): is it complete\?$"
        ):
            read(path)
