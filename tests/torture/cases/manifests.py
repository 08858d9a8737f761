"""Tables that name pictures, and datasets of other layouts, as nobody should write them."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .case import Answer, Case, Must, inspect, inspected, one_unreadable, refused
from .ground import Ground

Write = Callable[[Path, Sequence[str], Sequence[str]], Path]
"""Writes a table into a folder, given paths of twelve pictures below it and their labels; gives its path."""

FINE = inspected(unreadable=0, rows=12)


def cases() -> Iterator[Case]:
    """All of them."""
    for name, write, must in _TABLES:
        yield _case(name, write, must)
    for name, write, must in _HEAVY:
        yield _case(name, write, must, heavy=True)


def _case(name: str, write: Write, must: Must, *, heavy: bool = False) -> Case:
    def make(folder: Path, ground: Ground) -> list[str | Path]:
        faces = ground.copy_of_faces(folder)
        paths = sorted(path.relative_to(folder).as_posix() for path in faces.rglob("*.png"))
        return inspect(write(folder, paths, [path.split("/")[1] for path in paths]))

    return Case("manifests", name, make, must, heavy)


def _csv(paths: Sequence[str], labels: Sequence[str], head: str = "path,label") -> str:
    rows = [f"{path},{label}" for path, label in zip(paths, labels, strict=True)]
    return "\n".join([head, *rows]) + "\n"


def _text(change: Callable[[str], str | bytes], name: str = "faces.csv", head: str = "path,label") -> Write:
    """The table as csv, then changed."""

    def write(folder: Path, paths: Sequence[str], labels: Sequence[str]) -> Path:
        content = change(_csv(paths, labels, head))
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / name

    return write


def _lines(change: Callable[[list[dict[str, Any]]], Sequence[Any]]) -> Write:
    """The table as JSON lines: rows that become others, or texts as they stand."""

    def write(folder: Path, paths: Sequence[str], labels: Sequence[str]) -> Path:
        rows = [{"path": path, "label": label} for path, label in zip(paths, labels, strict=True)]
        texts = [each if isinstance(each, str) else json.dumps(each) for each in change(rows)]
        (folder / "faces.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
        return folder / "faces.jsonl"

    return write


def _parquet(change: Callable[[pa.Table, list[bytes]], pa.Table], spoil: Callable[[bytes], bytes] = bytes) -> Write:
    """The table as Parquet; the change is given the pictures' bytes, too."""

    def write(folder: Path, paths: Sequence[str], labels: Sequence[str]) -> Path:
        table = pa.table({"path": list(paths), "label": list(labels)})
        file = folder / "faces.parquet"
        pq.write_table(change(table, [(folder / path).read_bytes() for path in paths]), file)
        file.write_bytes(spoil(file.read_bytes()))
        return file

    return write


def _tar(change: Callable[[bytes], bytes], label: bytes = b"") -> Write:
    """The faces as a WebDataset shard."""

    def write(folder: Path, paths: Sequence[str], labels: Sequence[str]) -> Path:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            for number, (path, name) in enumerate(zip(paths, labels, strict=True)):
                for ending, content in (("png", (folder / path).read_bytes()), ("json", label or _json(name))):
                    member = tarfile.TarInfo(f"{number:03}.{ending}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
        shard = folder / "shard.tar"
        shard.write_bytes(change(file.getvalue()))
        return shard

    return write


def _json(label: str) -> bytes:
    return json.dumps({"label": label}).encode()


def _row(at: int, old: str, new: str) -> Callable[[str], str]:
    """A csv with one thing in one of its lines changed."""

    def change(text: str) -> str:
        lines = text.split("\n")
        assert old in lines[at]
        lines[at] = lines[at].replace(old, new, 1)
        return "\n".join(lines)

    return change


def _first_path(new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        lines = text.split("\n")
        lines[1] = f"{new},{lines[1].split(',')[1]}"
        return "\n".join(lines)

    return change


def _huge_header_size(content: bytes) -> bytes:
    """A shard whose first picture is 8 GiB by its header."""
    header = bytearray(content[:512])
    header[124:136] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content[512:]


def _classes_must(answer: Answer) -> str | None:
    """A hundred thousand classes of one row each: read, and every class is said to be too small."""
    wrong = inspected(rows=100_000, unreadable=99_988)(answer)
    return wrong or (None if len(json.loads(answer.stdout)["classes"]) == 100_000 else "classes were lost")


def _many_classes(folder: Path, paths: Sequence[str], labels: Sequence[str]) -> Path:
    rows = [f"{paths[row] if row < 12 else f'none/{row}.png'},class {row}" for row in range(100_000)]
    (folder / "faces.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    return folder / "faces.csv"


_OUT = "leaves the root"
_TABLES: tuple[tuple[str, Write, Must], ...] = (
    ("UTF-8 with a mark", _text(lambda text: text.encode("utf-8-sig")), FINE),
    ("UTF-16 with a mark", _text(lambda text: text.encode("utf-16")), FINE),
    ("UTF-16 without a mark", _text(lambda text: text.encode("utf-16-le")), FINE),
    ("UTF-32 with a mark", _text(lambda text: text.encode("utf-32")), FINE),
    (
        "Latin-1",
        _text(
            lambda text: text.replace("happy", "glücklich").encode("latin-1").replace(b"s/gl\xfccklich/", b"s/happy/")
        ),
        FINE,
    ),
    (
        "half UTF-8, half not, under a mark",
        _text(lambda text: b"\xef\xbb\xbf" + text.encode() + b"x\xff,happy\n"),
        refused("UTF-8"),
    ),
    ("NUL bytes", _text(_row(3, "happy", "ha\0py")), refused("not a text file")),
    ("nothing but NUL", _text(lambda _text: bytes(5_000)), refused("faces.csv")),
    ("0 bytes", _text(lambda _text: ""), refused("faces.csv")),
    ("a line of names and nothing below", _text(lambda _text: "path,label\n"), refused("no rows")),
    ("blank lines only", _text(lambda _text: "\n\n \n"), refused("faces.csv")),
    ("ragged rows", _text(_row(4, ",", ",x,")), refused("line 5", "3 fields")),
    ("a row cut short", _text(lambda text: text[:-8]), refused()),
    ("unclosed quote", _text(_row(4, ",happy", ',"happy')), refused("line 5", "never closed")),
    ("CR for line ends", _text(lambda text: text.replace("\n", "\r")), FINE),
    ("CR LF, some doubled", _text(lambda text: text.replace("\n", "\r\r\n")), FINE),
    ("spaces around everything", _text(lambda text: text.replace(",", " , ")), FINE),
    ("no column of labels", _text(lambda text: text.replace("label", "wind"), head="path,label"), refused("label")),
    ("a column of paths with another name", _text(lambda text: text.replace("path,", "wind,")), FINE),
    ("two columns of one name", _text(lambda text: text.replace("path,label", "label,label")), refused("twice")),
    ("two columns without a name", _text(lambda text: text.replace("path,label", ",")), refused("without a name")),
    ("one label is NaN", _text(_row(2, ",happy", ",NaN")), inspected(rows=12, missing_labels=1)),
    ("all labels are NaN", _text(lambda text: text.replace(",happy", ",nan").replace(",sad", ",")), refused("label")),
    ("one class only", _text(lambda text: text.replace(",sad", ",happy")), refused("one class")),
    ("one id twice", _text(lambda text: text.replace("faces/", "1,faces/"), head="id,path,label"), refused("id")),
    (
        "a path twice, under two labels",
        _text(lambda text: text + "faces/happy/x.png,happy\nfaces/happy/x.png,sad\n"),
        inspected(rows=14, unreadable=2),
    ),
    ("a path that climbs out", _text(_first_path("../../../../etc/passwd")), one_unreadable(_OUT)),
    ("a path that climbs out and back in", _text(_first_path("faces/../../x/../etc/passwd")), one_unreadable(_OUT)),
    ("an absolute path", _text(_first_path("/etc/passwd")), one_unreadable("passwd", _OUT)),
    ("an absolute path of Windows", _text(_first_path("C:\\Windows\\win.ini")), one_unreadable(_OUT)),
    ("a path to another machine", _text(_first_path("\\\\evil\\share\\x.png")), one_unreadable()),
    ("an address of the web", _text(_first_path("http://169.254.169.254/x.png")), one_unreadable("not found")),
    ("the path of a folder", _text(_first_path("faces/happy")), one_unreadable("not a file")),
    ("a path of 5,000 characters", _text(_first_path("x" * 5_000)), one_unreadable("too long")),
    ("no path in one row", _text(_first_path("")), one_unreadable("names no picture")),
    ("formulas for labels", _text(lambda text: text.replace(",sad", ",=1+1")), FINE),
    ("a csv that is a picture", _text(lambda _text: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), refused("not a text file")),
    ("a csv that is a zip", _text(lambda _text: b"PK\x03\x04\x14\0\0\0"), refused("faces.csv")),
    ("an unknown ending", _text(str, name="faces.xlsx"), refused("faces.xlsx")),
    ("a broken line of JSON", _lines(lambda rows: [*rows[:3], "{broken", *rows[3:]]), refused("line 4", "JSON")),
    ("a line that is a list", _lines(lambda rows: [*rows, [1, 2]]), refused("line 13", "no JSON object")),
    (
        "nested labels",
        _lines(lambda rows: [{**each, "label": {"name": each["label"]}} for each in rows]),
        refused("label"),
    ),
    ("labels of several kinds", _lines(lambda rows: [*rows[:11], {**rows[11], "label": 3}]), FINE),
    (
        "half a character",
        _lines(lambda rows: [*rows[:11], '{"path": "\\ud83d", "label": "sad"}']),
        refused("half a character"),
    ),
    (
        "a number beyond 64 bits",
        _lines(lambda rows: [{**each, "id": 10**30 + row} for row, each in enumerate(rows)]),
        FINE,
    ),
    ("nested 100,000 deep", _lines(lambda rows: [*rows, "[" * 100_000]), refused("line 13")),
    ("paths that are lists", _lines(lambda rows: [{**each, "path": [each["path"]]} for each in rows]), refused("path")),
    (
        "Parquet cut short",
        _parquet(lambda table, _: table, lambda content: content[: len(content) // 2]),
        refused("Parquet"),
    ),
    (
        "Parquet with another tail",
        _parquet(lambda table, _: table, lambda content: content[:-8] + b"\xff" * 4 + b"PAR1"),
        refused("Parquet"),
    ),
    ("Parquet of 0 bytes", _parquet(lambda table, _: table, lambda _: b""), refused("Parquet")),
    ("Parquet of 0 rows", _parquet(lambda table, _: table.slice(0, 0)), refused("no rows")),
    (
        "paths that are numbers",
        _parquet(lambda table, _: table.set_column(0, "path", pa.array(range(12)))),
        refused("no column that looks like paths"),
    ),
    (
        "labels that are times",
        _parquet(lambda table, _: table.set_column(1, "label", pa.array(range(12), pa.timestamp("s")))),
        inspected(rows=12),
    ),
    (
        "nested columns",
        _parquet(lambda table, _: table.set_column(1, "label", pa.array([{"a": [1]}] * 12))),
        refused("label"),
    ),
    (
        "a column of pictures that are all null",
        _parquet(lambda table, _: table.select(["label"]).append_column("image", pa.nulls(12, pa.binary()))),
        inspected(rows=12, unreadable=12),
    ),
    (
        "one picture null, one not a picture",
        _parquet(
            lambda table, pictures: table.select(["label"]).append_column(
                "image", pa.array([None, b"x", *pictures[2:]])
            )
        ),
        inspected(rows=12, unreadable=2),
    ),
    (
        "pictures as text",
        _parquet(lambda table, _: table.select(["label"]).append_column("image", pa.array(["x"] * 12))),
        refused("faces.parquet", "--root"),
    ),
    ("a shard cut short", _tar(lambda content: content[:3_000]), refused("shard.tar")),
    ("a shard that is gzip", _tar(lambda _: b"\x1f\x8b\x08\0" + bytes(600)), refused("shard.tar")),
    ("a shard with broken JSON", _tar(bytes, b'{"label": '), refused("shard.tar")),
    ("a shard whose labels are one list", _tar(bytes, b"[1]"), refused("label")),
)


def _ragged_end(folder: Path, paths: Sequence[str], labels: Sequence[str]) -> Path:
    """Two hundred thousand good rows, and a bad one."""
    rows = [f"{paths[row % 12]},{labels[row % 12]}" for row in range(200_000)]
    (folder / "faces.csv").write_text("\n".join(["path,label", *rows, "x,y,z"]) + "\n")
    return folder / "faces.csv"


def _fifo(folder: Path, paths: Sequence[str], labels: Sequence[str]) -> Path:
    os.mkfifo(folder / "faces.csv")
    return folder / "faces.csv"


_HEAVY: tuple[tuple[str, Write, Must], ...] = (
    ("100,000 classes", _many_classes, _classes_must),
    ("a cell of 20 MiB", _text(lambda text: text + "x" * (20 << 20) + ",happy\n"), inspected(rows=13, unreadable=1)),
    ("a line of 60 MiB without an end", _text(lambda _text: "x" * (60 << 20)), refused("faces.csv")),
    ("200,000 good rows, then a bad one", _ragged_end, refused("line 200,002")),
    ("a shard whose first picture is 8 GiB by its header", _tar(_huge_header_size), refused("shard.tar")),
    ("a fifo named faces.csv", _fifo, refused("faces.csv")),
)
