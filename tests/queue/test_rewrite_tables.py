"""Parquet files and tar shards written anew."""

from __future__ import annotations

import io
import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.errors import DecisionError
from labelaudit.queue.rewrite.parquet import ParquetRewriter
from labelaudit.queue.rewrite.tar import TarRewriter
from labelaudit.source.written import ParquetCells, TarLabels

LABELS = ["x", "y", "x", None, "y", "x", "y"]


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        (pa.string(), LABELS),
        (pa.large_string(), LABELS),
        (pa.string_view(), LABELS),
        (pa.dictionary(pa.int8(), pa.string()), LABELS),
        (pa.int64(), [3, 4, 3, None, 4, 3, 4]),
        (pa.uint8(), [3, 4, 3, None, 4, 3, 4]),
        (pa.float64(), [3.0, 4.0, 3.0, None, 4.0, 3.0, 4.0]),
        (pa.bool_(), [True, False, True, None, False, True, False]),
    ],
)
@pytest.mark.parametrize("left_out", [(), (0,), (2, 3), (6,), (0, 1, 2, 3), tuple(range(7))])
def test_cells_change_and_all_else_stays(tmp_path, kind, cells, left_out):
    schema = pa.schema(
        [pa.field("image", pa.binary()), pa.field("label", kind, metadata={"a": "b"}), pa.field("n", pa.int32())],
        metadata={"huggingface": "{}", "pandas": "{}"},
    )
    table = pa.table([[bytes([row]) for row in range(7)], pa.array(cells, kind), list(range(7))], schema=schema)
    file, new, joined, back, aside = (tmp_path / f"{name}.parquet" for name in ("f", "new", "joined", "back", "aside"))
    pq.write_table(table, file, row_group_size=3, compression={"image": "none", "label": "zstd", "n": "gzip"})
    rewriter = ParquetRewriter(ParquetCells("label"))
    spellings = rewriter.spellings(file)
    assert [json.loads(each) for each in spellings] == cells
    edits = {row: spellings[1] for row in (0, 3) if row not in left_out}
    places = rewriter.write_edited(file, new, edits, left_out, aside)
    kept = [row for row in range(7) if row not in left_out]
    expected = [cells[1] if row in edits else cells[row] for row in kept]
    found = pq.read_table(new)
    assert found["label"].to_pylist() == expected
    assert found["n"].to_pylist() == kept
    assert found.schema.equals(table.schema, check_metadata=True)
    about = pq.read_metadata(new).row_group(0)
    if kept:
        assert [about.column(index).compression for index in range(3)] == ["UNCOMPRESSED", "ZSTD", "GZIP"]
    if not left_out:
        assert pq.read_metadata(new).num_row_groups == 3
    whole = new
    if left_out:
        rewriter.write_joined(new, joined, places, aside)
        whole = joined
    rewriter.write_edited(whole, back, {row: spellings[row] for row in edits}, (), aside)
    found = pq.read_table(back)
    assert found.schema.equals(table.schema, check_metadata=True)
    assert found.to_pylist() == table.to_pylist()


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.data())
def test_rows_come_back_in_their_places(tmp_path_factory, rows, group, data):
    folder = tmp_path_factory.mktemp("parquet")
    left_out = data.draw(st.sets(st.integers(0, rows - 1)))
    table = pa.table({"label": list(map(str, range(rows)))})
    pq.write_table(table, folder / "f.parquet", row_group_size=group)
    rewriter = ParquetRewriter(ParquetCells("label"))
    places = rewriter.write_edited(folder / "f.parquet", folder / "n.parquet", {}, left_out, folder / "a.parquet")
    assert places == sorted(left_out)
    if left_out:
        rewriter.write_joined(folder / "n.parquet", folder / "b.parquet", places, folder / "a.parquet")
        assert pq.read_table(folder / "b.parquet").equals(table)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "f.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DecisionError, match=r"f\.parquet cannot be read or written as Parquet"):
        ParquetRewriter(ParquetCells("label")).spellings(tmp_path / "f.parquet")


def shard(path, files: dict[str, bytes], kind: int) -> None:
    with tarfile.open(path, "w", format=kind) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(content), 1_700_000_000, 0o640
            archive.addfile(member, io.BytesIO(content))


LONG = f"a/{'long' * 40}"
FILES = {
    "0.jpg": b"j" * 700,
    "0.cls": b"3",
    "readme": b"hello",
    "1.cls": b"12\n",
    "1.jpg": b"J",
    f"{LONG}.jpg": b"long",
    f"{LONG}.cls": b"3",
    "2.jpg": b"no label",
    "3.é.jpg": b"x",
    "3.cls": b"12\n",
}


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("left_out", [(), (1,), (0, 2), (4,), (0, 1, 2, 3, 4)])
def test_label_files_change_and_every_other_byte_stays(tmp_path, kind, left_out):
    file, new, joined, back, aside = (tmp_path / f"{name}.tar" for name in ("f", "new", "joined", "back", "aside"))
    files = FILES if kind != tarfile.USTAR_FORMAT else {name.replace(LONG, "4"): text for name, text in FILES.items()}
    shard(file, files, kind)
    rewriter = TarRewriter(TarLabels("cls"))
    spellings = rewriter.spellings(file)
    assert spellings == ["3", "12\n", "3", None, "12\n"]
    edits = {row: text for row, text in {0: "12\n", 1: "3", 4: "3"}.items() if row not in left_out}
    places = rewriter.write_edited(file, new, edits, left_out, aside)
    expected = [edits.get(row, spelled) for row, spelled in enumerate(spellings) if row not in left_out]
    assert rewriter.spellings(new) == expected
    if not left_out:
        with tarfile.open(new) as archive:  # checksums hold
            names = archive.getnames()
            assert archive.extractfile("0.cls").read() == b"12\n"
            assert archive.extractfile("0.jpg").read() == b"j" * 700
        assert names == list(files)
        assert new.stat().st_size == file.stat().st_size
    whole = new
    if left_out:
        rewriter.write_joined(new, joined, places, aside)
        whole = joined
    rewriter.write_edited(whole, back, {row: spellings[row] for row in edits}, (), aside)
    assert back.read_bytes() == file.read_bytes()


def test_a_key_in_a_json_file_changes_and_the_rest_of_the_file_stays(tmp_path):
    files = {
        "0.json": b'{"age": 3, "label":  "sad" }\n',
        "0.jpg": b"x",
        "1.jpg": b"y",
        "1.json": '{"name": "é", "label": "happy"}'.encode(),
        "2.jpg": b"z",
        "2.json": b'{"name": 1}',
    }
    shard(tmp_path / "f.tar", files, tarfile.PAX_FORMAT)
    rewriter = TarRewriter(TarLabels("label"))
    assert rewriter.spellings(tmp_path / "f.tar") == ['"sad"', '"happy"', None]
    rewriter.write_edited(tmp_path / "f.tar", tmp_path / "n.tar", {0: '"happy"', 1: '"sad"'}, (), tmp_path / "a.tar")
    with tarfile.open(tmp_path / "n.tar") as archive:
        assert archive.extractfile("0.json").read() == b'{"age": 3, "label":  "happy" }\n'
        assert archive.extractfile("1.json").read() == '{"name": "é", "label": "sad"}'.encode()


def test_a_json_file_that_is_a_label_itself(tmp_path):
    shard(tmp_path / "f.tar", {"0.jpg": b"x", "0.json": b'"sad"', "1.jpg": b"y", "1.json": b"7"}, tarfile.GNU_FORMAT)
    rewriter = TarRewriter(TarLabels("json"))
    assert rewriter.spellings(tmp_path / "f.tar") == ['"sad"', "7"]
    rewriter.write_edited(tmp_path / "f.tar", tmp_path / "n.tar", {0: "7"}, (), tmp_path / "a.tar")
    assert rewriter.spellings(tmp_path / "n.tar") == ["7", "7"]


def test_a_shard_that_is_none_is_refused(tmp_path):
    (tmp_path / "f.tar").write_bytes(b"x" * 2000)
    with pytest.raises(DecisionError, match=r"f\.tar is not the shard that was audited"):
        TarRewriter(TarLabels("cls")).spellings(tmp_path / "f.tar")
