from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelaudit.ballots import Ballots
from labelaudit.verdict.agreement import Disagreement, coincidences, krippendorff_alpha, measure_agreement
from labelaudit.verdict.annotators import cohen_kappa
from labelaudit.verdict.dawid_skene import fit_dawid_skene

# Four observers, twelve units, missing data: example C of Krippendorff, "Computing Krippendorff's Alpha-Reliability".
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
CHOICES = ("1", "2", "3", "4", "5")


def ballots_of(*observers: str, choices: tuple[str, ...] = CHOICES) -> Ballots:
    said = [
        (unit, who, choices.index(value))
        for who, line in enumerate(observers)
        for unit, value in enumerate(line.split())
        if value != "."
    ]
    row, annotator, choice = np.array(said).T
    names = tuple("abcdefgh"[: len(observers)])
    return Ballots(row.astype(np.int64), annotator.astype(np.int32), choice.astype(np.int32), names)


def test_alpha_is_the_published_one() -> None:
    ballots = ballots_of(*OBSERVERS)
    found = measure_agreement(ballots.counts(12, 5), CHOICES, ballots=ballots)
    assert found is not None
    assert found.alpha is not None
    assert found.alpha.value == 0.7434  # nltk 3.10 and crowd-kit 1.4: 0.743421, irrCAC 0.4: 0.74342; published: 0.743
    assert found.alpha.low < 0.7434 < found.alpha.high <= 1.0
    assert (found.rows, found.votes) == (11, 40)  # the last unit has one vote
    assert found.fleiss_kappa is None
    assert found.cohen_kappa is None


def test_coincidences_are_the_published_ones() -> None:
    counts = ballots_of(*OBSERVERS).counts(12, 5).astype(np.float64)
    published = [
        [7, 4 / 3, 1 / 3, 1 / 3, 0],
        [4 / 3, 10, 4 / 3, 1 / 3, 0],
        [1 / 3, 4 / 3, 8, 1 / 3, 0],
        [1 / 3, 1 / 3, 1 / 3, 4, 0],
        [0, 0, 0, 0, 3],
    ]
    np.testing.assert_allclose(coincidences(counts[counts.sum(axis=1) > 1]), published, atol=1e-12)


def test_each_choice_by_hand() -> None:
    ballots = ballots_of(*OBSERVERS)
    found = measure_agreement(ballots.counts(12, 5), CHOICES)
    assert found is not None
    first, *_, last = found.per_choice
    assert first.agreement == round(7 / 9, 4)
    assert first.alpha == round(1 - 39 * (2 * 2) / (2 * 9 * 31), 4)  # n = 40, n_1 = 9, two coincidences apart
    assert (last.votes, last.agreement, last.alpha) == (3, 1.0, 1.0)
    assert found.disagreements[0] == Disagreement("1", "2", round(4 / 3 / 4, 4))
    assert sum(each.share for each in found.disagreements) == pytest.approx(1.0, abs=1e-3)


def test_fleiss_kappa_is_his_own() -> None:
    """Fourteen raters, ten subjects, five categories: the worked example for Fleiss' kappa, 0.210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    found = measure_agreement(np.array(counts, dtype=np.float32), CHOICES)
    assert found is not None
    assert found.fleiss_kappa == pytest.approx(0.2099, abs=5e-5)


def test_cohen_kappa_needs_two_who_are_known() -> None:
    two = ballots_of("1 1 1 2 2 2 2 1 .", "1 1 2 2 2 2 1 . 2")
    # seven rows in common: 1-1 twice, 2-2 three times, 1-2 and 2-1 once; agreeing 5/7, by chance (3*3 + 4*4) / 49
    assert cohen_kappa(two, 5) == round((5 / 7 - 25 / 49) / (1 - 25 / 49), 4)
    assert cohen_kappa(ballots_of(*OBSERVERS), 5) is None


def drawn(seed: int = 0, rows: int = 300) -> tuple[Ballots, np.ndarray]:
    """Four of five annotators say something of every row; the first is right most often, the last least."""
    rng = np.random.default_rng(seed)
    true = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    skill = [0.95, 0.85, 0.7, 0.6, 0.4]
    said = [
        (row, int(who), int(true[row] if rng.random() < skill[who] else rng.integers(3)))
        for row in range(rows)
        for who in rng.choice(5, 4, replace=False)
    ]
    row, annotator, choice = np.array(said).T
    return Ballots(row, annotator.astype(np.int32), choice.astype(np.int32), ("ann", "bob", "cid", "dan", "eve")), true


def test_dawid_and_skene_find_who_is_right() -> None:
    ballots, true = drawn()
    model = fit_dawid_skene(ballots, rows=300, choices=3)
    crowd_kit = [0.95488, 0.90898, 0.78427, 0.70156, 0.60319]  # 1.4.2, a hundred steps
    np.testing.assert_allclose(model.accuracy, crowd_kit, atol=5e-4)
    assert (model.truth.argmax(axis=1) == true).mean() > 0.88
    np.testing.assert_allclose(model.truth.sum(axis=1), 1.0)
    np.testing.assert_allclose(model.confusion.sum(axis=2), 1.0)


def test_values_of_the_libraries_for_drawn_votes() -> None:
    ballots, _ = drawn()
    found = measure_agreement(ballots.counts(300, 3), ("x", "y", "z"), ballots=ballots)
    assert found is not None
    assert found.alpha is not None
    assert found.alpha.value == 0.4598  # nltk 3.10: 0.459811
    assert found.fleiss_kappa == 0.4594  # statsmodels 0.15: 0.459360
    assert [each.annotator for each in found.annotators] == ["eve", "dan", "cid", "bob", "ann"]
    pair = Ballots(
        *(column[ballots.annotator < 2] for column in (ballots.row, ballots.annotator, ballots.choice)), ("ann", "bob")
    )
    assert cohen_kappa(pair, 3) == 0.7945  # statsmodels: 0.794452


def test_an_annotator_is_held_against_the_others_without_her() -> None:
    ballots = ballots_of("1 1 1 1 2", "1 1 2 2 2", "1 2 2 1 .", "1 1 2 2 1")
    found = measure_agreement(ballots.counts(5, 5), CHOICES, ballots=ballots)
    assert found is not None
    by_name = {each.annotator: each for each in found.annotators}
    # The others say 1, 1, 2, 2 and, on the last row, are split: a agrees twice of four.
    assert (by_name["a"].votes, by_name["a"].compared) == (5, 4)
    assert by_name["a"].agreement is not None
    assert by_name["a"].agreement.value == 0.5
    assert (by_name["a"].says, by_name["a"].others_say, by_name["a"].differs) == ("1", "2", 2)
    # c: the others say 1, 1, 2, 2.
    assert (by_name["c"].votes, by_name["c"].compared) == (4, 4)
    assert by_name["c"].agreement is not None
    assert by_name["c"].agreement.value == 0.5
    assert found.annotators[0].annotator in ("a", "c")


def test_where_there_is_nothing_to_agree_on() -> None:
    single = np.array([[1, 0], [0, 1]], dtype=np.float32)
    assert measure_agreement(single, ("x", "y")) is None
    shares = np.array([[0.5, 0.5], [1.5, 0.5]], dtype=np.float32)
    assert measure_agreement(shares, ("x", "y")) is None
    same = measure_agreement(np.array([[3, 0], [2, 0]], dtype=np.float32), ("x", "y"))
    assert same is not None
    assert (same.alpha, same.observed, same.disagreements) == (None, 1.0, ())
    assert same.per_choice[1].agreement is None


COUNTS = arrays(np.float32, st.tuples(st.integers(2, 12), st.just(3)), elements=st.integers(0, 4))


@settings(deadline=None, max_examples=60)
@given(COUNTS, st.randoms(use_true_random=False))
def test_alpha_does_not_hang_on_the_order_of_rows_or_choices(counts: np.ndarray, random) -> None:
    found = measure_agreement(counts, ("x", "y", "z"))
    rows, columns = random.sample(range(len(counts)), len(counts)), random.sample(range(3), 3)
    turned = measure_agreement(counts[rows][:, columns], tuple("xyz"[k] for k in columns))
    if found is None or turned is None:
        assert found is turned
        return
    assert (found.alpha is None) == (turned.alpha is None)
    if found.alpha is not None and turned.alpha is not None:
        assert found.alpha.value == pytest.approx(turned.alpha.value, abs=2e-4)
        assert found.alpha.value <= 1.0
        assert found.alpha.low <= found.alpha.value <= found.alpha.high
    assert {each.label: each.votes for each in found.per_choice} == {
        each.label: each.votes for each in turned.per_choice
    }


def test_perfect_agreement_is_one_and_chance_is_nought() -> None:
    perfect = np.zeros((100, 2))
    perfect[np.arange(100), np.arange(100) % 2] = 5
    assert krippendorff_alpha(coincidences(perfect)) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    by_chance = rng.multinomial(10, [0.7, 0.3], size=20_000).astype(float)
    assert krippendorff_alpha(coincidences(by_chance)) == pytest.approx(0.0, abs=0.005)
