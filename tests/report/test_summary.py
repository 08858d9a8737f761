from __future__ import annotations

import json
from dataclasses import replace

import pytest

from labelaudit.report.metadata import Estimate
from labelaudit.report.summary import Duplicates, Pair, summarise, write_summary
from labelaudit.report.table import read_report


@pytest.fixture
def summary(case, tmp_path):
    return summarise(
        read_report(case.write(tmp_path / "report.parquet")), seconds={"pixels": 1.234}, files=["report.parquet"]
    )


def test_counts_by_verdict_and_reason(summary):
    assert summary.rows == 9
    assert summary.verdicts == {"clean": 2, "ambiguous": 2, "mislabelled": 2, "undetermined": 2, "unreadable": 1}
    assert sum(summary.reasons.values()) == 9
    assert summary.reasons["below_noisy_threshold"] == 2
    assert summary.reasons["off_topic"] == 0


def test_counts_by_class(summary):
    happy, neutral, sad = summary.per_class
    assert (happy.label, happy.given, happy.clean, happy.ambiguous, happy.mislabelled) == ("happy", 4, 2, 1, 1)
    assert (happy.clean_threshold, happy.noisy_threshold) == (0.6, 0.2)
    assert happy.mean_confidence == pytest.approx((1.0 + 0.75 + 0.1 + 0.4) / 4, abs=1e-4)
    assert (happy.really, happy.really_count) == ("neutral", 1)
    assert (neutral.really, neutral.really_count) == ("sad", 1)
    assert (sad.given, sad.unreadable, sad.really, sad.clean_threshold, sad.mean_confidence) == (1, 1, None, None, None)


def test_pairs(summary):
    assert set(summary.confused) == {Pair("happy", "neutral", 1), Pair("neutral", "sad", 1)}
    # one row is happy and nearly neutral, one is neutral and nearly happy: the same pair
    assert summary.ambiguous_between == (Pair("happy", "neutral", 2),)


def test_worst_rows_in_order_of_the_queue(summary):
    assert [row.sample_id for row in summary.worst] == ["s5", "s2", "s3", "s4"]
    first = summary.worst[0]
    assert (first.given_label, first.suggested_label, first.p_mislabelled) == ("neutral", "sad", 0.95)
    assert summary.worst[3].suggested_label is None


def test_duplicates_and_conflicts(summary):
    assert summary.duplicates == Duplicates(groups=2, rows=4, conflicts=1)


def test_precision_is_what_was_measured_else_the_mean_probability(summary):
    assert summary.mislabelled_precision == Estimate(0.85)  # (0.75 + 0.95) / 2
    assert summary.queue_head == 4
    assert summary.queue_precision == Estimate(0.9, 0.8, 0.95)


def test_nothing_flagged_has_no_precision(case, tmp_path):
    verdicts = replace(
        case.verdicts,
        verdict=["clean"] * 6 + list(case.verdicts.verdict[6:]),
        queue_rank=case.verdicts.queue_rank * 0 - 1,
    )
    found = summarise(read_report(replace(case, verdicts=verdicts).write(tmp_path / "report.parquet")))
    assert found.mislabelled_precision is None
    assert found.queue_precision is None
    assert (found.worst, found.confused, found.ambiguous_between) == ((), (), ())


def test_json_is_plain_and_versioned(summary, tmp_path):
    path = tmp_path / "summary.json"
    write_summary(path, summary)
    value = json.loads(path.read_text(encoding="utf-8"))
    assert next(iter(value.items())) == ("schema_version", 1)
    assert value["per_class"][2]["clean_threshold"] is None
    assert value["seconds"] == {"pixels": 1.23}
    assert value["queue_precision"] == {"value": 0.9, "low": 0.8, "high": 0.95}
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_permuting_the_rows_changes_no_count(case, summary, tmp_path):
    table = read_report(case.write(tmp_path / "report.parquet")).table
    report = read_report(tmp_path)
    shuffled = summarise(replace(report, table=table.take([8, 2, 5, 0, 7, 1, 4, 3, 6])))
    for name in ("verdicts", "reasons", "per_class", "worst", "duplicates", "ambiguous_between"):
        assert getattr(shuffled, name) == getattr(summary, name), name
