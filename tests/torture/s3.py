"""Batch, model and run at s3:// URLs, on a server of this machine (moto): the same rows, and no credential anywhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from .row import Row

_SECRET = "hunter2hunter2"
_WHAT = "batch, model and run at s3:// URLs"


@dataclass(frozen=True)
class World:
    """A model, a batch, and the batch's report as one piece gives it."""

    model: Path
    batch: Path
    report: bytes
    ids: list[str]


def tried_on_s3(world: World, folder: Path) -> Row:
    """``score`` from one URL to another, ``report``, ``queue`` and what goes wrong; where there is a server."""
    if shutil.which("moto_server") is None:
        return Row("scale", _WHAT, 0, 0, 0.0, "needs moto_server on the path")
    start = time.perf_counter()
    with _server() as endpoint:
        told = {
            **os.environ,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "torture",
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "LABELAUDIT_CACHE": str(folder / "s3-cache"),
        }
        store = pafs.S3FileSystem(
            access_key="torture",
            secret_key=_SECRET,
            region="us-east-1",
            endpoint_override=endpoint,
            allow_bucket_creation=True,
        )
        store.create_dir("faces")
        for place, source in (("faces/new", world.batch), ("faces/runs/model", world.model)):
            for file in source.rglob("*"):
                if file.is_file():
                    with store.open_output_stream(f"{place}/{file.relative_to(source).as_posix()}") as stream:
                        stream.write(file.read_bytes())
        run = "s3://faces/runs/new"
        tries: list[tuple[list[str], int, str]] = [
            (["score", "s3://faces/new", "--model", "s3://faces/runs/model", "--out", run], 0, ""),
            (["score", "s3://faces/new", "--model", "s3://faces/runs/model", "--out", run], 2, "holds a run already"),
            (["report", run, "--no-images", "--out", str(folder / "s3.html")], 0, ""),
            (["queue", run, "--out", str(folder / "s3.csv")], 0, ""),
            (["inspect", "s3://faces/new"], 0, ""),
            (["inspect", "s3://none/new"], 2, "there is no such bucket"),
            (["inspect", "s3://faces/none"], 2, "there is nothing"),
            (["inspect", f"s3://torture:{_SECRET}@faces/new"], 2, "must hold no user, key or password"),
        ]
        wrong = [fault for each in tries if (fault := _try(*each, told))]
        report = folder / "s3.parquet"
        with store.open_input_stream("faces/runs/new/report.parquet") as stream:
            report.write_bytes(stream.readall())
        everything = [each.path for each in store.get_file_info(pafs.FileSelector("faces/runs/new", recursive=True))]
        for path in everything:
            with store.open_input_stream(path) as stream:
                wrong += [f"{path} holds the secret"] if _SECRET.encode() in stream.readall() else []
    gone = _try(["inspect", "s3://faces/new"], 2, "cannot be reached", told)
    wrong += [gone] if gone else []
    if pq.read_table(report, columns=["sample_id"])["sample_id"].to_pylist() != world.ids:
        wrong.append("rows differ")
    note = wrong[0] if wrong else "on moto, not on Amazon's"
    return Row("scale", _WHAT, len(tries) + 1, len(wrong), time.perf_counter() - start, note)


def _try(arguments: list[str], code: int, said: str, environment: dict[str, str]) -> str:
    """What is wrong with how a command ends; empty = nothing."""
    command = [sys.executable, "-m", "labelaudit", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    spoken = ended.stdout + ended.stderr
    if _SECRET in spoken:
        return f"{arguments[0]} repeats the secret"
    if ended.returncode != code or said not in spoken or "Traceback" in spoken:
        return f"{arguments[0]} ended with {ended.returncode}: {ended.stderr.strip()[-300:]}"
    return ""


@contextlib.contextmanager
def _server() -> Iterator[str]:
    """Moto's S3 for as long as it takes, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = subprocess.DEVNULL
    command = ["moto_server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5)
                    break
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
