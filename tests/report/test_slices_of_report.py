from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labelaudit.report.html import render_html
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.page import gather_page
from labelaudit.report.poor_pictures import PoorPictures, find_poor_pictures, poor_sentences
from labelaudit.report.schema import THRESHOLDS_SCHEMA
from labelaudit.report.slice_words import column_finding, slice_sentence
from labelaudit.report.slices import SliceColumn, SliceEstimate
from labelaudit.report.summary import summarise
from labelaudit.report.table import read_report

BO = SliceEstimate(
    "bo", 412, Estimate(0.31, 0.26, 0.37), 0.12, 0.001, True, False, ((0.9, 0.1, 0.0), (None, None, None), (0, 0, 1.0))
)
ANN = SliceEstimate("ann", 500, Estimate(0.03, 0.01, 0.06), 0.2, 0.02, True)
CY = SliceEstimate("cy", 12, Estimate(0.1, 0.0, 0.3), 0.2, None, small=True)
WHO = SliceColumn("who", (ANN, BO, CY))
DARK = PoorPictures("dark", "camera", "left", 100, 0.3, 0.02)


def test_metadata_keep_slices(case) -> None:
    before = replace(case.metadata, slices=(WHO,), poor_pictures=(DARK,), class_noise=(None, Estimate(0.1, 0.0, 0.2)))
    found = ReportMetadata.from_bytes(before.to_bytes(), where="here")
    assert (found.slices, found.poor_pictures, found.class_noise) == (
        before.slices,
        before.poor_pictures,
        before.class_noise,
    )


def test_a_report_has_a_column_a_slice(case, tmp_path) -> None:
    rows = len(case.table)
    who = ["ann", None, "bo"] * rows
    sliced = replace(case, table=replace(case.table, slices={"who": who[:rows]}))
    report = read_report(sliced.write(tmp_path / "report.parquet"))
    assert report.table["slice_who"].to_pylist() == who[:rows]
    assert report.table.column_names[-1] == "slice_who"
    assert read_report(tmp_path / "report.parquet", columns=["slice_who"]).table.num_rows == rows


def test_sentences() -> None:
    assert slice_sentence("who", BO) == (
        "who bo: 31 % of 412 labels wrong (26 to 37 %); others have 12 % in the same classes"
    )
    assert [each.value for each in WHO.differing] == ["bo", "ann"]
    assert column_finding(WHO) == (
        "Of who, beyond chance and the classes each holds, these have more wrong labels than the others: bo; "
        "fewer: ann."
    )
    assert column_finding(SliceColumn("who", (replace(ANN, differs=False), CY))).startswith("No who has more or fewer")
    assert column_finding(SliceColumn("who", (CY,))) == "The slices of who are too small to compare."


def test_summary_and_page_tell_them(case, tmp_path) -> None:
    told = replace(case, metadata=replace(case.metadata, slices=(WHO,), poor_pictures=(DARK,)))
    report = read_report(told.write(tmp_path / "report.parquet"))
    value = summarise(report).to_json()
    assert value["slices"][0]["slices"][1]["noise_rate"] == {"value": 0.31, "low": 0.26, "high": 0.37}
    page = render_html(gather_page(report, THRESHOLDS_SCHEMA.empty_table()))
    assert 'id="slices"' in page
    assert "too small" in page
    assert "<b>more</b>" in page
    assert "The darkest twentieth of the pictures is more often in camera left" in page
    plain = read_report(case.write(tmp_path / "plain.parquet"))
    assert 'id="slices"' not in render_html(gather_page(plain, THRESHOLDS_SCHEMA.empty_table()))


def test_where_the_dark_pictures_sit() -> None:
    rng = np.random.default_rng(0)
    camera = rng.choice(["left", "right"], 2_000, p=[0.2, 0.8]).tolist()
    brightness = rng.normal(0.5, 0.1, 2_000).astype(np.float32)
    brightness[[row for row in range(2_000) if camera[row] == "left" and row % 4 == 0]] -= 0.4
    sharpness = rng.normal(100, 10, 2_000).astype(np.float32)
    label = rng.choice(["a", "b", "c"], 2_000).tolist()
    (found,) = find_poor_pictures(sharpness, brightness, {"class": label, "camera": camera})
    assert (found.measure, found.column, found.value) == ("dark", "camera", "left")
    dark = brightness <= np.quantile(brightness, 0.05)
    left = np.array(camera) == "left"
    assert found.share == pytest.approx(dark[left].mean())
    assert found.others == pytest.approx(dark[~left].mean())
    assert "camera left" in poor_sentences([found])[0]


def test_where_there_is_nothing_to_say() -> None:
    rng = np.random.default_rng(1)
    names = {"class": rng.choice(list("abcdefgh"), 3_000).tolist(), "who": [None] * 3_000}
    same = np.full(3_000, 0.5, dtype=np.float32)
    assert find_poor_pictures(rng.normal(0, 1, 3_000).astype(np.float32), same, names) == ()
    assert find_poor_pictures(same[:50], same[:50], {"class": ["a"] * 50}) == ()
    assert poor_sentences(()) == ()
