from __future__ import annotations

import json

import pytest

from labelaudit.likeness import Drift, Overlap, Scored, SplitOverlap

CLEAN = Drift(rows=200, p_features=0.4, p_confidence=0.3, p_classes=0.6, strength=0.02)
ODD = Drift(rows=200, p_features=0.002, p_confidence=0.3, p_classes=0.002, strength=0.81)


def test_chances_are_corrected_for_looking_twice():
    assert CLEAN.p == pytest.approx(0.6)
    assert ODD.p == pytest.approx(0.004)
    assert (CLEAN.found, ODD.found) == (False, True)
    assert not Drift(200, 0.006, 1.0, 1.0, 0.1).found  # 0.012
    assert Drift(200, 0.9, 0.8, 1.0, 0.1).p == 1.0


def test_sentences_say_what_is_odd():
    assert CLEAN.sentence == "the pictures look like the training data"
    assert "pictures look unlike the training data" in ODD.sentence
    assert "1 in 250" in ODD.sentence
    assert "0.81 of 1" in ODD.sentence
    assert "shares of classes differ" in ODD.sentence
    assert "confidence looks unlike" in Drift(200, 0.3, 0.002, 0.5, 0.1).sentence


def test_splits_leak_where_they_differ():
    overlap = Overlap(
        rows=9,
        exact=5,
        other_label=1,
        splits=(
            SplitOverlap("train", "train", 4),
            SplitOverlap("train", "test", 3),
            SplitOverlap(None, "test", 1),
            SplitOverlap("train", None, 1),
        ),
    )
    assert overlap.leaks == 3
    assert overlap.sentence == (
        "9 rows show pictures that the model was trained on, judged by what the audit said of them; "
        "splits leak: 3 of train in test; 1 with another label than then"
    )
    assert Overlap(0, 0, 0).sentence == "the model was trained on none of these pictures"
    assert Overlap(1, 1, 0).sentence.startswith("1 row shows a picture")


@pytest.mark.parametrize("drift", [None, ODD])
def test_json_is_read_back(drift: Drift | None):
    scored = Scored("abc", "faces", drift, Overlap(2, 1, 0, (SplitOverlap("val", None, 2),)))
    value = json.loads(json.dumps(scored.to_json()))
    assert Scored.from_json(value) == scored
    assert value["overlap"]["leaks"] == 0
    if drift is not None:
        assert value["drift"]["found"] is True
        assert value["drift"]["p"] == pytest.approx(0.004)
        assert value["drift"]["sentence"] == drift.sentence
