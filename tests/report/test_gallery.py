from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labelaudit.records import Reason, Verdict
from labelaudit.report.gallery import FIRST, TOTAL, Galleries, choose
from labelaudit.report.table import Report, read_report


@pytest.fixture
def report(case, tmp_path) -> Report:
    return read_report(case.write(tmp_path / "report.parquet"))


@pytest.fixture
def galleries(report) -> Galleries:
    return choose(report)


def test_the_head_of_the_queue_comes_first(galleries):
    assert [card.sample_id for card in galleries.first] == ["s5", "s2", "s3", "s4"]
    assert [card.rank for card in galleries.first] == [1, 2, 3, 4]
    worst = galleries.first[0]
    assert (worst.given, worst.other, worst.verdict) == ("neutral", "sad", Verdict.MISLABELLED)
    assert (worst.p, worst.given_share, worst.other_share) == pytest.approx((0.95, 0.1, 0.9))
    assert worst.name == "faces/übel 5.png"


def test_reasons_are_given_in_words(galleries):
    assert [card.reason for card in galleries.first] == [
        "the models give neutral 0.10; noisy up to 0.15",
        "the models give happy 0.10; noisy up to 0.20",
        "the models give happy 0.40; noisy up to 0.20, clean from 0.60",
        "the same picture has another label too; the models give neutral 0.30",
    ]


def test_every_reason_has_words(case, tmp_path):
    for reason in Reason:
        told = replace(case.verdicts, reason=[reason] * 9)
        report = read_report(replace(case, verdicts=told).write(tmp_path / "report.parquet"))
        assert all(card.reason and "_" not in card.reason for card in choose(report).first)


def test_classes_show_their_own_worst(galleries):
    assert [(label, [card.sample_id for card in cards]) for label, cards in galleries.by_class] == [
        ("happy", ["s2"]),
        ("neutral", ["s5"]),
    ]


def test_ambiguous_rows_name_both_classes_and_twins_stand_apart(galleries):
    (card,) = galleries.ambiguous  # s4 is ambiguous for its twin's label
    assert (card.sample_id, card.given, card.other) == ("s3", "happy", "neutral")
    assert (card.given_share, card.other_share) == pytest.approx((0.4, 0.5))
    ((one, other),) = galleries.conflicts
    assert {(one.sample_id, one.given), (other.sample_id, other.given)} == {("s2", "happy"), ("s4", "neutral")}


def test_what_was_not_judged_is_listed_with_its_reason(galleries):
    assert [(card.sample_id, card.reason) for card in galleries.unjudged] == [
        ("s6", "image file is truncated"),
        ("s7", "no face is none of the audited classes"),
        ("s8", "no label"),
    ]
    assert galleries.unjudged[2].name == "s8"  # it has no path


def test_pictures_that_no_class_fits_are_shown_the_oddest_first(case, tmp_path):
    reason, verdict = list(case.verdicts.reason), list(case.verdicts.verdict)
    for row in (0, 1, 8):
        reason[row], verdict[row] = Reason.OFF_TOPIC, Verdict.UNDETERMINED
    score = np.array([5.0, 9.0, 0, 0, 0, 0, 0, 0, np.nan], dtype=np.float32)
    odd = replace(
        case,
        verdicts=replace(case.verdicts, reason=reason, verdict=verdict),
        evidence=replace(case.evidence, outlier_score=score),
    )
    galleries = choose(read_report(odd.write(tmp_path / "report.parquet")))
    assert [card.sample_id for card in galleries.odd] == ["s1", "s0", "s8"]
    assert [card.sample_id for card in galleries.unjudged] == ["s6", "s7"]
    assert [card.sample_id for card in galleries.pictured()][-3:] == ["s1", "s0", "s8"]


def test_every_card_beside_a_picture_is_asked_for(galleries):
    assert [card.sample_id for card in galleries.pictured()] == ["s5", "s2", "s3", "s4", "s2", "s5", "s3", "s2"]


def test_ambiguous_rows_are_taken_evenest_first(case, tmp_path):
    even = replace(
        case.verdicts,
        verdict=[Verdict.AMBIGUOUS] * 6 + case.verdicts.verdict[6:],
        reason=[Reason.BETWEEN_THRESHOLDS] * 6 + case.verdicts.reason[6:],
    )
    galleries = choose(read_report(replace(case, verdicts=even).write(tmp_path / "report.parquet")))
    # label scores 1, 0.75, 0.15, 0.45, 0.4, 0.1
    assert [card.sample_id for card in galleries.ambiguous] == ["s3", "s4", "s1", "s2", "s5", "s0"]
    assert galleries.by_class == []


@pytest.mark.parametrize("times", [40, 400])
def test_a_long_report_shows_no_more_than_a_page_can_hold(report, times):
    table = report.table.take(np.tile(np.arange(9), times))
    rank = np.full((times, 9), np.nan)
    rank[:, [5, 2, 3, 4]] = np.arange(1, 4 * times + 1).reshape(times, 4)
    group = np.tile([0, 0, 1, -1, 1, -1, -1, -1, -1], times) + np.repeat(np.arange(times) * 2, 9)
    group = np.where(np.tile([True, True, True, False, True, False, False, False, False], times), group, np.nan)
    for name, values in (("queue_rank", rank.ravel()), ("duplicate_group", group)):
        table = table.set_column(table.schema.get_field_index(name), name, [values])
    galleries = choose(Report(table, report.metadata))
    assert len(galleries.first) == len(galleries.ambiguous) == len(galleries.conflicts) == FIRST
    assert [len(cards) for _, cards in galleries.by_class] == [FIRST, FIRST]
    assert len(list(galleries.pictured())) <= TOTAL


def test_a_report_without_anything_odd_shows_nothing(case, tmp_path):
    clean = replace(
        case.verdicts,
        verdict=[Verdict.CLEAN] * 9,
        reason=[Reason.ABOVE_CLEAN_THRESHOLD] * 9,
        queue_rank=np.full(9, -1),
    )
    facts = replace(case.facts, duplicate_group=np.full(9, -1, dtype=np.int32))
    galleries = choose(read_report(replace(case, verdicts=clean, facts=facts).write(tmp_path / "report.parquet")))
    assert galleries == Galleries(first=[], by_class=[], ambiguous=[], conflicts=[], odd=[], unjudged=[])
