import numpy as np
import pytest

from labelaudit.report.metadata import Estimate, expected_precision

LEVELS = (Estimate(0.1, 0.0, 0.2), Estimate(0.5, 0.3, 0.6), Estimate(0.9, 0.6, 0.95))


def test_the_interval_of_any_rows_is_the_mean_of_their_levels():
    found = expected_precision(np.array([0.5, 0.9], dtype=np.float32), LEVELS)
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.45, 0.775))
    between = expected_precision(np.array([0.3], dtype=np.float32), LEVELS)
    assert (between.low, between.high) == pytest.approx((0.15, 0.4))


def test_beyond_the_levels_their_ends_hold_and_the_value_is_inside():
    found = expected_precision(np.array([1.0, 1.0], dtype=np.float32), LEVELS)
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 0.6, 1.0))


def test_without_levels_there_is_no_interval():
    assert expected_precision(np.array([0.25, 0.75], dtype=np.float32), ()) == Estimate(0.5)


def test_ends_never_fall_from_level_to_level():
    wild = (Estimate(0.1, 0.05, 0.4), Estimate(0.5, 0.02, 0.3))
    found = expected_precision(np.array([0.5], dtype=np.float32), wild)
    assert (found.low, found.high) == pytest.approx((0.05, 0.5))
