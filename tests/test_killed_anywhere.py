"""The short form of what ``make torture`` does: commands killed at a few moments, and a disk that has no room."""

from __future__ import annotations

from pathlib import Path

from torture import kill


def test_nothing_is_lost(tmp_path: Path) -> None:
    rows = kill.run(seed=0, quick=True, folder=tmp_path)
    assert {row.tried: row.note for row in rows if row.lost} == {}
    assert sum(row.times for row in rows) >= 5
