"""Datasets at URLs, in fsspec's memory; ``tests/torture/scale.py`` does it against an S3 server."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.fingerprint import dataset_name
from labelaudit.source.options import SourceOptions
from labelaudit.source.store import explain
from labelaudit.source.url_pictures import UrlPictures
from labelaudit.source.urls import Url, is_url, read_url


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryFileSystem]:
    """The process's one store, empty before and after."""
    system = MemoryFileSystem()
    system.store.clear()
    yield system
    system.store.clear()


def _put(store: MemoryFileSystem, folder: Path, place: str) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            store.pipe_file(f"{place}/{file.relative_to(folder).as_posix()}", file.read_bytes())


def _same(one, other) -> None:
    for name in ("sample_id", "given_label", "path", "split"):
        assert list(getattr(one.table, name)) == list(getattr(other.table, name)), name
    assert one.table.labels == other.table.labels
    assert one.format == other.format
    assert [one.read(row) for row in range(len(one.table))] == [other.read(row) for row in range(len(one.table))]


def test_class_folders(store, face_folder):
    _put(store, face_folder, "/bucket/faces")
    store.pipe_file("/bucket/faces/.cache/happy/x.png", b"hidden")
    store.pipe_file("/bucket/faces/run/run.json", b"{}")
    store.pipe_file("/bucket/faces/run/report.parquet", b"no dataset")
    remote = open_source("memory://bucket/faces")
    _same(remote, open_source(face_folder))
    assert any("run left aside" in said for said in remote.assumed)


def test_a_table_and_its_pictures_in_a_folder_beside_it(store, face_folder, tmp_path):
    rows = [(path.relative_to(face_folder).as_posix(), path.parent.name) for path in sorted(face_folder.rglob("*.png"))]
    for start in ("", "memory://bucket/set/pictures/"):
        text = io.StringIO()
        csv.writer(text).writerows([("path", "label"), *((f"{start}{path}", label) for path, label in rows)])
        store.pipe_file("/bucket/set/labels.csv", text.getvalue().encode())
        _put(store, face_folder, "/bucket/set/pictures")
        source = open_source("memory://bucket/set/labels.csv")
        assert source.format == "manifest"
        assert list(source.table.path) == [f"pictures/{path}" for path, _ in rows]
        assert source.read(3) == (face_folder / rows[3][0]).read_bytes()
    assert len(open_source("memory://bucket/set", SourceOptions(format="manifest")).table) == len(rows)


def test_rows_whose_pictures_are_not_there_stay(store, face_folder):
    _put(store, face_folder, "/bucket/set")
    store.pipe_file(
        "/bucket/set/labels.csv",
        b"path,label\nhappy/none.png,happy\n../x.png,sad\nsad/0.png,sad\n"
        + b"".join(
            f"{path.parent.name}/{path.name},{path.parent.name}\n".encode()
            for path in sorted(face_folder.rglob("*.png"))[:9]
        ),
    )
    source = open_source("memory://bucket/set/labels.csv")
    with pytest.raises(PixelError, match=r"file not found: happy/none\.png"):
        source.read(0)
    with pytest.raises(PixelError, match="leaves the dataset's folder"):
        source.read(1)


def test_parquet_with_pictures_is_read_from_where_it_is(store, face_folder, tmp_path):
    files = sorted(face_folder.rglob("*.png"))
    for part in range(2):
        some = files[part::2]
        columns = {"image": [file.read_bytes() for file in some], "label": [file.parent.name for file in some]}
        (tmp_path / "shards").mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), tmp_path / "shards" / f"part-{part}.parquet", row_group_size=16)
    _put(store, tmp_path / "shards", "/bucket/shards")
    _same(open_source("memory://bucket/shards"), open_source(tmp_path / "shards"))
    _same(open_source("memory://bucket/shards/part-1.parquet"), open_source(tmp_path / "shards" / "part-1.parquet"))


def test_a_picture_that_changes_changes_the_signature(store, face_folder):
    _put(store, face_folder, "/bucket/faces")
    before = open_source("memory://bucket/faces").signature()
    assert open_source("memory://bucket/faces").signature() == before
    picture = sorted(face_folder.rglob("*.png"))[0]
    store.pipe_file(f"/bucket/faces/{picture.relative_to(face_folder).as_posix()}", picture.read_bytes())
    assert open_source("memory://bucket/faces").signature() != before


def test_rows_in_a_row_are_under_way_before_they_are_asked_for(store, face_folder, monkeypatch):
    _put(store, face_folder, "/bucket/faces")
    source = open_source("memory://bucket/faces")
    assert isinstance(source.pictures, UrlPictures)
    source.read(0)
    assert not source.pictures._coming  # a single picture brings no others
    source.read(1)
    assert sorted(source.pictures._coming) == list(range(2, 34))
    source.read(2)
    assert sorted(source.pictures._coming) == list(range(3, 35))


def test_what_a_url_must_not_hold_is_refused_and_not_repeated(face_folder):
    for place in (
        "s3://user:hunter2@bucket/faces",
        "s3://hunter2@bucket/faces",
        "gs://b/f?X-Goog-Signature=hunter2",
        "s3://b/f#hunter2",
        "s3://b/../hunter2",
    ):
        with pytest.raises(SourceError) as found:
            open_source(place)
        assert "hunter2" not in str(found.value)
        assert "\n" not in str(found.value)
    with pytest.raises(SourceError, match=r"https:// is no place that is read \(s3, gs, hf, memory\)"):
        open_source("https://example.org/faces.zip")


def test_what_cannot_be_opened_is_said_in_one_line(store, face_folder, tmp_path):
    _put(store, face_folder, "/bucket/faces")
    with pytest.raises(SourceError, match=r"memory://bucket/nothing: there is nothing; is the path right\?"):
        open_source("memory://bucket/nothing")
    with pytest.raises(SourceError, match="--root is a folder on the disk"):
        open_source("memory://bucket/faces", SourceOptions(root=tmp_path))
    with pytest.raises(SourceError, match="at a URL only parquet, folder, manifest are read"):
        open_source("memory://bucket/faces", SourceOptions(format="rafdb"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("AWS Error NO_SUCH_BUCKET during ListObjectsV2", "s3://b: there is no such bucket; is its name right?"),
        (
            "AWS Error ACCESS_DENIED during HeadObject: key=hunter2",
            "s3://b/f may not be read or written: no credentials",
        ),
        (
            "AWS Error NETWORK_CONNECTION: Could not resolve host: hunter2",
            "s3://b/f cannot be reached: is there a netw",
        ),
        ("AWS Error SLOW_DOWN hunter2", "s3://b/f cannot be read or written (SLOW_DOWN); try again"),
    ],
)
def test_an_answer_is_explained_and_never_repeated(answer, said):
    found = explain(OSError(answer), Url("s3", "b/f"))
    assert found.startswith(said)
    assert "hunter2" not in found


def test_which_names_are_urls():
    assert is_url("s3://bucket/x")
    assert is_url("hf://datasets/owner/name")
    assert not is_url("hf://owner/name")  # a dataset of the Hub by its name
    assert not is_url("folder/x")
    assert not is_url(Path("s3:/bucket"))
    assert not is_url(b"s3://x")
    assert str(read_url("S3://bucket//a/b/")) == "s3://bucket/a/b"
    assert dataset_name("s3://bucket/a/faces/") == "faces"
