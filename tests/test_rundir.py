from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit import rundir, runstart
from labelaudit.errors import RunFolderError
from labelaudit.rundir import RunDir, cache_folder, locked, write_json, written_aside
from labelaudit.runstart import build_run, check_run, opened_run

MARK = {"labelaudit": "1", "settings": {"seed": 0, "asm": {"epochs": 3}}}


def started(root: Path) -> RunDir:
    """A run that has trained a little."""
    run = build_run(root, fingerprint=MARK)
    run.checkpoint.mkdir()
    (run.checkpoint / "fold-1.safetensors").write_bytes(b"weights")
    return run


def finished(root: Path) -> RunDir:
    run = started(root)
    for path in (run.report, run.thresholds, run.model_weights, run.model_json, run.summary):
        path.write_bytes(b"old")
    return run


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_a_new_folder_becomes_a_run(tmp_path: Path) -> None:
    run = build_run(tmp_path / "runs" / "first", fingerprint=MARK)
    assert run.is_run()
    assert not run.is_finished()
    assert json.loads(run.mark.read_text()) == MARK


def test_an_empty_folder_becomes_a_run_too(tmp_path: Path) -> None:
    assert build_run(tmp_path, fingerprint=MARK, resume=True).is_run()


@pytest.mark.parametrize("debris", [".lock", ".run.json.123.part"])
def test_what_a_killed_start_leaves_is_nothing(tmp_path: Path, debris: str) -> None:
    (tmp_path / debris).write_bytes(b"{")
    assert build_run(tmp_path, fingerprint=MARK).is_run()
    assert ".run.json.123.part" not in names(tmp_path)


def test_a_run_is_neither_overwritten_nor_gone_on_with_unasked(tmp_path: Path) -> None:
    run = finished(tmp_path)
    with pytest.raises(RunFolderError, match="--resume to go on or --force to replace"):
        build_run(tmp_path, fingerprint=MARK)
    assert run.report.read_bytes() == b"old"


def test_force_leaves_nothing_of_the_old_run_and_all_of_a_strangers(tmp_path: Path) -> None:
    run = finished(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    other = {**MARK, "labelaudit": "2"}
    assert not build_run(tmp_path, fingerprint=other, force=True).is_finished()
    assert names(tmp_path) == {"run.json", "notes.txt"}
    assert json.loads(run.mark.read_text()) == other


def test_a_kill_between_an_old_run_and_a_new_one_leaves_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(tmp_path)
    run.decisions.write_text("{}")  # of people: never removed, and no run by itself

    def die(target: Path, value: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runstart, "write_json", die)
        build_run(tmp_path, fingerprint=MARK, force=True)
    assert run.is_run()
    assert not run.is_finished()
    assert build_run(tmp_path, fingerprint={**MARK, "labelaudit": "2"}, force=True).decisions.is_file()


def test_resume_keeps_the_checkpoint_and_sweeps_half_written_files(tmp_path: Path) -> None:
    run = started(tmp_path)
    (tmp_path / ".report.parquet.77.part").write_bytes(b"half")
    assert check_run(tmp_path, fingerprint=MARK, resume=True)
    build_run(tmp_path, fingerprint=MARK, resume=True)
    assert names(tmp_path) == {"run.json", "checkpoint"}
    assert names(run.checkpoint) == {"fold-1.safetensors"}


def test_resume_of_another_run_names_what_differs(tmp_path: Path) -> None:
    started(tmp_path)
    other = {"labelaudit": "2", "settings": {"seed": 0, "asm": {"epochs": 4}}}
    with pytest.raises(RunFolderError, match=r"with other labelaudit, settings\.asm\.epochs; .*--force"):
        check_run(tmp_path, fingerprint=other, resume=True)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_mark_is_refused(tmp_path: Path, content: str) -> None:
    started(tmp_path).mark.write_text(content)
    with pytest.raises(RunFolderError, match=r"run\.json.*--force"):
        build_run(tmp_path, fingerprint=MARK, resume=True)


@pytest.mark.parametrize("options", [{}, {"force": True}, {"resume": True}])
def test_a_strangers_folder_is_refused_and_left_as_it_is(tmp_path: Path, options: dict[str, bool]) -> None:
    (tmp_path / "thesis.tex").write_text("all my work")
    with (
        pytest.raises(RunFolderError, match="not a run of labelaudit"),
        opened_run(tmp_path, fingerprint=MARK, **options),
    ):
        pass
    assert names(tmp_path) == {"thesis.tex"}


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunFolderError, match="is a file"), opened_run(tmp_path / "run", fingerprint=MARK):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RunFolderError, match="cannot write to"),
        opened_run(tmp_path / "file" / "run", fingerprint=MARK),
    ):
        pass


def test_a_run_that_fails_at_once_leaves_no_folder(tmp_path: Path) -> None:
    root = tmp_path / "run"
    with pytest.raises(ZeroDivisionError), opened_run(root, fingerprint=MARK):
        raise ZeroDivisionError
    assert not root.exists()


def test_a_run_that_fails_later_keeps_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), opened_run(tmp_path, fingerprint=MARK) as run:
        write_json(run.checkpoint.with_name("model.json"), {})
        raise KeyboardInterrupt
    assert names(tmp_path) == {".lock", "run.json", "model.json"}


@pytest.mark.parametrize("options", [{}, {"force": True}, {"resume": True}])
def test_one_run_at_a_time_and_nothing_of_a_running_one_is_touched(tmp_path: Path, options: dict[str, bool]) -> None:
    run = finished(tmp_path)
    with (
        locked(tmp_path),
        pytest.raises(RunFolderError, match="in use by another labelaudit"),
        opened_run(tmp_path, fingerprint=MARK, **options),
    ):
        pass
    assert run.is_finished()
    with opened_run(tmp_path, fingerprint=MARK, resume=True) as again:
        assert again.is_finished()


def test_a_lock_that_was_removed_while_it_was_waited_for_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, removed = rundir.fcntl.flock, []

    def flock_late(handle: TextIO, how: int) -> None:
        if not removed:  # whoever held it ends: its run had nothing to keep, its folder goes
            (tmp_path / ".lock").unlink()
            removed.append(handle)
        flock(handle, how)

    monkeypatch.setattr(rundir.fcntl, "flock", flock_late)
    with locked(tmp_path):
        with pytest.raises(RunFolderError, match="in use"), locked(tmp_path):
            pass
        assert names(tmp_path) == {".lock"}


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\nfrom labelaudit.rundir import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path]).returncode == -9
    with locked(tmp_path):
        pass


def test_a_disk_that_knows_no_locks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: object, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(rundir.fcntl, "flock", refuse)
    with pytest.raises(RunFolderError, match="cannot be locked: No locks available"), locked(tmp_path):
        pass


@given(before=st.none() | st.binary(max_size=50), content=st.binary(max_size=50), fails=st.booleans())
@settings(deadline=None, max_examples=40)
def test_a_file_is_the_old_one_or_the_new_one(
    tmp_path_factory: pytest.TempPathFactory, before: bytes | None, content: bytes, fails: bool
) -> None:
    target = tmp_path_factory.mktemp("aside") / "file"
    if before is not None:
        target.write_bytes(before)
    try:
        with written_aside(target) as aside:
            aside.write_bytes(content)
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    expected = before if fails else content
    assert (target.read_bytes() if target.exists() else None) == expected
    assert names(target.parent) == (set() if expected is None else {"file"})


def test_json_is_readable_and_never_holds_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": "Glück"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "b": 1,\n  "a": "Glück"\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"b": float("nan")})


def test_the_cache_is_where_a_person_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELAUDIT_CACHE", str(tmp_path / "named"))
    assert cache_folder(tmp_path / "chosen") == tmp_path / "chosen"
    assert cache_folder(None) == tmp_path / "named"
    monkeypatch.delenv("LABELAUDIT_CACHE")
    assert cache_folder(None).name == "labelaudit"
