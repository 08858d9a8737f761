from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from labelaudit.errors import WeightsError
from labelaudit.labels import LabelSpace
from labelaudit.records import Evidence, PixelFacts, Reason, SampleTable, ThresholdHistory, Verdict
from labelaudit.settings import AsmSettings, AuditSettings, Effort, ThresholdRule, VerdictSettings
from labelaudit.verdict.class_rule import ClassRule
from labelaudit.verdict.frozen import FrozenRule
from labelaudit.verdict.planted import Calibration

CLASSES = ("happy", "rare", "sad")


def _rule() -> FrozenRule:
    """Wrong from a margin of 0 on with p = 0.6; ``rare`` was too small to be audited."""
    return FrozenRule(
        ClassRule(
            np.array([0.7, np.nan, 0.6], dtype=np.float32),
            np.array([0.3, np.nan, 0.1], dtype=np.float32),
            ThresholdRule.CALIBRATED,
        ),
        Calibration(
            np.array([-1.0, 0.0, 1.0], dtype=np.float32), np.array([0.0, 0.6, 1.0], dtype=np.float32), 0.9, 0.2, 0.8
        ),
        AuditSettings(
            effort=Effort.QUICK,
            folds=5,
            asm=AsmSettings(epochs=3),
            verdict=VerdictSettings(rule=ThresholdRule.CALIBRATED),
        ),
    )


def _judged(labels: list[str | None], posterior: list[list[float]], *, unreadable: int | None = None) -> tuple:
    count = len(labels)
    ids = [str(row) for row in range(count)]
    table = SampleTable(ids, labels, ids, [None] * count, LabelSpace(CLASSES))
    values = np.array(posterior, dtype=np.float32)
    nothing = np.zeros(count, np.int32)
    facts = PixelFacts(
        error=["broken" if row == unreadable else None for row in range(count)],
        content_sha256=ids,
        width=nothing,
        height=nothing,
        sharpness=np.zeros(count, np.float32),
        brightness=np.zeros(count, np.float32),
        duplicate_group=np.full(count, -1, np.int32),
        conflict=np.zeros(count, dtype=bool),
    )
    return table, facts, Evidence(values, values, values, nothing, nothing, nothing, ThresholdHistory.empty())


def test_the_thresholds_and_the_calibration_of_the_audit_decide():
    """Confidence in happy: 0.8 is clean from 0.7 on, 0.5 lies between, 0.2 is noisy up to 0.3; margins -0.6, 0, 0.6."""
    table, facts, evidence = _judged(["happy", "happy", "happy"], [[0.8, 0.0, 0.2], [0.5, 0.0, 0.5], [0.2, 0.0, 0.8]])
    found = _rule().judge(table, facts, evidence, unknown=[])
    assert list(found.verdict) == [Verdict.CLEAN, Verdict.AMBIGUOUS, Verdict.MISLABELLED]
    np.testing.assert_allclose(found.p_mislabelled, [0.24, 0.6, 0.84], atol=1e-6)
    np.testing.assert_allclose(found.clean_threshold, [0.7] * 3)
    assert found.suggested.tolist() == [-1, -1, 2]
    assert found.suggested_confidence[2] == pytest.approx(0.84)
    assert found.queue_rank.tolist() == [-1, 2, 1]


def test_a_single_row_is_judged_as_among_many():
    table, facts, evidence = _judged(["sad"], [[0.9, 0.0, 0.1]])
    assert _rule().judge(table, facts, evidence, unknown=[]).verdict == [Verdict.MISLABELLED]


def test_what_the_audit_did_not_know_is_undetermined_and_says_why():
    labels = ["rare", "angry", "no face", None, "happy"]
    table, facts, evidence = _judged(labels, [[0.9, 0.0, 0.1]] * 5, unreadable=4)
    found = _rule().judge(table, facts, evidence, unknown=[1])
    assert list(found.verdict) == [Verdict.UNDETERMINED] * 4 + [Verdict.UNREADABLE]
    expected = [
        Reason.CLASS_TOO_SMALL,
        Reason.CLASS_UNKNOWN,
        Reason.NOT_A_CLASS,
        Reason.NO_LABEL,
        Reason.DECODE_ERROR,
    ]
    assert list(found.reason) == expected
    assert found.reason_detail[0] == "the model was trained on too few samples of rare to judge it"
    assert found.reason_detail[1] == "angry is none of the classes that the model was trained on"
    assert found.reason_detail[4] == "broken"
    assert np.isnan(found.p_mislabelled).all()
    assert (found.queue_rank == -1).all()


def test_json_keeps_every_bit():
    rule = _rule()
    uneven = FrozenRule(
        ClassRule(np.float32([0.1, np.nan, 1 / 3]), np.float32([0.05, np.nan, 0.2]), ThresholdRule.ASM),
        rule.calibration,
        rule.settings,
    )
    found = FrozenRule.read(json.loads(json.dumps(uneven.to_json())), classes=3)
    np.testing.assert_array_equal(found.rule.clean, uneven.rule.clean)
    np.testing.assert_array_equal(found.calibration.p, uneven.calibration.p)
    assert found.rule.rule is ThresholdRule.ASM
    assert found.settings == uneven.settings


DAMAGE: dict[str, Callable[[dict], object]] = {
    "a margin that is no number": lambda value: value["calibration"]["margin"].__setitem__(-1, None),
    "settings that are a list": lambda value: value.update(settings=[1]),
    "missing": lambda value: value.pop("clean_threshold"),
    "another rule": lambda value: value.update(rule="guess"),
    "too few": lambda value: value.update(noisy_threshold=[0.1]),
    "falling": lambda value: value["calibration"].update(margin=[1.0, 0.0, -1.0]),
    "out of range": lambda value: value["calibration"].update(p=[0.0, 0.5, 1.5]),
    "of two lengths": lambda value: value["calibration"].update(p=[0.0, 1.0]),
    "no number": lambda value: value["calibration"].update(p=[0.0, None, 1.0]),
    "a word": lambda value: value.update(clean_threshold=["high", None, 1.0]),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_thresholds_are_refused(kind: str):
    value = json.loads(json.dumps(_rule().to_json()))
    DAMAGE[kind](value)
    with pytest.raises(WeightsError, match="the model's thresholds are damaged"):
        FrozenRule.read(value, classes=3)
