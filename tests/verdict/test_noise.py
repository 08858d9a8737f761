from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulation import Simulated, simulate

from labelaudit.verdict.interval import Interval
from labelaudit.verdict.noise import NoiseEstimate, estimate_noise
from labelaudit.verdict.opinion import second_opinion
from labelaudit.verdict.planted import Calibration, calibrate, margins


def estimated(data: Simulated, *, head: int = 200, seed: int = 0) -> NoiseEstimate:
    opinion, calibration = fitted(data)
    return estimate_noise(
        data.posterior,
        data.given,
        opinion,
        calibration.probability(calibration.margins(data.posterior, data.given)),
        flagged=flagged(data),
        head=first(data, head),
        power=calibration.power,
        seed=seed,
    )


def fitted(data: Simulated) -> tuple[NDArray[np.float32], Calibration]:
    opinion = second_opinion(data.posterior, data.given)
    return opinion, calibrate(data.posterior, data.given, opinion)


def flagged(data: Simulated) -> NDArray[np.bool_]:
    """The rows that are rather wrong than right, (n,)."""
    calibration = fitted(data)[1]
    return calibration.probability(calibration.margins(data.posterior, data.given)) >= 0.5


def first(data: Simulated, count: int) -> NDArray[np.bool_]:
    """The rows with the largest margins, (n,)."""
    worst = np.argsort(-margins(data.posterior, data.given), kind="stable")[:count]
    return np.isin(np.arange(len(data.given)), worst)


def holds(interval: Interval) -> bool:
    return bool(0.0 <= interval.low <= interval.value <= interval.high <= 1.0)


def test_expected_counts_by_hand() -> None:
    posterior = np.array([[0.6, 0.3, 0.1], [0.2, 0.8, 0.0], [1.0, 0.0, 0.0]], dtype=np.float32)
    given = np.array([0, 0, 1], dtype=np.int32)
    # margins -0.3, 0.6, 1.0; a straight line from 0 at -1 to 1 at 1 gives p = 0.35, 0.8, 1.0
    line = Calibration(np.array([-1, 1], dtype=np.float32), np.array([0, 1], dtype=np.float32), 1.0, 0.5, 0.5)
    found = estimate_noise(
        posterior,
        given,
        posterior,
        line.probability(line.margins(posterior, given)),
        flagged=np.array([False, True, True]),
        head=np.zeros(3, dtype=bool),
        power=1.0,
        seed=0,
    )
    # Class 2 was given to nobody: nobody meant it either, so each error goes to the one other class.
    assert found.joint == pytest.approx(np.array([[0.65 + 0.2, 1.0, 0], [0.35 + 0.8, 0.0, 0], [0, 0, 0]]))
    assert found.transition[0] == pytest.approx([0.85 / 1.85, 1 / 1.85, 0])
    assert found.transition[1] == pytest.approx([1, 0, 0])
    assert np.isnan(found.transition[2]).all()
    assert found.rate.value == pytest.approx((0.35 + 0.8 + 1.0) / 3)
    assert found.flagged_precision is not None
    assert found.flagged_precision.value == pytest.approx(0.9)
    assert found.head_precision is None


def test_where_the_posterior_is_all_on_the_given_class_an_error_is_any_other() -> None:
    posterior = np.eye(3, dtype=np.float32)
    p = np.full(3, 0.5, dtype=np.float32)
    none = np.zeros(3, dtype=bool)
    given = np.arange(3, dtype=np.int32)
    found = estimate_noise(posterior, given, posterior, p, flagged=none, head=none, power=1.0, seed=0)
    assert found.joint == pytest.approx(np.full((3, 3), 0.25) + 0.25 * np.eye(3))


def test_the_rate_and_the_precisions_are_true() -> None:
    data = simulate(4_000, 5, slips=0.2, seed=3)
    found = estimated(data)
    assert found.rate.low - 0.02 < data.wrong.mean() < found.rate.high + 0.02
    assert found.rate.high - found.rate.low < 0.1
    assert found.head_precision is not None
    assert found.head_precision.value == pytest.approx(data.wrong[first(data, 200)].mean(), abs=0.03)
    assert found.flagged_precision is not None
    assert found.flagged_precision.value == pytest.approx(data.wrong[flagged(data)].mean(), abs=0.1)


def test_the_matrix_finds_who_is_mistaken_for_whom() -> None:
    data = simulate(6_000, 4, seed=5)
    given = data.given.copy()
    swapped = (given == 2) & (np.arange(6_000) % 10 < 3)  # 30 % of class 2 are given as 0
    given[swapped] = 0
    found = estimated(Simulated(data.posterior, given, swapped))
    assert found.transition[2] == pytest.approx([0.3, 0, 0.7, 0], abs=0.06)
    assert found.transition[1] == pytest.approx([0, 1, 0, 0], abs=0.06)


@drawn(st.integers(2, 6), st.integers(20, 80), st.booleans(), st.floats(0.0, 0.5), st.integers(0, 999))
@settings(max_examples=8, deadline=None)
def test_sums_and_intervals_hold(classes: int, count: int, redrawn: bool, slips: float, seed: int) -> None:
    data = simulate(count, classes, seed=seed, slips=slips, redrawn=redrawn)
    found = estimated(data, head=10)
    assert found.joint.sum() == pytest.approx(count, rel=1e-5)
    assert found.joint.sum(axis=0) == pytest.approx(np.bincount(data.given, minlength=classes), rel=1e-4, abs=1e-4)
    rows = found.transition[~np.isnan(found.transition).any(axis=1)]
    assert len(rows) == len(np.unique(data.given))
    assert rows.sum(axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)
    assert (rows >= 0).all()
    assert all(each is None or holds(each) for each in (found.rate, found.flagged_precision, found.head_precision))


def test_a_seed_repeats_the_intervals() -> None:
    data = simulate(300, 4, slips=0.2)
    assert estimated(data, seed=1).rate == estimated(data, seed=1).rate
    assert estimated(data, seed=1).rate != estimated(data, seed=2).rate


def test_large_sets_are_drawn_from_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.verdict.noise._MAX_ROWS", 500)
    data = simulate(2_000, 4, slips=0.2)
    assert holds(estimated(data).rate)


def test_weak_evidence_is_said() -> None:
    rng = np.random.default_rng(5)
    given = rng.integers(0, 5, 1_000).astype(np.int32)
    hazy = rng.dirichlet(np.full(5, 8.0), 1_000).astype(np.float32)
    firm = (0.9 * np.eye(5)[given] + 0.02).astype(np.float32)
    no_one = np.zeros(1_000, dtype=bool)
    head = no_one.copy()
    head[:100] = True
    line = Calibration(np.array([-1, 1], dtype=np.float32), np.array([0, 1], dtype=np.float32), 1.0, 0.5, 0.5)
    weak, strong = (
        estimate_noise(
            each, given, each, line.probability(line.margins(each, given)), flagged=no_one, head=head, power=1.0, seed=0
        )
        for each in (hazy, firm)
    )
    assert weak.weak
    assert weak.firm_share < 0.1
    assert not strong.weak
    assert strong.firm_share == 1.0
    assert strong.caveats == ()
    assert len(weak.caveats) == 1
    assert "weak" in weak.caveats[0]


def test_intervals_reach_down_to_the_purity_that_the_worst_rows_may_have() -> None:
    data = simulate(2_000, 5, slips=0.2, seed=3)
    found = estimated(data, head=50)
    assert found.head_precision is not None
    assert not found.weak
    # Of draws uniform between 0.85 and 1 the lowest twentieth ends at 0.8575.
    assert found.head_precision.low < 0.9 * found.head_precision.value


def test_what_people_know_is_no_estimate() -> None:
    data = simulate(2_000, 4, slips=0.2)
    opinion, calibration = fitted(data)
    p = calibration.probability(calibration.margins(data.posterior, data.given))
    head = first(data, 100)
    p[head] = 0.0  # people put these right
    estimate = partial(
        estimate_noise, data.posterior, data.given, opinion, p, flagged=head, head=head, power=calibration.power, seed=0
    )
    told, untold = estimate(known=head), estimate()
    assert told.flagged_precision is not None
    assert (told.flagged_precision.low, told.flagged_precision.high) == (0.0, 0.0)
    assert untold.flagged_precision is not None
    assert untold.flagged_precision.high > 0.5
    assert told.rate.high < untold.rate.high


def test_levels_rise_and_their_mean_is_the_rate() -> None:
    found = estimated(simulate(2_000, 4, slips=0.2))
    values = [level.value for level in found.levels]
    assert len(values) == 20
    assert values == sorted(values)
    assert all(holds(level) for level in found.levels)
    assert np.mean(values) == pytest.approx(found.rate.value, abs=1e-6)
