"""A finished run of drawn faces, made without training; a server for it; and one in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.pixels.chunks import content_sha256
from labelaudit.queue.select import QueueChoice
from labelaudit.records import Evidence, PixelFacts, Reason, ThresholdHistory, Verdict, VerdictTable
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.neighbours import write_neighbours
from labelaudit.report.table import write_report
from labelaudit.review.desk import open_desk
from labelaudit.review.ledger import open_ledger
from labelaudit.review.pictures import Album
from labelaudit.review.serve import access_for, open_socket, server_for
from labelaudit.review.server import Review, create_app
from labelaudit.rundir import RunDir
from labelaudit.source.detect import open_source
from labelaudit.source.interface import LabelSource
from labelaudit.source.origin import Origin, open_run_source, write_origin


def write_run(folder: Path, faces: Path, *, asked: int = 16) -> RunDir:
    """A run in which every so manieth face is mislabelled as the next class, ``asked`` in all, ranked by row."""
    source = open_source(str(faces))
    table = source.table
    count, classes = len(table), len(table.labels)
    wrong = np.zeros(count, dtype=bool)
    wrong[np.linspace(0, count - 1, asked).astype(int)] = True
    asked = int(wrong.sum())
    suggested = (table.given + 1) % classes
    posterior = np.full((count, classes), 0.1 / (classes - 1), dtype=np.float32)
    posterior[np.arange(count), np.where(wrong, suggested, table.given)] = 0.9
    nothing, unknown = np.zeros(count, dtype=np.int32), np.full(count, np.nan, dtype=np.float32)
    rank = np.full(count, -1)
    rank[wrong] = np.arange(1, asked + 1)
    run = RunDir(folder)
    folder.mkdir(parents=True)
    write_report(
        run.report,
        table=table,
        evidence=Evidence(
            posterior=posterior,
            peer1=posterior,
            peer2=posterior,
            epochs_clean=nothing,
            epochs_ambiguous=nothing,
            epochs_noisy=nothing,
            history=ThresholdHistory.empty(),
        ),
        facts=PixelFacts(
            error=[None] * count,
            content_sha256=[content_sha256(source.read(row)) for row in range(count)],
            width=nothing,
            height=nothing,
            sharpness=unknown,
            brightness=unknown,
            duplicate_group=np.full(count, -1, dtype=np.int32),
            conflict=np.zeros(count, dtype=bool),
        ),
        verdicts=VerdictTable(
            verdict=[Verdict.MISLABELLED if each else Verdict.CLEAN for each in wrong],
            reason=[Reason.BELOW_NOISY_THRESHOLD if each else Reason.ABOVE_CLEAN_THRESHOLD for each in wrong],
            reason_detail=[None] * count,
            suggested=np.where(wrong, suggested, -1).astype(np.int32),
            suggested_confidence=np.where(wrong, np.float32(0.9), np.float32(np.nan)),
            p_mislabelled=np.where(wrong, 0.9, 0.1).astype(np.float32),
            label_score=np.where(wrong, 0.1, 0.9).astype(np.float32),
            clean_threshold=np.full(count, 0.5, dtype=np.float32),
            noisy_threshold=np.full(count, 0.2, dtype=np.float32),
            queue_rank=rank,
        ),
        metadata=ReportMetadata(
            tool_version="0.1.0",
            dataset="faces",
            dataset_fingerprint="f00d",
            source_format="folder",
            source_why="a folder a class",
            classes=table.labels.names,
            settings={"folds": 5, "seed": 0},
            seed=0,
            device="cpu",
            weights="none",
            torch_version="2.6.0",
        ),
    )
    nearest = (np.arange(count)[:, None] + np.arange(1, 9)) % count
    write_neighbours(run.neighbours, nearest.astype(np.int32))
    write_origin(run, Origin(str(faces)))
    return run


@dataclass
class Answer:
    """What a server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Speaks to a server on this machine as a page does, unless told to do otherwise."""

    port: int
    token: str
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.own = {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": f"http://127.0.0.1:{self.port}",
            "Cookie": f"labelaudit-{self.port}={self.token}",
            "Content-Type": "application/json",
        } | self.headers

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, without: tuple[str, ...] = (), **headers: str
    ) -> Answer:
        named = self.own | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if body is not None and "Content-Length" not in named and "Transfer-Encoding" not in named:
                named["Content-Length"] = str(len(body))
            for name, value in named.items():
                if name not in without:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def decide(self, row: int, label: str | None, *, annotator: str = "Ann", seen: int = 0, ruling: str = "") -> Answer:
        body = {
            "row": row,
            "ruling": ruling or "label",
            "label": label,
            "annotator": annotator,
            "seen": seen,
        }
        return self.ask("POST", "/api/decisions", json.dumps(body).encode())


@contextlib.contextmanager
def served(
    run: RunDir,
    choice: QueueChoice | None = None,
    *,
    port: int = 0,
    annotator: str | None = None,
    source: LabelSource | None = None,
    kept: Path | None = None,
) -> Iterator[Client]:
    """A real server in a thread."""
    desk = open_desk(run, choice or QueueChoice())
    with open_ledger(kept or run.decisions) as ledger, open_socket("127.0.0.1", port) as listener:
        access = access_for(listener, "127.0.0.1")
        album = Album(source or open_run_source(run), desk.pictures)
        album.check()
        server = server_for(create_app(Review(desk, ledger, album, annotator), access))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Client(access.port, access.token)
        finally:
            server.should_exit = server.force_exit = True
            thread.join(timeout=10)


@contextlib.contextmanager
def command(run: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    """``labelaudit review`` in a process of its own."""
    arguments = [sys.executable, "-m", "labelaudit", "review", str(run), "--json", "--no-open", *options]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            address = json.loads(line)["url"]
            port, _, token = address.removeprefix("http://127.0.0.1:").partition("/?token=")
            yield process, Client(int(port), token)
        finally:
            process.kill()
