from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulation import simulate

from labelaudit.labels import NO_CLASS, LabelSpace
from labelaudit.records import Evidence, PixelFacts, Reason, SampleTable, ThresholdHistory, Verdict, VerdictTable
from labelaudit.settings import AuditSettings, ThresholdRule, VerdictSettings
from labelaudit.verdict.class_rule import ClassRule, learn_class_rule
from labelaudit.verdict.judge import judge
from labelaudit.verdict.opinion import second_opinion
from labelaudit.verdict.planted import Calibration, calibrate, margins

CALIBRATED = AuditSettings(verdict=VerdictSettings(min_class_size=2, rule=ThresholdRule.CALIBRATED))
ASM = replace(CALIBRATED, verdict=replace(CALIBRATED.verdict, rule=ThresholdRule.ASM))
SLOPE = Calibration(np.array([-1, 1], dtype=np.float32), np.array([0, 1], dtype=np.float32), 1.0, 0.5, 0.5)
"""p = (1 + margin) / 2 = 1 - label_score."""
NAN = float("nan")


def evidence(posterior: NDArray[np.float32]) -> Evidence:
    count = len(posterior)
    zeros = np.zeros(count, dtype=np.int32)
    return Evidence(posterior, posterior, posterior, zeros, zeros, zeros, ThresholdHistory.empty())


def facts(count: int, *, errors: dict[int, str] | None = None, conflict: tuple[int, ...] = ()) -> PixelFacts:
    numbers, measures = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.float32)
    torn = np.isin(np.arange(count), conflict)
    return PixelFacts(
        error=[(errors or {}).get(row) for row in range(count)],
        content_sha256=["ab"] * count,
        width=numbers,
        height=numbers,
        sharpness=measures,
        brightness=measures,
        duplicate_group=np.where(torn, 0, -1).astype(np.int32),
        conflict=torn,
    )


def samples(labels: list[str | None], names: tuple[str, ...]) -> SampleTable:
    count = len(labels)
    return SampleTable([f"s{row}" for row in range(count)], labels, [None] * count, [None] * count, LabelSpace(names))


def judged(
    posterior: list[list[float]],
    labels: list[str | None],
    *,
    names: tuple[str, ...] = ("angry", "happy", "sad"),
    errors: dict[int, str] | None = None,
    conflict: tuple[int, ...] = (),
    settings: AuditSettings = ASM,
) -> tuple[VerdictTable, ClassRule]:
    """Judges by p = 1 - label_score; a row of NaN was not audited."""
    values = np.array(posterior, dtype=np.float32)
    return judge(
        samples(labels, names),
        facts(len(labels), errors=errors, conflict=conflict),
        evidence(values),
        audited=~np.isnan(values).any(axis=1),
        calibration=SLOPE,
        settings=settings,
    )


def test_every_verdict_and_reason_by_the_methods_own_thresholds() -> None:
    # mean confidence of happy: (0.95 + 0.95 + 0.95 + 0.5 + 3 * 0.05) / 7 = 0.5, so clean from 0.4, noisy up to 0.1
    found, rule = judged(
        [
            [0.05, 0.95, 0.0],  # clean
            [0.05, 0.95, 0.0],  # clean, but its copy is called sad
            [0.0, 0.95, 0.05],  # clean
            [0.2, 0.5, 0.3],  # clean: 0.5 >= 0.4
            [0.75, 0.05, 0.2],  # wrong
            [0.3, 0.05, 0.65],  # wrong; that its copy has another label changes nothing
            [0.2, 0.05, 0.75],  # wrong
            [0.4, 0.2, 0.4],  # sad at 0.4 of a mean of 0.9: between 0.18 and 0.72
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0],
        ],
        ["happy"] * 7 + ["sad"] * 6,
        conflict=(1, 5),
    )
    assert rule.clean[1] == pytest.approx(0.4)
    assert rule.noisy[1] == pytest.approx(0.1)
    assert rule.clean[2] == pytest.approx(0.72)
    assert np.isnan(rule.clean[0])
    clean, wrong = Verdict.CLEAN, Verdict.MISLABELLED
    assert (
        found.verdict == [clean, Verdict.AMBIGUOUS, clean, clean, wrong, wrong, wrong, Verdict.AMBIGUOUS] + [clean] * 5
    )
    assert found.reason == [
        Reason.ABOVE_CLEAN_THRESHOLD,
        Reason.DUPLICATE_CONFLICT,
        *[Reason.ABOVE_CLEAN_THRESHOLD] * 2,
        *[Reason.BELOW_NOISY_THRESHOLD] * 3,
        Reason.BETWEEN_THRESHOLDS,
        *[Reason.ABOVE_CLEAN_THRESHOLD] * 5,
    ]
    assert all(type(each) is Verdict for each in found.verdict)
    assert all(type(each) is Reason for each in found.reason)
    assert found.reason_detail[0] == "confidence 0.950 in happy, clean from 0.400"
    assert found.reason_detail[1] == "the same picture has another label too; confidence 0.950 in happy"
    assert found.reason_detail[4] == "confidence 0.050 in happy, noisy up to 0.100"
    assert found.reason_detail[7] == ("confidence 0.400 in sad and 0.400 in angry, between 0.180 and 0.720")
    # Only where another class beats the given one: row 7 is torn between angry and sad, which is no suggestion.
    assert found.suggested.tolist() == [NO_CLASS] * 4 + [0, 2, 2] + [NO_CLASS] * 6
    # margin 0.7: p = 0.85, and angry has 0.75 of the 0.95 that are not happy
    assert found.suggested_confidence[4] == pytest.approx(0.85 * 0.75 / 0.95)
    assert np.isnan(found.suggested_confidence[[0, 1, 7]]).all()
    assert found.label_score[4] == pytest.approx(0.15)
    assert found.p_mislabelled[4] == pytest.approx(0.85)
    # p: 0.85, 0.8, 0.85 of the wrong ones, 0.5 of the torn one, 0.05 of the copy; equals in the order of the rows
    assert found.queue_rank.tolist() == [-1, 5, -1, -1, 1, 3, 2, 4] + [-1] * 5


def test_below_the_noisy_threshold_without_a_better_class_is_ambiguous() -> None:
    # p = 0.45 of the torn four, 0.55 of the one that sets the noisy threshold
    posterior = np.array(
        [[0.3, 0.4, 0.3]] * 4 + [[0.55, 0.45, 0.0]] + [[0.0, 1.0, 0.0]] * 4 + [[1.0, 0.0, 0.0]] * 2, dtype=np.float32
    )
    found, rule = judge(
        samples(["happy"] * 9 + ["angry"] * 2, ("angry", "happy", "sad")),
        facts(11),
        evidence(posterior),
        audited=np.ones(11, dtype=bool),
        calibration=SLOPE,
        settings=CALIBRATED,
    )
    assert rule.noisy[1] == pytest.approx(0.45)
    assert rule.clean[1] == pytest.approx(1.0)
    assert found.verdict[:6] == [Verdict.AMBIGUOUS] * 4 + [Verdict.MISLABELLED, Verdict.CLEAN]
    assert found.reason[0] is Reason.NO_CONVINCING_CLASS
    assert found.reason_detail[0] == (
        "confidence 0.400 in happy and 0.300 in angry, noisy up to 0.450, and no other class is likely enough"
    )
    assert found.suggested[0] == NO_CLASS


def test_another_class_ahead_is_not_enough_where_the_label_is_more_likely_right() -> None:
    doubtful = Calibration(
        np.array([-1, 0, 0.2, 0.4, 1], dtype=np.float32), np.array([0, 0.1, 0.4, 0.6, 1], dtype=np.float32), 1, 0.5, 0.5
    )
    found, rule = judge(
        samples(["happy"] * 3 + ["angry"], ("angry", "happy")),
        facts(4),
        evidence(np.array([[0.55, 0.45], [0.75, 0.25], [0.0, 1.0], [1.0, 0.0]], dtype=np.float32)),
        audited=np.ones(4, dtype=bool),
        calibration=doubtful,
        settings=CALIBRATED,
    )
    assert rule.noisy[1] == pytest.approx(0.25)
    assert found.p_mislabelled[:2] == pytest.approx([0.25, 0.6 + 0.4 * 0.1 / 0.6])
    assert found.verdict == [Verdict.AMBIGUOUS, Verdict.MISLABELLED, Verdict.CLEAN, Verdict.CLEAN]
    assert found.suggested.tolist() == [0, 0, NO_CLASS, NO_CLASS]  # its other likely class is named all the same


def test_rows_that_were_not_audited_say_why() -> None:
    nothing = [NAN] * 3
    found, _ = judged(
        [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], nothing, nothing, nothing, nothing, nothing],
        ["angry", "angry", "happy", "happy", "sad", "sad", "no face", None, "angry"],
        errors={5: "image file is truncated", 8: "is empty"},
    )
    assert found.verdict[4:] == [Verdict.UNDETERMINED, Verdict.UNREADABLE] + [Verdict.UNDETERMINED] * 2 + [
        Verdict.UNREADABLE
    ]
    assert found.reason[4:] == [
        Reason.CLASS_TOO_SMALL,
        Reason.DECODE_ERROR,
        Reason.NOT_A_CLASS,
        Reason.NO_LABEL,
        Reason.DECODE_ERROR,
    ]
    assert found.reason_detail[4:] == [
        "sad has 1 readable sample, judging needs 2",
        "image file is truncated",
        "no face is none of the audited classes",
        "the dataset gives no label",
        "is empty",
    ]
    for name in ("p_mislabelled", "label_score", "clean_threshold", "noisy_threshold", "suggested_confidence"):
        assert np.isnan(getattr(found, name)[4:]).all(), name
    assert (found.suggested[4:] == NO_CLASS).all()
    assert (found.queue_rank[4:] == -1).all()


def learned(
    confidence: list[float],
    *,
    wrong: list[bool] | None = None,
    agreed: list[float] | None = None,
    classes: int = 1,
    settings_: AuditSettings = CALIBRATED,
) -> ClassRule:
    """The thresholds of rows of the first class."""
    count = len(confidence)
    return learn_class_rule(
        np.array(confidence, dtype=np.float32),
        np.zeros(count, dtype=np.int32),
        wrong=np.array([False] * count if wrong is None else wrong),
        agreed=np.array([0.0] * count if agreed is None else agreed, dtype=np.float32),
        num_classes=classes,
        settings=settings_,
    )


def test_calibrated_thresholds_by_hand() -> None:
    rule = learned(
        [0.9, 0.1, 0.6, 0.3, 0.7],
        wrong=[False, True, False, True, False],
        agreed=[0.8, -0.9, -0.1, -0.5, 0.1],
        classes=2,
    )
    assert (rule.noisy[0], rule.clean[0]) == (pytest.approx(0.3), pytest.approx(0.7))
    assert np.isnan([rule.noisy[1], rule.clean[1]]).all()


def test_a_rising_fit_says_from_where_a_class_is_clean() -> None:
    # 0.4 and 0.6 are out of order: together they are at -0.1
    assert learned([0.4, 0.6, 0.7], agreed=[0.2, -0.4, 0.1]).clean[0] == pytest.approx(0.7)
    assert learned([0.4, 0.6, 0.7], agreed=[0.4, -0.2, 0.3]).clean[0] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("wrong", "agreed", "noisy", "clean"), [(False, 0.5, 0.0, 0.2), (True, -0.5, 0.8, 1.0), (False, -0.5, 0.0, 1.0)]
)
def test_a_class_that_is_all_clean_all_wrong_or_neither(wrong: bool, agreed: float, noisy: float, clean: float) -> None:
    rule = learned([0.2, 0.5, 0.8], wrong=[wrong] * 3, agreed=[agreed] * 3)
    assert (rule.noisy[0], rule.clean[0]) == (pytest.approx(noisy), pytest.approx(clean))


@pytest.mark.parametrize("settings_", [ASM, CALIBRATED])
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("agreed", [-1.0, 1.0])
@pytest.mark.parametrize("wrong", [False, True])
def test_noisy_is_below_clean_at_the_ends_of_the_scale(
    settings_: AuditSettings, value: float, agreed: float, wrong: bool
) -> None:
    rule = learned([value] * 3, wrong=[wrong] * 3, agreed=[agreed] * 3, settings_=settings_)
    assert 0.0 <= rule.noisy[0] < rule.clean[0]


def test_a_rule_that_nobody_decided_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="must be decided"):
        learned([1.0, 1.0], settings_=AuditSettings())


def whole_dataset(
    count: int, seed: int, rule: AuditSettings, order: NDArray[np.int64] | None = None
) -> tuple[VerdictTable, SampleTable, PixelFacts, NDArray[np.float32]]:
    """A simulated dataset with some of everything, its rows in a given order, judged."""
    classes = 4
    rng = np.random.default_rng(seed)
    data = simulate(count, classes, seed=seed, slips=0.2, redrawn=True, sharp=3.0)
    labels: list[str | None] = [f"c{k}" for k in data.given]
    unaudited = rng.random(count) < 0.1
    for row in np.flatnonzero(unaudited).tolist():
        labels[row] = [None, "no face", labels[row]][row % 3]
    broken = {row: "truncated" for row in np.flatnonzero(unaudited).tolist() if row % 3 == 2}
    posterior = data.posterior.copy()
    posterior[unaudited] = NAN
    table = samples(labels, tuple(f"c{k}" for k in range(classes)))
    known = facts(count, errors=broken, conflict=tuple(np.flatnonzero(rng.random(count) < 0.1).tolist()))
    audited = np.flatnonzero(~unaudited)
    opinion = second_opinion(posterior[audited], table.given[audited])
    calibration = calibrate(posterior[audited], table.given[audited], opinion)
    if order is not None:
        table = samples([labels[row] for row in order.tolist()], table.labels.names)
        known = facts(
            count,
            errors={place: broken[row] for place, row in enumerate(order.tolist()) if row in broken},
            conflict=tuple(np.flatnonzero(known.conflict[order]).tolist()),
        )
        posterior = posterior[order]
    found, _ = judge(
        table,
        known,
        evidence(posterior),
        audited=~np.isnan(posterior).any(axis=1),
        calibration=calibration,
        settings=rule,
        opinion=opinion[np.argsort(np.argsort(order[np.isin(order, audited)]))] if order is not None else opinion,
    )
    return found, table, known, posterior


@drawn(st.integers(30, 120), st.integers(0, 9_999), st.sampled_from([ASM, CALIBRATED]))
@settings(max_examples=40, deadline=None)
def test_what_always_holds(count: int, seed: int, rule: AuditSettings) -> None:
    found, table, known, posterior = whole_dataset(count, seed, rule)
    verdict, reason = np.array(found.verdict), np.array(found.reason)
    asked = (verdict == Verdict.MISLABELLED) | (verdict == Verdict.AMBIGUOUS)
    audited = ~np.isnan(posterior).any(axis=1)

    assert not (verdict[known.conflict] == Verdict.CLEAN).any()
    assert sorted(found.queue_rank[asked].tolist()) == list(range(1, asked.sum() + 1))
    assert (found.queue_rank[~asked] == -1).all()
    worst_first = np.argsort(found.queue_rank[asked])
    assert (np.diff(found.p_mislabelled[asked][worst_first]) <= 0).all()
    assert (found.noisy_threshold[audited] < found.clean_threshold[audited]).all()

    margin = margins(posterior[audited], table.given[audited])
    suggested = found.suggested[audited]
    better = suggested != NO_CLASS
    assert (margin[better] > 0).all()
    rows = np.flatnonzero(audited)[better]
    assert (posterior[rows, suggested[better]] == posterior[rows].max(axis=1)).all()
    assert (np.isnan(found.suggested_confidence) == (found.suggested == NO_CLASS)).all()
    assert better[verdict[audited] == Verdict.MISLABELLED].all()
    assert not better[verdict[audited] == Verdict.CLEAN].any()
    for name in ("p_mislabelled", "label_score"):
        values = getattr(found, name)
        assert (np.isnan(values) == ~audited).all()
        assert ((values[audited] >= 0) & (values[audited] <= 1)).all()
    assert set(reason[~audited]) <= {Reason.NO_LABEL, Reason.NOT_A_CLASS, Reason.DECODE_ERROR}
    assert all(found.reason_detail)


@drawn(st.integers(30, 120), st.integers(0, 9_999), st.sampled_from([ASM, CALIBRATED]))
@settings(max_examples=25, deadline=None)
def test_permuting_rows_permutes_verdicts(count: int, seed: int, rule: AuditSettings) -> None:
    order = np.random.default_rng(seed).permutation(count)
    found = whole_dataset(count, seed, rule)[0]
    permuted = whole_dataset(count, seed, rule, order)[0]
    for each in fields(VerdictTable):
        if each.name not in ("queue_rank", "decided"):  # equals stand in the order of the rows
            before = np.array(getattr(found, each.name), dtype=object)[order].tolist()
            assert _same(before, list(getattr(permuted, each.name))), each.name


def _same(one: list[object], other: list[object]) -> bool:
    return all(a == b or (a != a and b != b) for a, b in zip(one, other, strict=True))
