from dataclasses import replace

import numpy as np
import pytest
from test_judge import CALIBRATED, SLOPE, evidence, facts, samples

from labelaudit.decided import Decided
from labelaudit.decision import Ruling
from labelaudit.labels import NO_CLASS
from labelaudit.records import Evidence, Reason, SampleTable, Verdict, VerdictTable
from labelaudit.verdict.decide import decide
from labelaudit.verdict.judge import judge

NAMES = ("angry", "happy", "sad")
LABELS = ["happy", "happy", "sad", "angry", "angry", None]
POSTERIOR = np.array(
    [[0.7, 0.2, 0.1], [0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.1, 0.1, 0.8], [np.nan] * 3],
    dtype=np.float32,
)
WHERE = np.array([True] * 5 + [False])


def decided(**rulings: Ruling | str) -> Decided:
    """``row_2="sad"`` or ``row_2=Ruling.AMBIGUOUS``."""
    found = Decided.nothing(len(LABELS))
    ruling = list(found.ruling)
    for name, said in rulings.items():
        row = int(name.removeprefix("row_"))
        ruling[row] = said if isinstance(said, Ruling) else Ruling.LABEL
        if not isinstance(said, Ruling):
            found.label[row] = NAMES.index(said)
    return replace(found, ruling=ruling)


def verdicts(said: Decided, where: np.ndarray = WHERE) -> tuple[VerdictTable, SampleTable, Evidence]:
    table, about = samples(LABELS, NAMES), evidence(POSTERIOR)
    under = said.relabelled(table)
    found, _ = judge(under, facts(6), about, audited=where, calibration=SLOPE, settings=CALIBRATED)
    return decide(found, table, about, said, calibration=SLOPE), table, about


def test_nothing_decided_changes_nothing():
    found, table, about = verdicts(decided())
    before, _ = judge(table, facts(6), about, audited=WHERE, calibration=SLOPE, settings=CALIBRATED)
    assert found.verdict == before.verdict
    assert found.decided is None


def test_decided_rows_have_their_verdict_and_are_not_asked_about_again():
    said = decided(row_0="happy", row_1="angry", row_3=Ruling.AMBIGUOUS, row_4=Ruling.NOT_A_FACE)
    found, *_ = verdicts(said)
    assert found.verdict[:2] == [Verdict.CLEAN, Verdict.MISLABELLED]
    assert found.verdict[3:5] == [Verdict.AMBIGUOUS, Verdict.UNDETERMINED]
    assert [found.reason[row] for row in (0, 1, 3, 4)] == [Reason.DECIDED] * 4
    assert found.p_mislabelled[:2].tolist() == [0, 1]
    assert found.suggested[:2].tolist() == [NO_CLASS, 0]
    assert found.suggested_confidence[1] == 1
    assert found.reason_detail[1] == "a person decided: angry"
    assert found.queue_rank.tolist() == [-1, -1, 1, -1, -1, -1]
    assert np.isnan(found.clean_threshold[[0, 1, 3, 4]]).all()
    assert found.decided is not None
    assert found.decided.tolist() == said.label.tolist()


def test_the_score_is_still_of_the_given_label():
    found, *_ = verdicts(decided(row_1="angry"))
    assert found.label_score[1] == pytest.approx((1 + 0.1 - 0.8) / 2)


def test_a_row_without_a_label_gets_a_suggestion():
    found, *_ = verdicts(decided(row_5="sad"))
    assert found.verdict[5] is Verdict.UNDETERMINED
    assert found.suggested[5] == 2


def test_the_order_of_the_others_stays():
    before, *_ = verdicts(decided())
    after, *_ = verdicts(decided(row_4=Ruling.AMBIGUOUS))
    left = [row for row in np.argsort(before.queue_rank).tolist() if before.queue_rank[row] > 0 and row != 4]
    assert [after.queue_rank[row] for row in left] == list(range(1, len(left) + 1))
