from dataclasses import replace

import numpy as np
import pytest

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.labels import NO_CLASS, LabelSpace
from labelaudit.queue.settle import settle
from labelaudit.records import PixelFacts, SampleTable

IDS = ["happy/1.png", "happy/2.png", "sad/3.png", "sad/4.png"]
TABLE = SampleTable(IDS, ["happy", "happy", "sad", "sad"], IDS, [None] * 4, LabelSpace(("happy", "sad")))
ZEROS = np.zeros(4, dtype=np.int32)
FACTS = PixelFacts([None] * 4, ["h1", "h2", "h3", None], ZEROS, ZEROS, ZEROS, ZEROS, ZEROS - 1, np.zeros(4, dtype=bool))


def said(sample_id: str, label: str | None, who: str = "ann", ruling: Ruling = Ruling.LABEL, digest: str | None = None):
    return Decision(sample_id, ruling, label, who, content_sha256=digest)


def test_nothing_was_decided():
    found = settle([], TABLE, FACTS)
    assert len(found.decided) == 0
    assert found.notes == ()


def test_one_ruling_a_row():
    found = settle(
        [
            said("sad/3.png", "happy", digest="h3"),
            said("happy/1.png", None, ruling=Ruling.AMBIGUOUS),
            said("sad/4.png", None, ruling=Ruling.NOT_A_FACE),
        ],
        TABLE,
        FACTS,
    )
    assert found.decided.ruling == [Ruling.AMBIGUOUS, None, Ruling.LABEL, Ruling.NOT_A_FACE]
    assert found.decided.label.tolist() == [NO_CLASS, NO_CLASS, 0, NO_CLASS]
    assert found.decided.over(TABLE.given).tolist() == [0, 0, 0, 1]
    assert found.notes == ("3 rows were decided by people and are trusted",)
    assert found.decided.rows(Ruling.NOT_A_FACE).tolist() == [False, False, False, True]


def test_people_who_disagree_settle_nothing():
    found = settle([said("sad/3.png", "happy"), said("sad/3.png", "sad", "bo")], TABLE, FACTS)
    assert len(found.decided) == 0
    assert "1 more are left as they were: people disagree about them" in found.notes
    third = [said("sad/3.png", "happy"), said("sad/3.png", "sad", "bo"), said("sad/3.png", "happy", "cy")]
    assert settle(third, TABLE, FACTS).decided.label[2] == 0


def test_a_picture_that_moved_is_known_by_its_content():
    found = settle([said("happy/3.png", "happy", digest="h3")], TABLE, FACTS)
    assert found.decided.label.tolist() == [NO_CLASS, NO_CLASS, 0, NO_CLASS]


def test_decisions_of_something_else_are_refused():
    with pytest.raises(DecisionError, match="no row"):
        settle([said("angry/9.png", "sad", digest="h9")], TABLE, FACTS)
    with pytest.raises(DecisionError, match="not the one that was audited"):
        settle([said("sad/3.png", "happy", digest="h9")], TABLE, FACTS)
    with pytest.raises(DecisionError, match="'fear', which is no class"):
        settle([said("sad/3.png", "fear")], TABLE, FACTS)


def test_labels_before_they_were_put_right():
    put_right = Decision("happy/1.png", Ruling.LABEL, "happy", "ledger", given_label="sad")
    gone = Decision("sad/3.png", Ruling.LABEL, "sad", "ledger", given_label="joyful")  # no class of this dataset
    found = settle([put_right, gone, said("sad/4.png", "happy")], TABLE, FACTS).decided
    assert found.before.tolist() == [1, NO_CLASS, NO_CLASS, NO_CLASS]
    assert found.undone(TABLE.given).tolist() == [1, 0, 1, 1]


def test_copies_of_a_decided_picture_are_decided_too():
    copies = replace(FACTS, duplicate_group=np.array([0, 0, 1, 1], dtype=np.int32))
    found = settle([said("happy/1.png", "sad")], TABLE, copies)
    assert found.decided.ruling == [Ruling.LABEL, Ruling.LABEL, None, None]
    assert found.decided.label.tolist() == [1, 1, NO_CLASS, NO_CLASS]
    assert found.notes == (
        "1 rows were decided by people and are trusted",
        "so are 1 more that show the same pictures",
    )


def test_copies_of_which_people_say_different_things_settle_nothing_more():
    copies = replace(FACTS, duplicate_group=np.array([0, 0, 0, -1], dtype=np.int32))
    found = settle([said("happy/1.png", "sad"), said("happy/2.png", "happy")], TABLE, copies)
    assert found.decided.ruling == [Ruling.LABEL, Ruling.LABEL, None, None]
    torn = [said("happy/1.png", "sad"), said("happy/2.png", "sad"), said("happy/2.png", "happy", "bo")]
    assert settle(torn, TABLE, copies).decided.ruling == [Ruling.LABEL, None, Ruling.LABEL, None]
