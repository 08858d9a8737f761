"""Runs at URLs, in fsspec's memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labelaudit.cli.app import app
from labelaudit.errors import ReportError, RunFolderError
from labelaudit.records import Stage
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir
from labelaudit.scale.run_url import holds_run, local_run, run_to_publish
from labelaudit.scoring import score
from labelaudit.source.store import Files

URL = "memory://runs/new"


def _make(place: str = URL, *, cache: Path, text: str = "report", force: bool = False, finish: bool = True) -> None:
    """What a command does that writes a run."""
    with run_to_publish(place, cache_dir=cache, force=force) as folder:
        run = RunDir(folder)
        folder.mkdir(parents=True, exist_ok=True)
        run.mark.write_text("{}")
        run.origin.write_text('{"dataset": "../../home/ann/faces"}')
        run.report.write_text(text)
        if finish:
            run.summary.write_text("{}")


def _named_in_calls(monkeypatch: pytest.MonkeyPatch, method: str) -> list[str]:
    """Names of the files that a method is called with, as it goes on to do its work."""
    names, work = [], getattr(Files, method)

    def noted(self, name, path):
        names.append(name)
        work(self, name, path)

    monkeypatch.setattr(Files, method, noted)
    return names


def test_a_folder_is_itself(tmp_path):
    with run_to_publish(tmp_path / "run") as folder:
        assert folder == tmp_path / "run"
    assert local_run(tmp_path / "run") == RunDir(tmp_path / "run")


def test_a_run_is_published_with_its_report_last(store, tmp_path, monkeypatch):
    order: list[str] = []
    write = Files.write_file
    monkeypatch.setattr(Files, "write_file", lambda self, name, path: (order.append(name), write(self, name, path)))
    stages: list[Stage] = []
    _make(cache=tmp_path)
    assert order == ["run.json", "summary.json", "report.parquet"]  # and no path of this machine
    assert store.cat_file("/runs/new/report.parquet") == b"report"
    run = local_run(URL, cache_dir=tmp_path, progress=stages.append)
    assert run.report.read_text() == "report"
    assert stages[-1] == Stage("copying", 3, 3, "files")
    assert holds_run(URL)


def test_only_what_changed_is_copied_again(store, tmp_path, monkeypatch):
    _make(cache=tmp_path / "there")
    local_run(URL, cache_dir=tmp_path / "here")
    copied: list[str] = []
    copy = Files.save_copy
    monkeypatch.setattr(Files, "save_copy", lambda self, name, path: (copied.append(name), copy(self, name, path)))
    local_run(URL, cache_dir=tmp_path / "here")
    assert copied == []
    store.pipe_file("/runs/new/report.parquet", b"another")
    assert local_run(URL, cache_dir=tmp_path / "here").report.read_text() == "another"
    assert copied == ["report.parquet"]
    store.pipe_file("/runs/new/decisions.jsonl", b"{}")
    assert local_run(URL, cache_dir=tmp_path / "here").decisions.is_file()
    store.rm_file("/runs/new/decisions.jsonl")
    assert not local_run(URL, cache_dir=tmp_path / "here").decisions.exists()


def test_half_a_run_is_never_taken_for_a_whole_one(store, tmp_path, monkeypatch):
    _make(cache=tmp_path, text="old")
    write = Files.write_file

    def fail_at_the_summary(self, name, path):
        if name == "summary.json":
            raise RunFolderError("the network is gone")
        write(self, name, path)

    monkeypatch.setattr(Files, "write_file", fail_at_the_summary)
    with pytest.raises(RunFolderError, match="network is gone"):
        _make(cache=tmp_path, text="new", force=True)
    with pytest.raises(RunFolderError, match=r"holds a run that is not whole: report\.parquet is missing"):
        local_run(URL, cache_dir=tmp_path / "other")
    monkeypatch.setattr(Files, "write_file", write)
    _make(cache=tmp_path, text="new", force=True)
    assert local_run(URL, cache_dir=tmp_path / "other").report.read_text() == "new"


def test_a_run_that_does_not_finish_is_not_published(store, tmp_path):
    _make(cache=tmp_path, finish=False)
    assert store.find("/") == []
    with pytest.raises(ValueError, match="stop"), run_to_publish(URL, cache_dir=tmp_path):
        raise ValueError("stop")
    assert store.find("/") == []


def test_a_place_that_is_taken_is_refused(store, tmp_path):
    _make(cache=tmp_path)
    with pytest.raises(RunFolderError, match=r"memory://runs/new holds a run already; add --force"):
        _make(cache=tmp_path)
    store.pipe_file("/runs/other/holiday.jpg", b"x")
    with pytest.raises(RunFolderError, match="is not empty and not a run of labelaudit"):
        _make("memory://runs/other", cache=tmp_path, force=True)
    with pytest.raises(RunFolderError, match="is no run of labelaudit; is the URL right"):
        local_run("memory://runs/other", cache_dir=tmp_path)
    with pytest.raises(RunFolderError) as found:
        local_run("s3://ann:hunter2@runs/new", cache_dir=tmp_path)
    assert "hunter2" not in str(found.value)
    assert found.value.__cause__ is None


def test_one_url_to_another(scene, store, put, tmp_path, monkeypatch):
    """Batch, model and report at URLs: the same rows as on the disk; then report, queue and check of that run."""
    monkeypatch.setenv("LABELAUDIT_CACHE", str(tmp_path / "cache"))
    put(scene.batch, "/data/batch")
    put(scene.model, "/runs/model")
    here = score(scene.batch, model=scene.model, out=tmp_path / "here", cache_dir=tmp_path / "cache", device="cpu")

    def run(*arguments: str):
        return CliRunner().invoke(app, [*arguments])

    told = run("score", "memory://data/batch", "--model", "memory://runs/model", "--out", URL, "--device", "cpu")
    assert told.exit_code == 0, told.output
    there = local_run(URL)
    columns = ["sample_id", "given_label", "verdict", "reason", "p_mislabelled", "queue_rank", "posterior"]
    assert read_report(there, columns=columns).table.equals(read_report(here.run, columns=columns).table)
    assert json.loads(store.cat_file("/runs/new/dataset.json"))["dataset"] == "memory://data/batch"

    assert run("report", URL, "--no-images", "--out", str(tmp_path / "page.html")).exit_code == 0
    assert run("queue", URL, "--out", str(tmp_path / "queue.csv")).exit_code == 0
    assert (tmp_path / "queue.csv").read_text().count("\n") > 3
    refused = run("queue", URL)
    assert refused.exit_code == 2
    assert "only read" in refused.output
    limits = ("--max-mislabelled", "100%", "--max-conflicts", "9", "--max-unreadable", "9", "--path-prefix", ".")
    checks = [run("check", place, *limits) for place in (URL, str(tmp_path / "here"))]
    assert checks[0].exit_code == checks[1].exit_code
    assert checks[0].output.replace(str(there.root), "") == checks[1].output.replace(str(tmp_path / "here"), "")
    assert run("review", URL).exit_code == 2
    assert run("score", "memory://data/batch", "--model", "memory://runs/model", "--out", URL).exit_code == 2


def test_what_is_read_is_whole(store, tmp_path):
    _make(cache=tmp_path)
    with pytest.raises(ReportError):
        read_report(local_run(URL, cache_dir=tmp_path))  # a text is no report, wherever it came from


def test_what_is_on_the_disk_needs_no_store(scene):
    code = f"""
import sys
from labelaudit.scale.run_url import local_run, run_to_publish
from labelaudit.source.detect import open_source
open_source({str(scene.batch)!r}).read(0)
with run_to_publish("out"):
    local_run("out")
sys.exit(any(name in sys.modules for name in ("labelaudit.source.store", "labelaudit.source.remote", "ray")))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_audit_of_a_url_to_a_url(scene, store, put, tmp_path):
    put(scene.batch, "/data/batch")
    small = [
        "--folds",
        "1",
        "--epochs",
        "2",
        "--backbone",
        "gradients",
        "--weights",
        "none",
        "--device",
        "cpu",
        "--min-class-size",
        "2",
        "--quiet",
    ]
    cache = ["--cache-dir", str(tmp_path)]
    told = CliRunner().invoke(app, ["audit", "memory://data/batch", "--out", "memory://runs/audit", *small, *cache])
    assert told.exit_code == 0, told.output
    names = {name.rpartition("/")[2] for name in store.find("/runs/audit")}
    assert {"run.json", "dataset.json", "report.parquet", "summary.json", "model.json", "model.safetensors"} <= names
    run = local_run("memory://runs/audit", cache_dir=tmp_path)
    assert len(read_report(run, columns=["sample_id"])) == 74
    assert str(tmp_path).encode() not in b"".join(store.cat_file(name) for name in store.find("/runs/audit"))
