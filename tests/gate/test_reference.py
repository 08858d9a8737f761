from __future__ import annotations

import numpy as np
import pytest

from labelaudit.gate.reference import Reference, compare

RNG = np.random.default_rng(5)


def reference(p, flagged, given=None, seen=None, classes=3) -> Reference:
    p, flagged = np.asarray(p, dtype=np.float32), np.asarray(flagged, dtype=bool)
    given = np.zeros(len(p), dtype=np.int32) if given is None else np.asarray(given, dtype=np.int32)
    seen = given if seen is None else np.asarray(seen, dtype=np.int32)
    return Reference(np.where(flagged, p**3, np.float32(0)), flagged, p, given, seen, classes)


def drawn(count: int, *, share: float, p: float = 0.6, given=None, seen=None) -> Reference:
    flagged = RNG.random(count) < share
    return reference(np.where(flagged, p, 0.05), flagged, given, seen)


def test_flag_rates_by_hand():
    # p: 0.8 and 0.4 flagged, 0.1 and 0.3 not. Wrong: 1.6 labels, of which 1.2 flagged; right: 2.4, of which 0.8.
    rates = reference([0.8, 0.4, 0.1, 0.3], [True, True, False, False]).flag_rates()
    assert rates.wrong == pytest.approx(1.2 / 1.6)
    assert rates.right == pytest.approx(0.8 / 2.4)


def test_a_small_class_takes_the_rates_of_all():
    given = [0] * 20 + [1] * 19
    flagged = [True] * 5 + [False] * 15 + [True] * 19
    some = reference([0.5] * 39, flagged, given)
    assert some.flag_rates(0).wrong == pytest.approx(0.25)
    assert some.flag_rates(1) == some.flag_rates()


def test_a_batch_like_the_training_data_is_not_worse():
    training = drawn(4_000, share=0.1)
    chances = [compare(drawn(200, share=0.1), training).chance for _ in range(200)]
    assert np.mean(np.array(chances) < 0.025) <= 0.04  # by chance 2.5 % at most
    assert 0.4 < np.mean(chances) < 0.65


def test_a_binomial_chance_is_met():
    """Flags of one size: the score counts them, and 5 of 20 at 10 % have the chance 0.0432."""
    training = reference([0.6] * 100_000 + [0.05] * 900_000, [True] * 100_000 + [False] * 900_000)
    batch = reference([0.6] * 5 + [0.05] * 15, [True] * 5 + [False] * 15)
    compared = compare(batch, training)
    assert compared.chance == pytest.approx(0.0432, abs=0.01)
    assert compared.usual == pytest.approx(0.1)
    assert compared.expected == pytest.approx(0.1 * 0.216, abs=0.002)
    assert compared.score == pytest.approx(0.25 * 0.22)  # 0.216 in bins of 0.02


def test_surer_flags_are_worse_than_as_many_mild_ones():
    training = drawn(4_000, share=0.1)
    mild = reference([0.55] * 25 + [0.05] * 175, [True] * 25 + [False] * 175)
    sure = reference([0.97] * 25 + [0.05] * 175, [True] * 25 + [False] * 175)
    assert compare(mild, training).chance > 0.1
    assert compare(sure, training).chance < 0.001


def test_little_training_data_claims_little():
    batch = reference([0.6] * 10 + [0.05] * 40, [True] * 10 + [False] * 40)
    few = reference([0.6] * 3 + [0.05] * 27, [True] * 3 + [False] * 27)
    many = reference([0.6] * 300 + [0.05] * 2_700, [True] * 300 + [False] * 2_700)
    assert compare(batch, few).chance > 2 * compare(batch, many).chance


def test_a_batch_of_one_hard_class_is_compared_with_that_class():
    given = np.repeat([0, 1], [3_000, 1_000])
    flagged = np.concatenate([RNG.random(3_000) < 0.02, RNG.random(1_000) < 0.5])
    training = reference(np.where(flagged, 0.6, 0.05), flagged, given)
    hard = RNG.random(100) < 0.5
    compared = compare(reference(np.where(hard, 0.6, 0.05), hard, np.ones(100)), training)
    assert compared.by_class
    assert compared.usual == pytest.approx(0.5, abs=0.05)
    assert compared.chance > 0.05
    mixed = compare(reference(np.where(hard, 0.6, 0.05), hard, given[RNG.permutation(4_000)[:100]]), training)
    assert not mixed.by_class
    assert mixed.chance < 0.001


def test_wrong_labels_do_not_change_what_the_model_sees():
    seen = np.repeat([0, 1], [3_000, 1_000])
    training = drawn(4_000, share=0.05, given=seen, seen=seen)
    rows = RNG.permutation(4_000)[:100]
    flipped = reference([0.9] * 30 + [0.05] * 70, [True] * 30 + [False] * 70, given=1 - seen[rows], seen=seen[rows])
    assert not compare(flipped, training).by_class


def test_it_says_the_same_again():
    training, batch = drawn(1_000, share=0.1), drawn(100, share=0.15)
    assert compare(batch, training) == compare(batch, training)
