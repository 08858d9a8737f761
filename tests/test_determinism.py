"""What may not move a verdict; ``tests/torture/determinism.py`` is the long form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from torture.determinism import HEADS, OTHER_NAMES, differing, frame, moved, renamed

from labelaudit.faces import DrawnFaces
from labelaudit.settings import AsmSettings

QUICK = replace(HEADS, asm=AsmSettings(epochs=3, warm_up=1, batch=32))


def test_other_names_of_the_classes_change_nothing_but_names(drawn: DrawnFaces, tmp_path: Path):
    before = frame(drawn, tmp_path / "before", QUICK)
    after = frame(drawn, tmp_path / "after", QUICK, names=OTHER_NAMES)
    assert set(before["given_label"]).isdisjoint(after["given_label"])
    assert list(renamed(before, after)) == [None] * len(before.columns)


def test_other_orders_of_the_rows_move_few_verdicts(drawn: DrawnFaces, tmp_path: Path):
    """140 faces are few, and a fold's heads see half of them: the long form has the figures of more."""
    asked = frame(drawn, tmp_path / "asked", QUICK)
    order = np.random.default_rng(0).permutation(len(drawn)).tolist()
    other = frame(drawn, tmp_path / "other", QUICK, order=order)
    assert other["content_sha256"].tolist() == asked["content_sha256"].tolist()
    assert moved(asked, other) <= 0.3
    agree = np.corrcoef(asked["p_mislabelled"], other["p_mislabelled"])[0, 1]
    assert agree > 0.8


def test_a_difference_is_seen():
    assert differing({"report.parquet": b"1"}, {"report.parquet": b"2"}) == "other bytes in report.parquet"
