"""Tables of paths and labels: which column is which, where the files are, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions


@pytest.fixture
def folder(write_pictures) -> Path:
    return write_pictures("a.png", "b.png", "in it/c ü.png")


def _csv(folder: Path, text: str, name: str = "labels.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_columns_are_guessed_and_said(folder: Path) -> None:
    file = _csv(folder, "ID,File Name,Emotion,Usage\nx,a.png,happy,Training\ny,in it/c ü.png,sad,dev\n")
    source = open_source(file)
    assert source.format == "manifest"
    assert source.table.sample_id == ["x", "y"]
    assert source.table.path == ["a.png", "in it/c ü.png"]
    assert source.table.given_label == ["happy", "sad"]
    assert source.table.split == ["train", "val"]
    assert source.read(1) == (folder / "in it" / "c ü.png").read_bytes()
    assert list(source.assumed) == [
        "paths come from the column 'File Name' (--path-column)",
        "sample ids come from the column 'ID' (--id-column)",
        "splits come from the column 'Usage' (--split-column)",
        "labels come from the column 'Emotion' (--label-column)",
    ]


def test_columns_are_told(folder: Path) -> None:
    file = _csv(folder, "p,l,k,s,label\na.png,x,1,A,no\nb.png,y,2,B,no\n")
    told = SourceOptions(path_column="p", label_column="l", id_column="k", split_column="s")
    source = open_source(file, told)
    assert [tuple(getattr(sample, name) for name in sample.__slots__) for sample in source.table] == [
        ("1", "x", "a.png", "A"),
        ("2", "y", "b.png", "B"),
    ]
    assert list(source.assumed) == []


def test_the_column_of_pictures_may_be_told_either_way(folder: Path) -> None:
    file = _csv(folder, "left,right,label\na.png,b.png,x\nb.png,a.png,y\n")
    with pytest.raises(SourceError, match=r"'left' and 'right' could both be meant; choose one with --path-column"):
        open_source(file)
    assert open_source(file, SourceOptions(image_column="right")).table.path == ["b.png", "a.png"]


def test_a_table_in_a_folder_of_its_own(write_pictures) -> None:
    root = write_pictures("meta/pics/a.png", "meta/pics/b.png", "images/c.png")
    _csv(root / "meta", "path,label\npics/a.png,x\npics/b.png,y\n")
    assert open_source(root, SourceOptions(format="manifest")).table.path == ["meta/pics/a.png", "meta/pics/b.png"]
    _csv(root / "meta", "path,label\nc.png,x\nd.png,y\n")
    assert open_source(root, SourceOptions(format="manifest")).table.path == ["images/c.png", "images/d.png"]


def test_paths_are_known_by_their_endings(folder: Path) -> None:
    source = open_source(_csv(folder, "image_id,who,label\na.png,Ann,x\nb.png,Bob,y\n"))
    assert source.table.path == ["a.png", "b.png"]


@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "labels.jsonl", "labels.parquet"])
def test_every_kind_of_table_in_its_folder(folder: Path, name: str) -> None:
    rows = {"path": ["a.png", "b.png"], "label": [3, 10]}
    if name.endswith(".parquet"):
        pq.write_table(pa.table(rows), folder / name)
    elif name.endswith(".jsonl"):
        lines = [json.dumps({"path": path, "label": label}) for path, label in zip(*rows.values(), strict=True)]
        _csv(folder, "\n".join(lines), name)
    else:
        mark = "\t" if name.endswith(".tsv") else ","
        _csv(folder, f"path{mark}label\na.png{mark}3\nb.png{mark}10\n", name)
    source = open_source(folder)
    assert source.why == f"{name} names pictures and labels"
    assert source.table.given_label == ["3", "10"]
    assert source.table.labels.names == ("3", "10")


def test_labels_that_are_missing(folder: Path) -> None:
    source = open_source(_csv(folder, "path,label\na.png,3.0\nb.png,\nin it/c ü.png,nan\na.png,4.0\n"))
    assert source.table.given_label == ["3", None, None, "4"]
    assert "2 rows have no label: kept, not audited" in source.assumed


def test_label_map(folder: Path) -> None:
    file = _csv(folder, 'path,label\na.png,"1,000"\nb.png,"2,000"\nin it/c ü.png,7\n')
    source = open_source(file, SourceOptions(label_map={"1000": "many", "2000": "more", "9": "unused"}))
    assert source.table.given_label == ["many", "more", "7"]
    assert "--label-map names labels that no row has: 9" in source.assumed
    with pytest.raises(SourceError, match=r"--label-map names no label of labels.csv: it has 1000, 2000, 7"):
        open_source(file, SourceOptions(label_map={"x": "y"}))


def test_missing_pictures_stay_rows(folder: Path) -> None:
    source = open_source(_csv(folder, "path,label\na.png,x\ngone/b.png,y\n,y\n"))
    assert source.table.sample_id == ["a.png", "gone/b.png", "row 3"]
    with pytest.raises(PixelError, match=r"^file not found: gone/b\.png$"):
        source.read(1)
    with pytest.raises(PixelError, match="the row names no picture"):
        source.read(2)


def test_no_picture_at_all_is_refused(folder: Path) -> None:
    file = _csv(folder, "path,label\nnope/a.png,x\nnope/b.png,y\n")
    with pytest.raises(SourceError, match=r"none of the pictures that labels.csv names is there .*--root"):
        open_source(file)


def test_paths_never_leave_the_root(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    outside = tmp_path / "secret.png"
    file = _csv(
        folder, f"path,label\na.png,x\n../secret.png,y\n{outside},y\nin it/../../secret.png,y\n{folder}/b.png,y\n"
    )
    source = open_source(file)
    assert source.table.sample_id == [
        "a.png",
        "../secret.png",
        "outside:secret.png",
        "in it/../../secret.png",
        "b.png",  # absolute, but below the root
    ]
    assert source.table.path[2] is None
    for row in (1, 2, 3):
        with pytest.raises(PixelError, match="leaves the root"):
            source.read(row)
    assert source.read(4) == (folder / "b.png").read_bytes()


def test_windows_paths(folder: Path) -> None:
    source = open_source(_csv(folder, "path,label\n.\\a.png,x\nin it\\c ü.png,y\n"))
    assert source.table.path == ["a.png", "in it/c ü.png"]
    assert source.read(1) == (folder / "in it" / "c ü.png").read_bytes()


def test_pictures_in_a_folder_below(write_pictures, tmp_path: Path) -> None:
    root = write_pictures("data/images/1.png", "data/images/2.png")
    file = _csv(root, "file,label\n1.png,x\n2.png,y\n3.png,y\n")
    source = open_source(file)
    assert source.table.path == ["data/images/1.png", "data/images/2.png", "data/images/3.png"]
    assert "paths are relative to the folder data/images (--root)" in source.assumed
    write_pictures("data/other/1.png", root=root)
    with pytest.raises(SourceError, match=r"lie in data/images, data/other: choose one with --root"):
        open_source(file)
    assert open_source(file, SourceOptions(root=root / "data" / "other")).table.path[0] == "1.png"
    with pytest.raises(SourceError, match=r"--root nowhere: no such folder"):
        open_source(file, SourceOptions(root=tmp_path / "nowhere"))


def test_a_path_listed_twice(folder: Path) -> None:
    source = open_source(_csv(folder, "path,label\na.png,x\na.png,y\nb.png,y\na.png#2,x\na.png,x\n"))
    assert source.table.sample_id == ["a.png", "a.png#3", "b.png", "a.png#2", "a.png#4"]
    assert any("2 rows name a picture that an earlier row names too" in said for said in source.assumed)


def test_an_id_given_twice_is_refused(folder: Path) -> None:
    file = _csv(folder, "id,path,label\n7,a.png,x\n8,b.png,y\n7,b.png,y\n")
    with pytest.raises(SourceError, match=r"labels.csv gives rows 1 and 3 the same id '7'"):
        open_source(file)
    assert open_source(file, SourceOptions(id_column="path")).table.sample_id == ["a.png", "b.png", "b.png#2"]


def test_a_missing_id_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"row 2 of labels.csv has no id in the column 'id'"):
        open_source(_csv(folder, "id,path,label\n7,a.png,x\n,b.png,y\n"))


@pytest.mark.parametrize(
    ("header", "told", "message"),
    [
        (
            "path,label,class",
            {},
            r"the columns 'label' and 'class' could both be meant; choose one with --label-column",
        ),
        ("path,file,label", {}, r"the columns 'path' and 'file' could both be meant; choose one with --path-column"),
        (
            "path,a,b",
            {},
            r"labels.csv has no column that looks like labels; name it with --label-column \(its columns: ",
        ),
        (
            "a,b,label",
            {},
            r"labels.csv has no column that looks like paths; name it with --path-column \(its columns: ",
        ),
        (
            "path,emotion,b",
            {"label_column": "emotoin"},
            r"no such column; did you mean 'emotion'\? \(its columns: path, ",
        ),
        ("path,emotion,b", {"label_column": "zzz"}, r"--label-column zzz: labels.csv has no such column \(its columns"),
    ],
)
def test_columns_that_leave_a_choice(folder: Path, header: str, told: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(_csv(folder, f"{header}\nx,y,z\n"), SourceOptions(**told))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", r"labels.csv holds no rows: nothing to audit"),
        ("path,label\na.png,\nb.png,\n", r"no row of labels.csv has a label"),
        ("path,label\na.png,x\nb.png,x\n", r"labels.csv holds one class only, 'x'"),
        ("path,label\na.png,x\nb.png\n", r"labels.csv line 3 has 1 field where the header has 2"),
    ],
)
def test_tables_that_are_refused(folder: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(_csv(folder, text))


def test_labels_do_not_change_the_signature(folder: Path) -> None:
    before = open_source(_csv(folder, "path,label\na.png,x\nb.png,y\n")).signature()
    assert open_source(_csv(folder, "path,label\na.png,y\nb.png,x\n")).signature() == before
    (folder / "a.png").write_bytes(b"other")
    assert open_source(folder / "labels.csv").signature() != before


def test_several_tables_are_a_question(folder: Path) -> None:
    _csv(folder, "path,label\na.png,x\nb.png,y\n", "one.csv")
    _csv(folder, "path,label\na.png,x\nb.png,y\n", "two.csv")
    with pytest.raises(SourceError, match=r"several tables \(one.csv, two.csv\): give the path of the one"):
        open_source(folder)


def test_300_000_rows_load_in_seconds(tmp_path: Path, benchmark_seconds) -> None:
    rows = "\n".join(f"{row % 100}/{row}.png,{'happy' if row % 3 else 'sad'},{row}" for row in range(300_000))
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "7.png").write_bytes(b"x")
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "0.png").write_bytes(b"x")
    file = _csv(tmp_path, f"path,label,id\n{rows}\n")
    with benchmark_seconds(15):
        assert len(open_source(file).table) == 300_000
