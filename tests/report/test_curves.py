from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from labelaudit.report.curves import (
    CONFIDENCE_BINS,
    confidence_counts,
    epoch_curves,
    margin_curve,
    queue_curve,
)
from labelaudit.report.schema import THRESHOLDS_SCHEMA
from labelaudit.report.table import Report, read_report, write_thresholds


@pytest.fixture
def report(case, tmp_path) -> Report:
    return read_report(case.write(tmp_path / "report.parquet"))


def test_the_queue_is_followed_from_its_head(report):
    curve = queue_curve(report)
    assert curve is not None
    assert curve.length.tolist() == [1, 2, 3, 4]  # ranks 1 to 4 have p 0.95, 0.75, 0.5, 0.25
    assert curve.share == pytest.approx([0.95, 1.7 / 2, 2.2 / 3, 2.45 / 4])
    assert curve.at(2) == pytest.approx(0.85)


def test_an_empty_queue_has_no_curve(case, tmp_path):
    empty = replace(case.verdicts, queue_rank=np.full(9, -1))
    path = replace(case, verdicts=empty).write(tmp_path / "report.parquet")
    assert queue_curve(read_report(path)) is None


def test_long_queues_are_thinned_and_keep_their_ends(case, tmp_path):
    curve = queue_curve(repeated(case, tmp_path, times=200))
    assert curve is not None
    assert len(curve.length) == 200
    assert (curve.length[0], curve.length[-1]) == (1, 800)
    assert curve.share[-1] == pytest.approx(2.45 / 4)


def repeated(case, tmp_path, *, times: int) -> Report:
    report = read_report(case.write(tmp_path / "report.parquet"))
    table = report.table.take(np.tile(np.arange(9), times))
    rank = np.tile([np.nan, np.nan, 2, 3, 4, 1, np.nan, np.nan, np.nan], times)
    rank += np.repeat(np.arange(times) * 4, 9)
    place = table.schema.get_field_index("queue_rank")
    return Report(table.set_column(place, "queue_rank", [rank]), report.metadata)


def test_margins_are_read_from_the_label_score(report):
    curve = margin_curve(report)
    assert curve is not None
    assert curve.margin == pytest.approx([-1.0, -0.5, 0.1, 0.2, 0.7, 0.8])  # 1 - 2 * label_score, sorted
    assert curve.p == pytest.approx([0.0, 0.1, 0.5, 0.25, 0.75, 0.95])
    assert curve.rows.sum() == 6
    assert (curve.rows[0], curve.rows[10]) == (1, 1)  # bins of 0.05 from -1


def test_confidence_is_counted_by_given_class(report):
    counts = confidence_counts(report)
    assert counts.shape == (3, CONFIDENCE_BINS)
    assert counts.sum(axis=1).tolist() == [4, 2, 0]
    assert np.flatnonzero(counts[0]).tolist() == [4, 16, 30, 39]  # 0.1, 0.4, 0.75, and 1.0 in the last bin
    assert np.flatnonzero(counts[1]).tolist() == [4, 12]  # 0.1 and 0.3 in bins of 0.025


def test_epochs_are_gathered_over_folds(case, tmp_path):
    path = tmp_path / "thresholds.parquet"
    write_thresholds(path, history=case.evidence.history, classes=case.table.labels.names)
    curves = epoch_curves(pq.read_table(path), case.table.labels.names)
    assert curves is not None
    assert (curves.epoch.tolist(), curves.folds) == ([1, 2], 2)
    assert curves.mean_confidence[0] == pytest.approx([0.5, 0.7])  # 0.6 and 0.8 in two folds
    assert curves.clean[1] == pytest.approx([0.32, 0.4])  # the second fold knows none
    assert np.isnan(curves.noisy[2]).all()
    assert curves.held.tolist() == [[2, 3], [1, 2], [1, 1]]


def test_a_class_without_samples_has_no_thresholds_of_its_own(case, tmp_path):
    unheld = replace(case.evidence.history, clean=np.zeros(6, dtype=np.int32), noisy=np.zeros(6, dtype=np.int32))
    write_thresholds(tmp_path / "t.parquet", history=unheld, classes=case.table.labels.names)
    curves = epoch_curves(pq.read_table(tmp_path / "t.parquet"), case.table.labels.names)
    assert curves is not None
    assert np.isnan(curves.clean[1]).all()  # neutral: none ambiguous either
    assert curves.clean[0] == pytest.approx([0.4, 0.56])


def test_without_mined_epochs_there_is_nothing_to_draw():
    assert epoch_curves(THRESHOLDS_SCHEMA.empty_table(), ("a", "b")) is None
