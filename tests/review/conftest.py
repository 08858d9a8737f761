"""Runs of drawn faces to review, and a real browser where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_run import Client, served, write_run

from labelaudit.faces import DrawnFaces, write_dataset
from labelaudit.rundir import RunDir


@pytest.fixture(scope="session")
def run_template(drawn: DrawnFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset and its run, made once."""
    folder = tmp_path_factory.mktemp("review")
    write_dataset(drawn, folder / "faces")
    write_run(folder / "run", folder / "faces")
    return folder


@pytest.fixture
def run(run_template: Path, tmp_path: Path) -> RunDir:
    """A run of 140 drawn faces, 16 of them in the queue, that the test may spoil; its dataset lies beside it."""
    shutil.copytree(run_template, tmp_path / "set")
    return RunDir(tmp_path / "set" / "run")


@pytest.fixture
def client(run: RunDir) -> Iterator[Client]:
    """Somebody who speaks to a server of that run."""
    with served(run) as found:
        yield found


@pytest.fixture(scope="session")
def chromium() -> str:
    """A real browser."""
    for name in (os.environ.get("LABELAUDIT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    pytest.skip("no Chromium on this machine (looked for chromium, chromium-browser, google-chrome)")
