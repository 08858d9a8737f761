from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from labelaudit.bench.metrics import LabelTruths, accuracy, calibration_error, macro_f1, measure
from labelaudit.bench.scores import Scores
from labelaudit.bench.thresholds import best_verdicts
from labelaudit.labels import NO_CLASS

# Rows: wrong and firm, right and firm, wrong and split, right and split, wrong and firm.
TRUTHS = LabelTruths(
    given=np.array([1, 0, 1, 0, 2], np.int32),
    true=np.array([0, 0, 0, 0, 0], np.int32),
    firm=np.array([True, True, False, False, True]),
)


def test_kinds_by_hand() -> None:
    np.testing.assert_array_equal(TRUTHS.wrong, [True, False, True, False, True])
    np.testing.assert_array_equal(TRUTHS.kind, [2, 0, 1, 1, 2])


def test_figures_by_hand() -> None:
    """Ranking: row 0 (wrong), 1 (right), 2 (wrong, split), 4 (wrong), 3; of the firm ones: wrong, right, wrong."""
    scores = Scores(
        score=np.array([0.9, 0.8, 0.7, 0.1, 0.5], np.float32),
        p=np.array([1.0, 0.5, 0.5, 0.0, 0.5], np.float32),
        suggested=np.array([0, 1, 2, NO_CLASS, 0], np.int32),
        verdict=np.array([2, 2, 2, 1, 0], np.int8),
    )
    figures, verdict = measure(scores, TRUTHS)
    assert figures["ap"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert figures["ap_all"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)
    assert figures["auroc"] == pytest.approx(0.5)
    assert figures["precision"] == pytest.approx(2 / 3)
    assert figures["recall"] == pytest.approx(2 / 3)
    assert figures["f1"] == pytest.approx(2 / 3)
    assert figures["agreement"] == pytest.approx(2 / 5)
    assert figures["suggested_right"] == pytest.approx(1 / 2)
    assert figures["noise_error"] == pytest.approx(0.5 - 0.6)
    assert figures["p100"] is None
    np.testing.assert_array_equal(verdict, scores.verdict)


def test_rows_that_are_not_judged_come_last() -> None:
    score = np.array([np.nan, -3.0, -2.0, -5.0, -1.0], np.float32)
    figures, _ = measure(Scores(score, None, np.zeros(5, np.int32)), TRUTHS)
    assert figures["ap"] == pytest.approx((1 / 1 + 2 / 3) / 2)  # row 4, row 1, row 0
    assert figures["calibration"] is None


def test_what_a_method_flags_is_its_verdict() -> None:
    flagged = np.array([True, True, False, False, False])
    figures, _ = measure(Scores(np.zeros(5, np.float32), None, np.zeros(5, np.int32), None, flagged), TRUTHS)
    assert figures["precision"] == pytest.approx(1 / 2)
    assert figures["recall"] == pytest.approx(1 / 3)


def test_a_thousand_rows_agree_with_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    truths = LabelTruths(
        generator.integers(0, 4, 1_000).astype(np.int32),
        generator.integers(0, 2, 1_000).astype(np.int32),
        generator.random(1_000) < 0.8,
    )
    score = (generator.random(1_000) + 0.5 * truths.wrong).astype(np.float32)
    verdict = generator.integers(0, 3, 1_000).astype(np.int8)
    figures, _ = measure(Scores(score, None, truths.true, verdict), truths)
    firm = truths.firm
    assert figures["ap"] == pytest.approx(average_precision_score(truths.wrong[firm], score[firm]))
    assert figures["auroc"] == pytest.approx(roc_auc_score(truths.wrong[firm], score[firm]))
    assert figures["macro_f1"] == pytest.approx(f1_score(truths.kind, verdict, average="macro"))
    assert figures["p100"] == truths.wrong[np.argsort(-score)[:100]].mean()
    assert figures["suggested_right"] == 1.0


def test_calibration_by_hand() -> None:
    p = np.repeat([0.2, 0.8], 150)
    wrong = np.tile([True, False, False, False, False], 60)
    wrong[150:] = ~wrong[150:]
    assert calibration_error(p, wrong) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(np.full(300, 0.75), np.zeros(300, bool)) == pytest.approx(0.75)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=3, max_size=25))
def test_no_two_thresholds_are_better_than_the_best(rows: list[tuple[int, int]]) -> None:
    score, kind = np.array([row[0] for row in rows], float), np.array([row[1] for row in rows], np.int8)
    found = macro_f1(best_verdicts(score, kind), kind)
    cuts = [-1.0, *(low + 0.5 * (high - low) for low, high in pairwise(np.unique(score))), 99.0]
    tried = [
        macro_f1(np.where(score >= upper, 2, np.where(score < lower, 0, 1)).astype(np.int8), kind)
        for lower in cuts
        for upper in cuts
        if lower <= upper
    ]
    assert found == pytest.approx(max(tried))


def test_rows_without_a_score_can_be_thresholded() -> None:
    score = np.array([-np.inf, -np.inf, 0.1, 0.9])
    np.testing.assert_array_equal(best_verdicts(score, np.array([0, 0, 1, 2], np.int8)), [0, 0, 1, 2])


def test_accuracy_is_of_firm_rows() -> None:
    posterior = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]], np.float32)
    true = np.array([0, 1, 1], np.int32)
    assert accuracy(posterior, true, np.array([True, False, True])) == 1.0
    assert accuracy(posterior, true, np.zeros(3, bool)) is None
