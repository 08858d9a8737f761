from __future__ import annotations

import math

import pytest

from labelaudit.asm.schedule import one_cycle, ramp_up


def test_ramp_up_follows_the_formula():
    assert ramp_up(0, 100, beta=0.65) == pytest.approx(0.9 * math.exp(-0.65))
    assert ramp_up(45, 100, beta=0.65) == pytest.approx(0.9 * math.exp(-0.65 * 0.25))  # half of e_r = 90
    assert ramp_up(90, 100, beta=0.65) == pytest.approx(0.9)


def test_ramp_up_stays_at_its_top():
    assert ramp_up(100, 100) == ramp_up(90, 100) == pytest.approx(0.9)


def test_ramp_up_never_falls():
    values = [ramp_up(epoch, 12) for epoch in range(13)]
    assert values == sorted(values)


def test_one_cycle_rises_for_three_tenths_and_falls_to_nearly_nothing():
    rates = [one_cycle(step, 1000, peak=1e-3) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-3 / 25, rel=1e-3)
    assert rates.index(max(rates)) in (299, 300)
    assert max(rates) == pytest.approx(1e-3, rel=1e-4)
    # the two steps around half way down: the mean of both ends
    assert 0.5 * (rates[649] + rates[650]) == pytest.approx(0.5 * (1e-3 + 1e-3 / 250_000), rel=1e-6)
    assert rates[-1] < 1e-8
    assert min(rates) > 0


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_run_of_a_few_steps_learns(steps: int):
    rates = [one_cycle(step, steps, peak=1.0) for step in range(steps)]
    assert max(rates) > 0.4
    assert all(0 < rate <= 1 for rate in rates)
