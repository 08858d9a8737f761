"""Parquet with pictures inside: bytes and structs, shards, lazily read, from many threads."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelaudit.errors import PixelError, SourceError
from labelaudit.source import embedded
from labelaudit.source.detect import open_source
from labelaudit.source.embedded import ParquetPictures
from labelaudit.source.options import SourceOptions
from labelaudit.source.shard import shard_on_disk


def _write(file: Path, start: int, n: int, *, rows_a_group: int = 3, **columns: object) -> Path:
    numbers = range(start, start + n)
    table = pa.table(
        {"img": [f"picture {row}".encode() for row in numbers], "label": ["ab"[row % 2] for row in numbers], **columns}
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, row_group_size=rows_a_group)
    return file


def test_bytes(tmp_path: Path) -> None:
    source = open_source(_write(tmp_path / "set.parquet", 0, 8))
    assert source.format == "parquet"
    assert source.why == "set.parquet with encoded pictures in the column 'img'"
    assert source.table.sample_id == [str(row) for row in range(8)]
    assert source.table.path == [None] * 8
    assert source.table.given_label == list("abababab")
    assert [source.read(row) for row in (7, 0, 3, 2)] == [b"picture 7", b"picture 0", b"picture 3", b"picture 2"]


def test_struct_of_hugging_face_with_class_names(tmp_path: Path) -> None:
    cells = [
        {"bytes": b"0", "path": "/home/me/0.png"},
        {"bytes": b"1", "path": None},
        {"bytes": None, "path": "x"},
        None,
    ]
    table = pa.table(
        {
            "image": pa.array(cells, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            "label": [0, 1, 1, 0],
        }
    )
    features = {"label": {"names": ["happy", "sad"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "set.parquet")
    source = open_source(tmp_path)
    assert source.table.given_label == ["happy", "sad", "sad", "happy"]
    assert source.table.path == [None] * 4
    assert source.read(1) == b"1"
    for row in (2, 3):
        with pytest.raises(PixelError, match="the row holds no picture"):
            source.read(row)


def test_shards_in_the_order_of_their_names(tmp_path: Path) -> None:
    _write(tmp_path / "data" / "train-00001-of-00002.parquet", 4, 4)
    _write(tmp_path / "data" / "train-00000-of-00002.parquet", 0, 4)
    _write(tmp_path / "data" / "validation-00000-of-00001.parquet", 8, 2)
    (tmp_path / "README.md").write_text("about")
    source = open_source(tmp_path)
    assert source.why == "3 Parquet files with encoded pictures in the column 'img'"
    assert source.table.split == ["train"] * 8 + ["val"] * 2
    assert [source.read(row) for row in range(10)] == [f"picture {row}".encode() for row in range(10)]
    only = open_source(tmp_path, SourceOptions(splits=("val",)))
    assert only.table.sample_id == ["8", "9"]
    assert only.read(1) == b"picture 9"


def test_shards_with_other_columns(tmp_path: Path) -> None:
    _write(tmp_path / "0.parquet", 0, 4)
    _write(tmp_path / "1.parquet", 4, 4, more=list(range(4)))
    with pytest.raises(SourceError, match=r"1.parquet has other columns than 0.parquet"):
        open_source(tmp_path)


def test_two_columns_of_pictures(tmp_path: Path) -> None:
    file = _write(tmp_path / "set.parquet", 0, 4, mask=[b"m"] * 4)
    with pytest.raises(SourceError, match=r"'img' and 'mask' could both be meant; choose one with --image-column"):
        open_source(file)
    assert open_source(file, SourceOptions(image_column="mask")).read(0) == b"m"


def test_a_row_an_annotator(tmp_path: Path) -> None:
    file = _write(tmp_path / "set.parquet", 0, 4, key=["x", "y", "x", "y"], rater=[1, 1, 2, 2])
    source = open_source(file)
    assert source.table.sample_id == ["x", "y"]
    assert source.table.given_label == ["a", "b"]
    assert source.read(1) == b"picture 1"


def test_few_groups_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_KEPT_GROUPS", 2)
    pictures = ParquetPictures([shard_on_disk(_write(tmp_path / "set.parquet", 0, 12))], "img")
    for row in range(12):
        assert pictures.read(row) == f"picture {row}".encode()
    assert list(pictures._kept) == [2, 3]
    monkeypatch.setattr(embedded, "_KEPT_BYTES", 1)
    pictures.read(0)
    assert list(pictures._kept) == [0]  # one group always, however large


def test_many_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_KEPT_GROUPS", 2)
    pictures = ParquetPictures([shard_on_disk(_write(tmp_path / "set.parquet", 0, 60))], "img")
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(pictures.read, list(range(60)) * 3))
    assert read == [f"picture {row}".encode() for row in range(60)] * 3


def test_signature(tmp_path: Path) -> None:
    file = _write(tmp_path / "set.parquet", 0, 4)
    before = open_source(file).signature()
    assert open_source(file).signature() == before
    os.utime(file, ns=(1, 1))
    assert open_source(file).signature() != before


def test_a_row_group_that_is_shorter_than_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(_write(tmp_path / "faces.parquet", 0, 6, label=["a", "b"] * 3))
    monkeypatch.setattr("labelaudit.source.embedded.ParquetPictures._load", lambda *_: pa.array([b"x"]))
    assert source.read(3) == b"x"
    with pytest.raises(PixelError, match=r"row group 1 of faces\.parquet is shorter than it says"):
        source.read(4)


def test_a_truncated_file(tmp_path: Path) -> None:
    file = _write(tmp_path / "set.parquet", 0, 4)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"set.parquet cannot be read as Parquet .*is it complete\?"):
        open_source(file)


def test_real_votes(shared_data: Path) -> None:
    """The real faces open both ways; the figures are those of their own description."""
    voted = open_source(shared_data.parent)
    assert len(voted.table) == 28_555
    assert voted.table.labels.names[:3] == ("neutral", "happy", "surprise")
    assert voted.table.votes is not None
    assert voted.table.votes_outside is not None
    assert set((voted.table.votes.sum(axis=1) + voted.table.votes_outside).tolist()) <= {9.0, 10.0}
    told = open_source(shared_data, SourceOptions(label_column="label"))
    assert told.table.sample_id == voted.table.sample_id
    assert told.table.labels.names == ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    picture = told.read(28_554)
    assert isinstance(picture, bytes)
    assert picture.startswith(b"\x89PNG")
