from __future__ import annotations

import pytest

from labelaudit.errors import ReportError
from labelaudit.faces import LabelTruth
from labelaudit.report.table import read_report
from labelaudit.report.truth import score_against_truth, share

WRONG, BLEND, CLEAN = LabelTruth.MISLABELLED, LabelTruth.AMBIGUOUS, LabelTruth.CLEAN


def test_counts_by_hand(case, tmp_path):
    # verdicts of the rows with a path: clean, clean, mislabelled, ambiguous, ambiguous, mislabelled, unreadable, ...
    report = read_report(case.write(tmp_path / "report.parquet"), columns=["path", "verdict", "queue_rank"])
    kinds = [CLEAN, WRONG, WRONG, BLEND, WRONG, BLEND, WRONG, CLEAN, CLEAN]
    truth = dict(zip(report.table["path"].to_pylist(), kinds, strict=True))
    score = score_against_truth(report, truth)
    assert (score.wrong, score.recall.value) == (4, 0.25)
    assert (score.flagged.rows, score.flagged.wrong, score.flagged.ambiguous) == (2, 1, 1)
    assert score.flagged.precision.value == 0.5
    # in the queue: rows 2 to 5
    assert (score.head.rows, score.head.wrong, score.head.ambiguous) == (4, 2, 2)
    assert score.to_json()["recall"]["value"] == 0.25


def test_a_row_without_a_truth_is_refused(case, tmp_path):
    report = read_report(case.write(tmp_path / "report.parquet"))
    with pytest.raises(ReportError, match="not in the truth"):
        score_against_truth(report, {})


def test_wilson_interval_by_hand():
    # 8 of 10: centre (0.8 + z^2/20) / (1 + z^2/10), half width z sqrt(0.016 + z^2/400) / (1 + z^2/10), z = 1.96
    found = share(8, 10)
    assert (found.value, found.low, found.high) == (
        0.8,
        pytest.approx(0.4902, abs=2e-4),
        pytest.approx(0.9433, abs=2e-4),
    )
    assert share(0, 0) is None
    assert share(10, 10).high == 1.0
