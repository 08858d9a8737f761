from __future__ import annotations

from dataclasses import replace

import pytest

from labelaudit.report.metadata import Estimate
from labelaudit.report.page import gather_page, without_folders
from labelaudit.report.schema import THRESHOLDS_SCHEMA
from labelaudit.report.table import read_report


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("weights=/home/me/nets/face.safetensors: loaded", "weights=face.safetensors: loaded"),
        (r"C:\Users\me\faces.csv", "faces.csv"),
        ("71 to 76 % on RAF-DB / 88 to 89 %", "71 to 76 % on RAF-DB / 88 to 89 %"),
        ("train/happy/1.png", "train/happy/1.png"),
        ("owner/name from the hub", "owner/name from the hub"),
    ],
)
def test_folders_are_cut_off_and_nothing_else(text, left):
    assert without_folders(text) == left


def test_the_queue_is_told_in_round_lengths(case, tmp_path):
    page = gather_page(read_report(case.write(tmp_path / "report.parquet")), THRESHOLDS_SCHEMA.empty_table())
    (whole,) = page.queue_steps  # four rows: head and whole are one
    assert (whole.length, whole.wrong) == (4, 4)
    assert whole.share == Estimate(0.9, 0.8, 0.95)  # as it was measured


def test_the_heat_map_holds_mislabelled_rows_by_share_of_their_class(case, tmp_path):
    page = gather_page(read_report(case.write(tmp_path / "report.parquet")), THRESHOLDS_SCHEMA.empty_table())
    assert page.heat_map is not None
    assert page.heat_map.labels == ["happy", "neutral", "sad"]
    assert page.heat_map.counts == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert page.heat_map.shades == [[0, 0.5, 0], [0, 0, 1], [0, 0, 0]]  # 1 of 4 and 1 of 2
    assert page.heat_map.left_out == 0


def test_what_was_not_calibrated_has_no_calibration(case, tmp_path):
    plain = replace(case, metadata=replace(case.metadata, settings={"folds": 1, "verdict": {"rule": "asm"}}))
    page = gather_page(read_report(plain.write(tmp_path / "report.parquet")), THRESHOLDS_SCHEMA.empty_table())
    assert not page.calibrated
    assert page.calibration is None
    assert page.queue is not None
    assert all(step.share.low is None for step in page.queue_steps)
    assert ("verdict.rule", "asm") in page.settings
