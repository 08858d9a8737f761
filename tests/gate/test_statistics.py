from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from labelaudit.gate.statistics import FlagRates, exact_interval


@pytest.mark.parametrize(
    ("found", "rows", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),  # the textbook's values
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (1, 30, 0.0008, 0.1722),
    ],
)
def test_clopper_and_pearson(found, rows, low, high):
    assert exact_interval(found, rows) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_nothing_is_known_without_rows():
    assert exact_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 60), st.data())
def test_its_ends_are_where_the_tails_have_a_chance_of_two_and_a_half_percent(rows, data):
    found = data.draw(st.integers(1, rows))
    low, high = exact_interval(found, rows)
    assert low < found / rows <= high
    assert binom.sf(found - 1, rows, low) == pytest.approx(0.025, rel=1e-6)


def test_a_flag_on_the_training_data_counts_by_its_precision():
    # 100 labels, 20 wrong: 15 of them and 8 of the 80 right ones are flagged. 15 of 23 flags hold.
    rates = FlagRates(right=0.1, wrong=0.75)
    assert rates.wrong_share(0.23) == pytest.approx(0.15)


def test_a_batch_without_wrong_labels_is_flagged_all_the_same():
    rates = FlagRates(right=0.1, wrong=0.75)
    assert rates.wrong_share(0.1) == 0.0
    assert rates.wrong_share(0.05) == 0.0
    assert rates.wrong_share(0.75) == pytest.approx(0.75)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_no_more_is_wrong_than_is_flagged(right, wrong, flagged):
    assert 0.0 <= FlagRates(right, wrong).wrong_share(flagged) <= flagged
