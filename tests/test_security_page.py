"""SECURITY.md says which tests stand behind its promises: they must be there."""

from __future__ import annotations

import re
from pathlib import Path

from labelaudit.rundir import RunDir

TESTS = Path(__file__).parent


def test_every_test_that_is_named_is_there() -> None:
    text = (TESTS.parent / "SECURITY.md").read_text(encoding="utf-8")
    promises = [line for line in text.splitlines() if line.startswith("| **")]
    names = {path.name for path in TESTS.rglob("test_*.py")}
    for promise in promises:
        named = re.findall(r"`((?:tests/[\w/]*)?test_\w+\.py)`", promise)
        assert named, promise
        for name in named:
            assert (TESTS.parent / name).is_file() if "/" in name else name in names, name
    assert len(promises) == 11


def test_every_file_of_a_run_is_named() -> None:
    run = RunDir(Path())
    text = (TESTS.parent / "SECURITY.md").read_text(encoding="utf-8")
    for name in (*run.file_names, run.mark.name, run.origin.name, run.decisions.name, f"{run.checkpoint.name}/"):
        assert f"`{name}`" in text, name
