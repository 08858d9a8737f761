from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labelaudit.queue import aside as module
from labelaudit.queue.aside import folder_aside

Swap = Callable[[Path, Path], bool]


def write(target: Path, content: str) -> None:
    with folder_aside(target) as aside:
        (aside / "inner").mkdir()
        (aside / "inner" / "file").write_text(content)


def content(target: Path) -> str:
    return (target / "inner" / "file").read_text()


@pytest.fixture(params=["a system that swaps", "one that does not"])
def either_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "one that does not":
        monkeypatch.setattr(module, "_swap", lambda *_: False)


@pytest.mark.usefixtures("either_system")
def test_a_folder_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "labels"
    for each in ("first", "second"):
        write(target, each)
        assert content(target) == each
        assert os.listdir(target.parent) == ["labels"]


@pytest.mark.usefixtures("either_system")
def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "labels", "first")
    with pytest.raises(ZeroDivisionError), folder_aside(tmp_path / "labels") as aside:
        (aside / "half").write_text("")
        raise ZeroDivisionError
    assert content(tmp_path / "labels") == "first"
    assert os.listdir(tmp_path) == ["labels"]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_at_no_moment_is_there_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "labels", "first")

    def not_away(self: Path, target: Path) -> Path:
        raise AssertionError(f"{self.name} is renamed")

    monkeypatch.setattr(Path, "replace", not_away)
    write(tmp_path / "labels", "second")
    assert content(tmp_path / "labels") == "second"


def test_files_are_on_the_disk_before_the_folder_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}") if sys.platform == "linux" else "?")

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path / "labels", "first")
    if sys.platform == "linux":
        aside = tmp_path / ".labels.new"
        assert set(synced[:-1]) == {str(aside), str(aside / "inner"), str(aside / "inner" / "file")}
        assert synced[-1] == str(tmp_path)
