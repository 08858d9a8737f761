"""Reports and run folders that are damaged, foreign or of another version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .case import Case, Must, refused
from .ground import Ground

KEY = b"labelaudit"


def cases() -> Iterator[Case]:
    """All of them."""
    for name, spoil, words in _REPORTS:
        for command in ("check", "report"):
            yield _case(f"{command}: {name}", spoil, refused(*words), command)
    for name, spoil, command, words in _RUNS:
        yield _case(f"{command}: {name}", spoil, refused(*words), command)


def _case(name: str, spoil: Callable[[Path], object], must: Must, command: str) -> Case:
    def make(folder: Path, ground: Ground) -> Sequence[str | Path]:
        run = ground.copy_of_run(folder)
        spoil(run)
        more: dict[str, tuple[str | Path, ...]] = {
            "check": (),
            "report": ("--out", folder / "page.html"),
            "queue": ("--out", folder / "queue.csv", "--format", "csv"),
            "review": ("--no-open",),
            "compare": (ground.run,),
            "audit": (),
        }
        if command == "audit":
            return ["audit", ground.faces, "--out", run, "--resume", "--quiet", "--cache-dir", folder / "cache"]
        return [command, run, *more[command], "--quiet"]

    return Case("reports", name, make, must)


def _bytes(change: Callable[[bytes], bytes], name: str = "report.parquet") -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes(change((run / name).read_bytes()))


def _table(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], object]:
    def spoil(run: Path) -> None:
        pq.write_table(change(pq.read_table(run / "report.parquet")), run / "report.parquet")

    return spoil


def _metadata(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], object]:
    def put(table: pa.Table) -> pa.Table:
        value = change(json.loads(table.schema.metadata[KEY]))
        return table.replace_schema_metadata({KEY: value if isinstance(value, bytes) else json.dumps(value)})

    return _table(put)


def _column(name: str, values: Callable[[int], pa.Array]) -> Callable[[Path], object]:
    return _table(lambda table: table.set_column(table.column_names.index(name), name, values(len(table))))


def _with(**told: object) -> Callable[[dict[str, Any]], Any]:
    return lambda value: value | told


def _less(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda value: {key: each for key, each in value.items() if key != name}


def _more_classes(value: dict[str, Any]) -> dict[str, Any]:
    return value | {"classes": [*value["classes"], "x"]}


def _as_folder(run: Path) -> None:
    (run / "report.parquet").unlink()
    (run / "report.parquet").mkdir()


_DAMAGED = ("report.parquet", "damaged metadata")
_REPORTS: tuple[tuple[str, Callable[[Path], object], tuple[str, ...]], ...] = (
    ("cut short", _bytes(lambda content: content[: len(content) // 2]), ("cannot be read as Parquet",)),
    ("0 bytes", _bytes(lambda _: b""), ("cannot be read as Parquet",)),
    ("a csv named report.parquet", _bytes(lambda _: b"sample_id,verdict\n1,clean\n"), ("cannot be read as Parquet",)),
    ("somebody else's Parquet", _table(lambda table: table.replace_schema_metadata({})), ("not a report",)),
    ("schema version 2", _metadata(_with(schema_version=2)), ("schema 2", "reads 1")),
    ("schema version that is a text", _metadata(_with(schema_version="1")), ("schema",)),
    ("metadata that is no JSON", _metadata(lambda _: b"{broken"), _DAMAGED),
    ("metadata that is a list", _metadata(lambda _: b"[1, 2]"), _DAMAGED),
    ("metadata nested 100,000 deep", _metadata(lambda _: b"[" * 100_000), _DAMAGED),
    ("metadata that is not UTF-8", _metadata(lambda _: b"\xff\xfe{"), _DAMAGED),
    ("no classes in the metadata", _metadata(_less("classes")), _DAMAGED),
    ("classes that are a number", _metadata(_with(classes=7)), _DAMAGED),
    ("classes that are one text", _metadata(_with(classes="happy")), ("report.parquet",)),
    (
        "classes that are numbers",
        _metadata(_with(classes=[1, 2, 3, 4, 5, 6])),
        _DAMAGED,
    ),
    (
        "one class more",
        _metadata(_more_classes),
        ("report.parquet", "audit again"),
    ),
    ("a noise rate that is a text", _metadata(_with(noise_rate="high")), _DAMAGED),
    ("a noise rate of texts", _metadata(_with(noise_rate={"value": "x", "low": None, "high": None})), _DAMAGED),
    ("a noise matrix of another shape", _metadata(_with(noise_matrix=[[1.0]])), ("report.parquet",)),
    ("settings that are a list", _metadata(_with(settings=[1])), _DAMAGED),
    ("without sample_id", _table(lambda table: table.drop_columns(["sample_id"])), ("lacks the column sample_id",)),
    ("without verdict", _table(lambda table: table.drop_columns(["verdict"])), ("lacks the column verdict",)),
    ("verdicts that are numbers", _column("verdict", lambda rows: pa.array([1] * rows)), ("verdict",)),
    ("chances that are texts", _column("p_mislabelled", lambda rows: pa.array(["x"] * rows)), ("p_mislabelled",)),
    (
        "report.parquet is a folder",
        _as_folder,
        (),
    ),
    ("no report", lambda run: (run / "report.parquet").unlink(), ("run",)),
)


def _gone(run: Path) -> None:
    for path in run.iterdir():
        path.unlink()


_RUNS: tuple[tuple[str, Callable[[Path], object], str, tuple[str, ...]], ...] = (
    ("an empty folder", _gone, "queue", ("run",)),
    ("an empty folder", _gone, "compare", ("run",)),
    ("dataset.json that is no JSON", _bytes(lambda _: b"{", "dataset.json"), "review", ("dataset.json", "--dataset")),
    ("dataset.json that is a list", _bytes(lambda _: b"[]", "dataset.json"), "review", ("dataset.json", "--dataset")),
    (
        "dataset.json of numbers",
        _bytes(lambda _: b'{"dataset": 3, "options": {}}', "dataset.json"),
        "review",
        ("dataset.json",),
    ),
    (
        "dataset.json of another place",
        _bytes(lambda _: b'{"dataset": "/nowhere", "options": {}}', "dataset.json"),
        "review",
        (),
    ),
    (
        "neighbours.parquet cut short",
        _bytes(lambda content: content[:50], "neighbours.parquet"),
        "review",
        ("neighbours",),
    ),
    (
        "decisions.jsonl that is none",
        lambda run: (run / "decisions.jsonl").write_text("{broken\n"),
        "review",
        ("decisions.jsonl", "line 1"),
    ),
    ("run.json that is no JSON", _bytes(lambda _: b"{", "run.json"), "audit", ("run.json",)),
    ("run.json nested 100,000 deep", _bytes(lambda _: b"[" * 100_000, "run.json"), "audit", ("run.json",)),
)
