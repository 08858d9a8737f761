"""Who can read what is written: nobody else while it is written, whom the umask lets afterwards, the cache nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelaudit.rundir import cache_folder, written_aside

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights of Windows are others")


@pytest.fixture(params=[0o022, 0o002, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_private_until_it_is_whole_and_then_what_the_umask_says(tmp_path: Path, umask: int) -> None:
    with written_aside(tmp_path / "x.json") as aside:
        assert rights(aside) == 0o600
        aside.write_text("a")
        assert rights(aside) == 0o600
    assert rights(tmp_path / "x.json") == 0o666 & ~umask


def test_a_library_that_has_its_own_mind_about_rights_is_overruled(tmp_path: Path, umask: int) -> None:
    with written_aside(tmp_path / "x") as aside:
        aside.unlink()
        aside.write_text("a")
        aside.chmod(0o600 if umask != 0o077 else 0o666)
    assert rights(tmp_path / "x") == 0o666 & ~umask


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o444])
def test_a_file_that_is_replaced_leaves_its_rights(tmp_path: Path, umask: int, kept: int) -> None:
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(kept)
    with written_aside(tmp_path / "x") as aside:
        aside.write_text("new")
    assert rights(tmp_path / "x") == kept
    assert (tmp_path / "x").read_text() == "new"


def test_a_cache_that_is_made_is_private_however_the_umask_is(tmp_path: Path, umask: int) -> None:
    folder = cache_folder(tmp_path / "above" / "cache")
    assert rights(folder) == 0o700
    assert rights(folder.parent) == 0o777 & ~umask


def test_a_cache_that_is_there_is_left_as_it_is(tmp_path: Path, umask: int) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o775)
    assert rights(cache_folder(tmp_path / "shared")) == 0o775


def test_a_cache_that_cannot_be_made_is_for_its_writer_to_say(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cache_folder(tmp_path / "file" / "cache") == tmp_path / "file" / "cache"
