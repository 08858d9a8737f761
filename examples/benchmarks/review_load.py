"""Loads the review server: decisions from many clients at once, pictures, a kill, and opening a long report.

    python examples/benchmarks/review_load.py                      # 10,000 decisions from 8 clients
    python examples/benchmarks/review_load.py --rows 1000000       # opening a report of a million rows, too

A real ``labelaudit review`` in a process of its own is spoken to over the loopback. Every decision that it said to be
saved must be in the file afterwards, read by the project's own reader, or the script ends with an error. Then it prints
latencies, and appends them as one JSON line to review_load.jsonl beside this file. The faces are drawn; no data is
needed.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from labelaudit.faces import draw_dataset, write_dataset
from labelaudit.pixels.chunks import content_sha256
from labelaudit.queue.decision_lines import latest, read_decision_lines
from labelaudit.report.metadata import METADATA_KEY, ReportMetadata
from labelaudit.report.neighbours import write_neighbours
from labelaudit.report.schema import report_schema
from labelaudit.rundir import RunDir
from labelaudit.source.detect import open_source
from labelaudit.source.origin import Origin, write_origin

RESULTS = Path(__file__).with_name("review_load.jsonl")
_DRAWN = 400


def main() -> None:
    """Runs the load and prints what it found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rows", type=int, default=_DRAWN, help="of the report")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), rows=arguments.rows)
        line: dict[str, object] = {"machine": platform.machine(), "rows": arguments.rows}
        with server(run, "--top", str(_DRAWN)) as (client, started, process):
            memory = psutil.Process(process.pid).memory_info().rss / 1e6
            line |= {"seconds until it answers": round(started, 2), "memory MB": round(memory)}
            line |= time_pictures(client)
            line |= time_decisions(client, run, decisions=arguments.decisions, clients=arguments.clients)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    for name, value in line.items():
        print(f"{name:32s} {value}")


class Client:
    """Speaks to the server over one connection that is kept, as a page does."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {
            "Origin": f"http://127.0.0.1:{port}",
            "Cookie": f"labelaudit-{port}={token}",
            "Content-Type": "application/json",
        }

    def request(self, path: str, body: dict[str, Any]) -> bytes:
        """A POST as it goes over a connection."""
        content = json.dumps(body).encode()
        headers = {"Host": f"127.0.0.1:{self.port}", **self._headers, "Content-Length": str(len(content))}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + content

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Status and body of an answer."""
        method, content = ("GET", None) if body is None else ("POST", json.dumps(body).encode())
        self._connection.request(method, path, content, self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()


@contextmanager
def server(run: RunDir, *options: str) -> Iterator[tuple[Client, float, subprocess.Popen[str]]]:
    """``labelaudit review``, and the seconds from its start to its first answer."""
    command = [sys.executable, "-m", "labelaudit", "review", str(run.root), "--json", "--no-open", "--port", "0"]
    start = time.perf_counter()
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["url"]
            port, _, token = address.removeprefix("http://127.0.0.1:").partition("/?token=")
            client = Client(int(port), token)
            client.ask("/api/desk")
            yield client, time.perf_counter() - start, process
        finally:
            process.kill()


def time_pictures(client: Client) -> dict[str, object]:
    """Milliseconds for a face and its pictures, one after the other."""
    rows = json.loads(client.ask("/api/desk")[1])["rows"]
    times = []
    for row in rows[:200]:
        start = time.perf_counter()
        face = json.loads(client.ask(f"/api/faces/{row}")[1])
        for path in (f"/pictures/{row}", *(f"/pictures/{each['row']}/small" for each in face["similar"])):
            assert client.ask(path)[0] == 200, path
        times.append(time.perf_counter() - start)
    return {f"face with pictures ms p{p}": _percentile(times, p) for p in (50, 99)}


def time_decisions(client: Client, run: RunDir, *, decisions: int, clients: int) -> dict[str, object]:
    """Decides from several clients at once, and looks for every decision in the file.

    Raises:
        SystemExit: A decision was refused, or is lost.
    """
    desk = json.loads(client.ask("/api/desk")[1])
    share = -(-decisions // clients)
    start = time.perf_counter()
    times, saved = asyncio.run(_decide_from_all(client, desk, share=share, clients=clients))
    seconds = time.perf_counter() - start
    lines = read_decision_lines(run.decisions)
    sample_id = pq.read_table(run.report, columns=["sample_id"])["sample_id"]
    stands = {(each.annotator, each.sample_id): each.label for each in latest(lines)}
    lost = sum(stands.get((name, sample_id[row].as_py())) != label for (name, row), label in saved.items())
    if lost or len(lines) != share * clients:
        raise SystemExit(f"{lost} decisions are lost, {len(lines)} of {share * clients} lines are there")
    return {
        "decisions": len(lines),
        "clients": clients,
        "lost": lost,
        "decisions a second": round(len(lines) / seconds),
        **{f"decision ms p{p}": _percentile(times, p) for p in (50, 99, 100)},
    }


async def _decide_from_all(
    client: Client, desk: dict[str, Any], *, share: int, clients: int
) -> tuple[list[float], dict[tuple[str, int], str]]:
    """Seconds of every decision, and the last label of each face by each person.

    One loop speaks for all: a thread a client would measure how threads take turns in this process.
    """
    rows, classes = desk["rows"], desk["classes"]
    times: list[float] = []
    saved: dict[tuple[str, int], str] = {}

    async def work(name: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        for number in range(share):
            row, seen = rows[number % len(rows)], number // len(rows)
            label = classes[(number + seen) % len(classes)]
            body = {"row": row, "ruling": "label", "label": label, "annotator": name, "seen": seen}
            start = time.perf_counter()
            writer.write(client.request("/api/decisions", body))
            head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0]))
            times.append(time.perf_counter() - start)
            if not head.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(f"a decision was refused: {head.splitlines()[0]!r} {answer!r}")
            saved[name, row] = label
        writer.close()

    await asyncio.gather(*(work(f"client {k}") for k in range(clients)))
    return times, saved


def make_run(folder: Path, *, rows: int) -> RunDir:
    """A run whose head is drawn faces, all in the queue; the rest of a long report has no picture."""
    faces = folder / "faces"
    write_dataset(draw_dataset(_DRAWN, seed=0), faces)
    source = open_source(str(faces))
    table, classes = source.table, source.table.labels.names
    run = RunDir(folder / "run")
    run.root.mkdir()
    number = np.arange(rows)
    ids = [*table.sample_id, *(f"more/{row:09d}.png" for row in range(_DRAWN, rows))]
    shas = [
        *(content_sha256(source.read(row)) for row in range(_DRAWN)),
        *(f"{row:064x}" for row in range(_DRAWN, rows)),
    ]
    given = np.concatenate([table.given, number[_DRAWN:] % len(classes)]).astype(np.int32)
    posterior = np.full((rows, len(classes)), 1 / len(classes), dtype=np.float32)
    values: dict[str, Any] = {
        "sample_id": ids,
        "path": ids,
        "given_label": _named(given, classes),
        "verdict": _named(np.zeros(rows, dtype=np.int32), ("mislabelled",)),
        "reason": _named(np.zeros(rows, dtype=np.int32), ("below_noisy_threshold",)),
        "suggested_label": _named((given + 1) % len(classes), classes),
        "suggested_confidence": np.full(rows, 0.9, dtype=np.float32),
        "p_mislabelled": np.linspace(1, 0, rows, dtype=np.float32),
        "confidence": np.full(rows, 0.1, dtype=np.float32),
        "clean_threshold": np.full(rows, 0.5, dtype=np.float32),
        "noisy_threshold": np.full(rows, 0.2, dtype=np.float32),
        "posterior": pa.FixedSizeListArray.from_arrays(pa.array(posterior.ravel()), len(classes)),
        "queue_rank": number + 1,
        "content_sha256": shas,
        **{f"epochs_{name}": np.zeros(rows, dtype=np.uint16) for name in ("clean", "ambiguous", "noisy")},
    }
    metadata = ReportMetadata(
        tool_version="0", dataset="load", dataset_fingerprint="f00d", source_format="folder", source_why="",
        classes=classes, settings={}, seed=0, device="cpu", weights="none", torch_version="0",
    )  # fmt: skip
    schema = report_schema(len(classes)).with_metadata({METADATA_KEY: metadata.to_bytes()})
    columns = [pa.array(values[f.name], f.type) if f.name in values else pa.nulls(rows, f.type) for f in schema]
    pq.write_table(pa.table(columns, schema=schema), run.report, row_group_size=131_072, compression="zstd")
    write_neighbours(run.neighbours, ((number[:, None] + np.arange(1, 9)) % _DRAWN).astype(np.int32))
    write_origin(run, Origin(str(faces)))
    return run


def _named(indices: np.ndarray, names: tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(names))


def _percentile(seconds: list[float], percentile: int) -> float:
    return round(1_000 * float(np.percentile(seconds, percentile)), 1)


if __name__ == "__main__":
    main()
