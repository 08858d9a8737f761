"""A writer of small reports, for every test of the gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from gate.gate_reports import Face, write_run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run folder with a report of some faces, under a name in the test's own folder."""

    def run(rows: Sequence[Face], *, name: str = "run", **more: object) -> Path:
        return write_run(tmp_path / name, rows, **more)

    return run
