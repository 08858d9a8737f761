from __future__ import annotations

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from labelaudit.records import Verdict
from labelaudit.report.curves import epoch_curves
from labelaudit.report.findings import (
    ambiguous_finding,
    classes_finding,
    confusion_finding,
    duplicates_finding,
    headline,
    is_calibrated,
    known_finding,
    thresholds_finding,
    training_finding,
    unjudged_finding,
)
from labelaudit.report.metadata import Estimate
from labelaudit.report.summary import Duplicates, Summary, summarise
from labelaudit.report.table import read_report, write_thresholds


@pytest.fixture
def summary(case, tmp_path) -> Summary:
    found = summarise(read_report(case.write(tmp_path / "report.parquet")))
    return replace(found, mislabelled_precision=Estimate(0.81, 0.76, 0.85))


@pytest.fixture
def nothing(summary) -> Summary:
    return replace(
        summary,
        verdicts=dict.fromkeys(Verdict, 0) | {Verdict.CLEAN: 9},
        per_class=[replace(each, mislabelled=0, ambiguous=0) for each in summary.per_class],
        confused=[],
        ambiguous_between=[],
        duplicates=Duplicates(0, 0, 0),
        mislabelled_precision=None,
        queue_head=0,
        queue_precision=None,
    )


def test_the_headline_says_how_many_how_sure_and_what_to_do(summary):
    assert headline(summary, calibrated=True) == (
        "Of 9 faces, 2 (22.2 %) are likely mislabelled and 2 (22.2 %) are ambiguous; 3 could not be judged.",
        "Of the likely mislabelled, expect 81 % wrong (76 to 85 %), by errors planted in this dataset.",
        "Start with the 4 worst rows: expect 90 % of them wrong (80 to 95 %).",
    )


def test_an_audit_that_could_not_be_calibrated_claims_nothing(summary):
    _, sure, do = headline(summary, calibrated=False)
    assert "was not measured" in sure
    assert do == "Start with the 4 worst rows."
    assert "Nothing was measured" in known_finding(summary, calibrated=False)


def test_a_clean_dataset_asks_for_nothing(nothing):
    many, sure, do = headline(nothing, calibrated=True)
    assert many == "Of 9 faces, 0 (0.0 %) are likely mislabelled and 0 (0.0 %) are ambiguous."
    assert (sure, do) == ("No label is called wrong.", "There is nothing to ask people about.")
    assert classes_finding(nothing.per_class) == "No class has a label that is likely wrong."
    assert confusion_finding(nothing) == "No label is likely to belong to another class."
    assert ambiguous_finding(nothing) == "No face stands between two classes."
    assert duplicates_finding(nothing) == "No picture stands in the dataset more than once."
    assert unjudged_finding(nothing) == "Every row was judged."
    assert "no queue" in known_finding(nothing, calibrated=True)


def test_each_part_proves_one_sentence(summary):
    assert classes_finding(summary.per_class) == (
        "Labels are wrong most often in neutral, where 50.0 % are likely mislabelled, "
        "and least often in happy, where 25.0 % are."
    )
    assert confusion_finding(summary) == "The commonest mistake: 1 face labelled happy that looks neutral."
    assert known_finding(summary, calibrated=True) == (
        "In the whole queue 90 % of the labels should be wrong (80 to 95 %)."
    )
    assert known_finding(replace(summary, queue_head=3), calibrated=True) == (
        "In the first 3 rows of the queue 90 % of the labels should be wrong (80 to 95 %); further down it is fewer."
    )
    assert thresholds_finding(summary.per_class) == (
        "Each class is judged on its own scale: a label counts as clean from 0.50 on in neutral, and from 0.60 on in "
        "happy."
    )
    assert ambiguous_finding(summary).startswith("2 faces are ambiguous, most often between happy and neutral (2):")
    assert duplicates_finding(summary) == (
        "2 pictures stand in more than one row (4 rows), one of them under different labels: there at least one label "
        "is wrong, whatever a model says."
    )
    assert unjudged_finding(summary) == "3 rows were not judged; they stand in the report with their reason."


def test_twins_that_all_differ_are_said_to(summary):
    assert "4 rows), all of them under" in duplicates_finding(replace(summary, duplicates=Duplicates(2, 4, 2)))
    assert "(2 rows), and that under" in duplicates_finding(replace(summary, duplicates=Duplicates(1, 2, 1)))


def test_twins_that_agree_are_said_to(summary):
    agreed = replace(summary, duplicates=Duplicates(1, 3, 0))
    assert duplicates_finding(agreed) == "1 picture stands in more than one row (3 rows), always under the same label."


def test_training_is_told_from_its_first_to_its_last_epoch(case, tmp_path):
    write_thresholds(tmp_path / "t.parquet", history=case.evidence.history, classes=case.table.labels.names)
    curves = epoch_curves(pq.read_table(tmp_path / "t.parquet"), case.table.labels.names)
    assert training_finding(curves) == (
        "Over 2 mined epochs the clean threshold went from 0.36 to 0.48 (mean of the classes), and 50 % of the "
        "training samples ended as clean."
    )
    assert "No epoch was mined" in training_finding(None)


def test_only_cross_fitted_evidence_is_calibrated(case):
    assert is_calibrated(case.metadata)  # no rule is named in this one
    assert not is_calibrated(replace(case.metadata, settings={"verdict": {"rule": "asm"}}))
