import numpy as np
import pyarrow as pa
import pytest

from labelaudit.errors import SettingsError
from labelaudit.queue.item import QueueItem
from labelaudit.queue.outlook import look_out
from labelaudit.queue.select import QueueChoice, items_at, looks_until, select_queue, select_rows
from labelaudit.queue.ways import Suspicion
from labelaudit.records import Verdict
from labelaudit.report.metadata import Estimate
from labelaudit.report.table import Report

ALL = QueueChoice(top=None)


def chosen(report, **choice):
    return select_rows(report, QueueChoice(**choice)).tolist()


def test_the_order_is_that_of_the_ranks_and_rows_without_one_are_not_asked_about(make_report):
    report = make_report({"queue_rank": 3}, {"queue_rank": None}, {"queue_rank": 1}, {"queue_rank": 2})
    assert chosen(report) == [2, 3, 0]
    assert chosen(report, top=2) == [2, 3]


def test_only_what_was_asked_for(make_report):
    report = make_report(
        {"given_label": "sad", "p_mislabelled": 0.9, "split": "train"},
        {"given_label": "happy", "p_mislabelled": 0.8, "split": "test"},
        {"given_label": "neutral", "p_mislabelled": 0.7, "split": "train", "verdict": Verdict.AMBIGUOUS},
        {"given_label": "sad", "p_mislabelled": None},
    )
    assert chosen(report, classes=("sad", "neutral")) == [0, 2, 3]
    assert chosen(report, min_p=0.8) == [0, 1]
    assert chosen(report, splits=("train",)) == [0, 2]
    assert chosen(report, verdicts=(Suspicion.AMBIGUOUS,)) == [2]
    assert chosen(report, min_p=0.99) == []


def test_a_quota_caps_each_given_class(make_report):
    labels = ["sad", "sad", "happy", "sad", "happy", "happy", "neutral"]
    report = make_report(*({"given_label": label} for label in labels))
    assert chosen(report, quota=2) == [0, 1, 2, 4, 6]


def test_copies_of_a_picture_come_after_all_other_rows(make_report):
    groups = [5, None, 5, 7, None, 7, 5]
    report = make_report(*({"duplicate_group": group} for group in groups))
    assert chosen(report) == [0, 1, 3, 4, 2, 5, 6]
    assert chosen(report, top=4) == [0, 1, 3, 4]


def test_until_cuts_where_the_expected_share_falls_under_the_floor(make_report):
    # expected shares after each look: 1, 1, 0.8, 0.6, 0.5
    report = make_report(*({"p_mislabelled": p} for p in (1.0, 1.0, 0.4, 0.0, 0.1)))
    assert [len(chosen(report, until=floor)) for floor in (1.0, 0.9, 0.8, 0.6, 0.55, 0.5)] == [2, 2, 3, 4, 4, 5]
    assert chosen(report, until=0.6, top=3) == [0, 1, 2]


def test_a_floor_that_no_look_reaches_leaves_nothing():
    assert looks_until(np.array([0.4, 0.3], dtype=np.float32), 0.5) == 0
    assert looks_until(np.array([], dtype=np.float32), 0.5) == 0
    assert looks_until(np.array([0.9, np.nan], dtype=np.float32), 0.45) == 2


def test_a_blind_order_tells_nothing_of_the_rank_and_is_the_seeds(make_report):
    report = make_report(*({} for _ in range(200)))
    once = chosen(report, top=100, blind=True, seed=3)
    assert sorted(once) == list(range(100))
    assert once == chosen(report, top=100, blind=True, seed=3)
    assert once != chosen(report, top=100, blind=True, seed=4)
    assert abs(np.corrcoef(once, np.arange(100))[0, 1]) < 0.3


def test_an_item_holds_what_the_report_says(make_report):
    report = make_report({"split": "val"}, {"suggested_label": None, "posterior": None, "path": None})
    queue = select_queue(report, ALL)
    assert (queue.classes, queue.dataset, queue.blind) == (("happy", "neutral", "sad"), "faces", False)
    assert queue.model_version == "labelaudit-01234567"
    assert queue.items[0] == QueueItem(
        rank=1,
        sample_id="a/0.png",
        path="a/0.png",
        content_sha256="0" * 64,
        split="val",
        given_label="happy",
        verdict=Verdict.MISLABELLED,
        p_mislabelled=0.9,
        suggested_label="sad",
        suggested_confidence=0.8,
        reason="confidence 0.100 in happy, noisy up to 0.200",
        posterior=(0.1, 0.1, 0.8),
    )
    assert (queue.items[1].suggested_label, queue.items[1].posterior, queue.items[1].path) == (None, None, None)


def test_items_of_any_rows_in_any_order_from_a_table_in_chunks(make_report):
    parts = [make_report({"given_label": "sad"}, {}), make_report({"queue_rank": None, "sample_id": "z"})]
    report = Report(pa.concat_tables([each.table for each in parts]), parts[0].metadata)
    items = items_at(report, [2, 0])
    assert [(item.sample_id, item.rank, item.given_label) for item in items] == [
        ("z", None, "happy"),
        ("a/0.png", 1, "sad"),
    ]
    assert items_at(report, np.array([], dtype=np.int64)) == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"top": 0}, "top is 0"),
        ({"quota": -1}, "quota is -1"),
        ({"min_p": 1.5}, "min_p is 1.5"),
        ({"until": 0.0}, "until is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, said):
    with pytest.raises(SettingsError, match=said):
        QueueChoice(**wrong)


def test_an_unknown_class_or_split_is_refused_with_a_hint(make_report):
    report = make_report({"split": "train"})
    with pytest.raises(SettingsError, match="no class 'hapy'; did you mean 'happy'"):
        chosen(report, classes=("hapy",))
    with pytest.raises(SettingsError, match="no split 'dev'; it has 'train'"):
        chosen(report, splits=("dev",))


def test_what_a_queue_is_expected_to_bring(make_report):
    rows = [
        {"p_mislabelled": 1.0},
        {"p_mislabelled": 0.8, "given_label": "sad"},
        {"p_mislabelled": 0.3, "split": "test"},
    ]
    report = make_report(*rows, queue_precision=Estimate(0.7, 0.6, 0.8))
    outlook = look_out(select_queue(report, ALL), report, ALL)
    assert outlook.expected == Estimate(0.7, 0.6, 0.8)  # measured for the head of the queue, which is all of it
    assert (outlook.rows, outlook.fitting, outlook.floor, outlook.falls_after) == (3, 3, None, None)
    assert [(each.label, each.rows, each.expected_wrong) for each in outlook.per_class] == [
        ("happy", 2, 1.3),
        ("sad", 1, 0.8),
    ]
    assert (outlook.test_rows, outlook.names_tell) == (1, 0)
    two = QueueChoice(top=2)
    outlook = look_out(select_queue(report, two), report, two)
    assert (outlook.expected, outlook.fitting) == (Estimate(0.9), 3)  # no interval was measured for these two


def test_after_how_many_looks_the_share_falls_under_the_floor(make_report):
    report = make_report(*({"p_mislabelled": p, "sample_id": f"happy/{p}"} for p in (1.0, 0.8, 0.2)))
    for choice, falls_after in [
        (QueueChoice(top=None, until=0.85), 2),
        (QueueChoice(top=1, until=0.85), None),  # these rows end before
        (QueueChoice(top=None, until=0.5), None),  # it never falls
    ]:
        outlook = look_out(select_queue(report, choice), report, choice)
        assert (outlook.floor, outlook.falls_after) == (choice.until, falls_after)
        assert outlook.names_tell == outlook.rows  # the ids name the given label


def test_an_item_knows_how_many_other_rows_show_its_picture(make_report):
    groups = [5, None, 5, 7, 5]
    report = make_report(*({"duplicate_group": group} for group in groups))
    assert [item.copies for item in select_queue(report, QueueChoice(top=3)).items] == [2, 0, 0]
