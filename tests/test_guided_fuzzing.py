"""The short form of fuzzing by coverage (``python -m tests.torture --part guided``)."""

from __future__ import annotations

from pathlib import Path

import pytest
from torture.guided import _names, _session


def test_every_chosen_parser_is_there(tmp_path: Path) -> None:
    names = set(_names(tmp_path))
    assert {"limits toml", "settings toml", "allow-list", "label map", "decisions cvat.xml"} <= names


def test_a_parser_is_fuzzed(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    row = _session("limits toml", seconds=3, seed=0, folder=tmp_path)
    assert row.lost == 0, row.note
    assert row.times > 50
