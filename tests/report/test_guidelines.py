from __future__ import annotations

import numpy as np

from labelaudit.report.guidelines import GuidelineDoubt, doubted_guidelines

CLASSES = ("fear", "sad", "happy")
JUDGED = np.array([100, 100, 300])


def doubted(*rows: list[int], judged: np.ndarray = JUDGED, second_opinion: float | None = 0.9):
    return doubted_guidelines(np.array(rows), judged, CLASSES, second_opinion=second_opinion)


def test_a_class_of_which_two_fifths_look_like_one_other() -> None:
    found = doubted([0, 39, 1], [41, 0, 10], [0, 0, 0])
    assert found == (GuidelineDoubt("sad", "fear", True, 41, 0.41),)
    assert found[0].sentence == "guideline of sad: 41 labels of it (41 %) look like fear"


def test_a_large_class_draws_many_by_its_size_alone() -> None:
    # happy is 60 % of all: 1.5 times that is 90 %
    assert doubted([0, 0, 50], [0, 0, 0], [0, 0, 0]) == ()


def test_a_class_that_looks_like_anything() -> None:
    (found,) = doubted([0, 30, 31], [0, 0, 0], [0, 0, 0])
    assert (found.given, found.looks_like, found.one_way, found.rows) == ("fear", "happy", False, 61)
    assert found.sentence == "guideline of fear: 61 labels of it (61 %) look like other classes, mostly happy"


def test_slips_say_nothing_of_a_guideline() -> None:
    rows = [0, 90, 0], [0, 0, 0], [0, 0, 0]
    assert doubted(*rows, second_opinion=0.1) == ()
    assert len(doubted(*rows, second_opinion=None)) == 1


def test_few_rows_say_nothing_either() -> None:
    assert doubted([0, 20, 0], [0, 0, 0], [0, 0, 0], judged=np.array([29, 100, 300])) == ()
