from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from labelaudit.report.html import render_html, write_page
from labelaudit.report.metadata import Estimate
from labelaudit.report.page import gather_page
from labelaudit.report.schema import THRESHOLDS_SCHEMA
from labelaudit.report.spot_check import Cut, SpotFindings, measure, spot_check_of, write_spot_check
from labelaudit.report.spot_words import spot_notes, spot_sentences
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir
from labelaudit.verdict.recalibration import Recalibration

HEAD = Cut("first 200", 200, 20, 0.96, Estimate(0.85, 0.67, 0.955), 0.92)
EVERY = Cut("every judged label", 8_000, 60, 0.25, Estimate(0.2, 0.15, 0.33), 0.22)
FOUND = SpotFindings(60, 60, 20.0, 0, 0, False, (HEAD,), EVERY, Recalibration(-0.4, 0.85))


def test_what_people_found_is_said_in_sentences() -> None:
    assert spot_sentences(FOUND) == [
        "First 200: expect 85 % wrong (67 to 96 %), from 60 looks, 20 of them here",
        "Of all 8,000 judged labels 20 % are wrong (15 to 33 %)",
    ]
    assert spot_sentences(replace(FOUND, cuts=())) == ["Of all 8,000 judged labels 20 % are wrong (15 to 33 %)"]
    assert spot_notes(FOUND) == ["intervals hold 90 %; a cut with few looks has a wide one"]


def test_the_page_tells_whether_people_looked(case, tmp_path: Path) -> None:
    report = read_report(case.write(tmp_path / "report.parquet"))
    history = THRESHOLDS_SCHEMA.empty_table()
    without = render_html(gather_page(report, history))
    assert "No person has looked at these faces yet" in without
    assert "What people found" not in without
    told = render_html(gather_page(report, history, spot=FOUND)).replace("\N{NO-BREAK SPACE}", " ")
    assert "No person has looked" not in told
    assert "People decided 60 faces drawn at random" in told
    assert "First 200: expect 85 % wrong (67 to 96 %), from 60 looks, 20 of them here." in told
    assert told.count('<th scope="row">first 200</th>') == 1


def test_the_page_of_a_run_shows_its_spot_check(case, tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    report = read_report(case.write(run.report))
    spot = spot_check_of(report, size=12, seed=0)
    assert len(spot.check) == 6  # all that were judged
    wrong = (spot.check.rows == 2).astype(float)
    write_spot_check(run, spot)
    page = write_page(run, tmp_path / "before.html").path.read_text(encoding="utf-8")
    assert "No person has looked" in page
    write_spot_check(run, measure(report, spot, wrong))
    page = write_page(run, tmp_path / "after.html").path.read_text(encoding="utf-8")
    assert "People decided 6 faces" in page
    assert "Of all 6 judged labels 17" in page.replace("\N{NO-BREAK SPACE}", " ")
