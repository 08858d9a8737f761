"""Decisions that came back wrong, whatever tool they came from."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from .case import Answer, Case, Must, refused
from .ground import Ground

Content = Callable[[list[dict[str, Any]]], str | bytes]
"""A file's content, given the ids and hashes of the run's rows."""


def cases() -> Iterator[Case]:
    """All of them."""
    for name, file, content, must in _FILES:
        yield _case(name, file, content, must)
    for name, file, content, must in _HEAVY:
        yield _case(name, file, content, must, heavy=True)
    yield Case("decisions", "a fifo", _fifo, refused("pipe"), heavy=True)
    yield Case(
        "decisions",
        "a folder",
        lambda folder, ground: apply_arguments(ground, folder, folder),
        refused("cannot be read"),
    )
    yield Case(
        "decisions",
        "no such file",
        lambda folder, ground: apply_arguments(ground, folder / "x", folder),
        refused("cannot be read"),
    )


def apply_arguments(ground: Ground, decisions: Path, folder: Path) -> list[str | Path]:
    return ["apply", ground.run, decisions, "--out", folder / "labels", "--as", "manifest", "--quiet"]


def four_rows(ground: Ground) -> list[dict[str, Any]]:
    table = pq.read_table(ground.run / "report.parquet", columns=["sample_id", "content_sha256"])
    return [*table.slice(0, 4).to_pylist()]


def _case(name: str, file: str, content: Content, must: Must, *, heavy: bool = False) -> Case:
    def make(folder: Path, ground: Ground) -> list[str | Path]:
        written = content(four_rows(ground))
        (folder / file).write_bytes(written if isinstance(written, bytes) else written.encode())
        return apply_arguments(ground, folder / file, folder)

    return Case("decisions", name, make, must, heavy)


def _fifo(folder: Path, ground: Ground) -> Sequence[str | Path]:
    os.mkfifo(folder / "pipe.jsonl")
    return apply_arguments(ground, folder / "pipe.jsonl", folder)


def applied(answer: Answer) -> str | None:
    """Labels were written, beside them a ledger."""
    if answer.code != 0:
        return f"exit code {answer.code}: {answer.stderr.strip()}"
    return None if (answer.folder / "labels" / "ledger.jsonl").is_file() else "no ledger was written"


def decision_line(row: dict[str, Any], **other: object) -> str:
    return json.dumps(
        {**row, "ruling": "label", "label": "sad", "annotator": "ann", "decided_at": "", "tool": "x", **other}
    )


def _lines(**other: object) -> Content:
    return lambda rows: "".join(decision_line(row, **other) + "\n" for row in rows)


def _label_studio(**other: object) -> Content:
    def content(rows: list[dict[str, Any]]) -> str:
        result = [{"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["sad"]}}]
        annotation = {"result": result, "completed_by": 1, "updated_at": "2026-01-31T12:00:00Z", **other}
        return json.dumps([{"data": row, "annotations": [annotation]} for row in rows])

    return content


def _cvat(rows: list[dict[str, Any]], before: str = "", label: str = "sad", inside: str = "") -> str:
    images = "".join(
        f'<image id="{number}" name="{number}.png"><tag label="(labelaudit)"><attribute name="sample_id">'
        f'{row["sample_id"]}</attribute></tag><tag label="{label}" source="manual"></tag>{inside}</image>'
        for number, row in enumerate(rows)
    )
    return f'<?xml version="1.0" encoding="utf-8"?>{before}<annotations><version>1.1</version>{images}</annotations>'


def _zip(content: bytes, name: str = "annotations.xml", **other: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def _zip_bomb(rows: list[dict[str, Any]]) -> bytes:
    """A megabyte that unpacks to 900."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("annotations.xml", "w") as member:
        member.write(b"<annotations>")
        block = b"<image/>" * 131_072
        for _ in range(900):
            member.write(block)
        member.write(b"</annotations>")
    return file.getvalue()


def _zip_that_lies(rows: list[dict[str, Any]]) -> bytes:
    """A member that is larger than it says."""
    whole = bytearray(_zip(_cvat(rows).encode() + b" " * 100_000))
    place = whole.index(b"PK\x01\x02") + 24
    whole[place : place + 4] = (50).to_bytes(4, "little")
    return bytes(whole)


def _laughs(rows: list[dict[str, Any]]) -> str:
    entities = "".join(
        f'<!ENTITY a{n} "{"&a" + str(n - 1) + ";" if n else "ha"}{f"&a{n - 1};" * 9 if n else ""}">' for n in range(10)
    )
    return _cvat(rows, before=f"<!DOCTYPE x [{entities}]>", label="&a9;")


_OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
_CSV = "sample_id,decision\n"
_FILES: tuple[tuple[str, str, Content, Must], ...] = (
    ("whole ones, to compare with", "ok.jsonl", _lines(), applied),
    ("0 bytes", "x.jsonl", lambda _rows: "", refused("x.jsonl")),
    ("binary noise", "x.bin", lambda _rows: bytes(range(256)) * 20, refused("x.bin")),
    ("an unknown id", "x.jsonl", _lines(sample_id="nobody.png"), refused("no row of this report")),
    ("an unknown label", "x.jsonl", _lines(label="hapy"), refused("no class", "did you mean 'happy'")),
    (
        "the hash of another picture",
        "x.jsonl",
        _lines(content_sha256="0" * 64),
        refused("not the one that was audited"),
    ),
    ("an unknown ruling", "x.jsonl", _lines(ruling="maybe"), refused("line 1", "maybe")),
    ("a label where none belongs", "x.jsonl", _lines(ruling="skip"), refused("line 1")),
    ("no label where one belongs", "x.jsonl", _lines(label=None), refused("line 1")),
    ("an id that is a number", "x.jsonl", _lines(sample_id=3), refused("line 1")),
    ("a label that is a list", "x.jsonl", _lines(label=["sad"]), refused("line 1")),
    ("an annotator that is an object", "x.jsonl", _lines(annotator={"id": 1}), refused("line 1")),
    ("a time that is a number", "x.jsonl", _lines(decided_at=1.5), refused("line 1")),
    (
        "half a character",
        "x.jsonl",
        lambda rows: decision_line(rows[0]) + "\n" + decision_line(rows[1], annotator="\ud83d") + "\n",
        refused("half a character"),
    ),
    ("a broken line", "x.jsonl", lambda rows: decision_line(rows[0]) + "\n{broken\n", refused("line 2")),
    (
        "a last line without its end",
        "x.jsonl",
        lambda rows: decision_line(rows[0]) + "\n" + decision_line(rows[1])[:20],
        applied,
    ),
    ("nested 100,000 deep", "x.json", lambda _rows: "[" * 100_000, refused("x.json")),
    ("JSON of another tool", "x.json", lambda _rows: '{"what": "else"}', refused("no kind that is known")),
    ("a JSON number", "x.json", lambda _rows: "[3]", refused("x.json")),
    (
        "Label Studio: another interface",
        "x.json",
        _label_studio(result=[{"from_name": "box", "type": "rectanglelabels"}]),
        refused("another labelling interface"),
    ),
    ("Label Studio: a result that is a text", "x.json", _label_studio(result="sad"), refused("record 1")),
    ("Label Studio: a time that is none", "x.json", _label_studio(updated_at="yesterday"), refused("yesterday")),
    (
        "Label Studio: a time in the year 0",
        "x.json",
        _label_studio(updated_at="0001-01-01T00:00:00+23:00"),
        refused("record 1"),
    ),
    (
        "Label Studio: half a character",
        "x.json",
        _label_studio(completed_by={"email": "\ud83d"}),
        refused("half a character"),
    ),
    (
        "Label Studio: annotations that are a number",
        "x.json",
        lambda rows: json.dumps([{"data": rows[0], "annotations": 3}]),
        refused("record 1"),
    ),
    (
        "Datumaro: a label of another number",
        "x.json",
        lambda rows: json.dumps(
            {
                "categories": {"label": {"labels": [{"name": "sad"}]}},
                "items": [{"attr": rows[0], "annotations": [{"type": "label", "label_id": 7}]}],
            }
        ),
        refused("item 1", "7"),
    ),
    ("Datumaro: no categories", "x.json", lambda _rows: '{"items": []}', refused("categories")),
    ("FiftyOne: samples that are a number", "x.json", lambda _rows: '{"samples": 3}', refused("samples")),
    (
        "FiftyOne: a decision that is a list",
        "x.json",
        lambda rows: json.dumps({"samples": [{**rows[0], "decision": [1]}]}),
        refused("sample 1"),
    ),
    (
        "CVAT: an entity of a file",
        "x.xml",
        lambda rows: _cvat(rows, before=_OUTSIDE, label="&e;"),
        refused("document type"),
    ),
    ("CVAT: a billion laughs", "x.xml", _laughs, refused("document type")),
    ("CVAT: an unknown encoding", "x.xml", lambda rows: _cvat(rows).replace("utf-8", "x-evil"), refused("not XML")),
    ("CVAT: not closed", "x.xml", lambda rows: _cvat(rows)[:-30], refused("not XML")),
    ("CVAT: another format", "x.xml", lambda _rows: "<html/>", refused("CVAT for images")),
    (
        "CVAT: the tag with the id is lost",
        "x.xml",
        lambda rows: _cvat(rows).replace("sample_id", "lost"),
        refused("lost its tag"),
    ),
    ("CVAT: a zip of something else", "x.zip", lambda _rows: _zip(b"x", "other.xml"), refused("zip without")),
    ("CVAT: a zip cut short", "x.zip", lambda rows: _zip(_cvat(rows).encode())[:-30], refused("damaged zip")),
    ("CVAT: a zip member that lies about its size", "x.zip", _zip_that_lies, refused("x.zip")),
    ("csv: no column decision", "x.csv", lambda _rows: "sample_id,what\n1,sad\n", refused("no column 'decision'")),
    ("csv: a decision without an id", "x.csv", lambda _rows: _CSV + ",sad\n", refused("without a sample_id")),
    (
        "csv: a formula for a decision",
        "x.csv",
        lambda rows: _CSV + f"{rows[0]['sample_id']},=1+1\n",
        refused("'=1+1'", "no class"),
    ),
    ("csv: ragged", "x.csv", lambda _rows: _CSV + "a,b,c\n", refused("line 2")),
    (
        "csv: unclosed quote",
        "x.csv",
        lambda rows: _CSV + f'{rows[0]["sample_id"]},"sad\n{rows[1]["sample_id"]},sad\n',
        refused("never closed"),
    ),
    ("csv in UTF-16", "x.csv", lambda rows: (_CSV + f"{rows[0]['sample_id']},sad\n").encode("utf-16"), applied),
    ("Parquet cut short", "x.parquet", lambda _rows: b"PAR1\0\0\0", refused("x.parquet")),
)

_HEAVY: tuple[tuple[str, str, Content, Must], ...] = (
    ("CVAT: a zip bomb", "x.zip", _zip_bomb, refused("next to nothing")),
    ("CVAT: nested 100,000 deep", "x.xml", lambda rows: _cvat(rows, inside="<a>" * 100_000), refused("x.xml")),
    (
        "one line of 50 MB",
        "x.jsonl",
        lambda rows: decision_line(rows[0], annotator="x" * 50_000_000) + "\n",
        refused("x.jsonl"),
    ),
)
