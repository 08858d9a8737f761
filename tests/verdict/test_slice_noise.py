from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy.special import softmax
from simulation import simulate

from labelaudit.verdict.contrast import chances, holm
from labelaudit.verdict.noise import estimate_noise
from labelaudit.verdict.opinion import second_opinion
from labelaudit.verdict.planted import calibrate
from labelaudit.verdict.prevalence import Cells, adjusted, odds_factors, prevalence
from labelaudit.verdict.slices import SMALL, Judged, SliceNoise, estimate_slices


def test_the_odds_factor_by_hand() -> None:
    # One class of which half are wrong; margins are certain. A part of 8 right and 2 wrong ones has a rate of 0.2,
    # so odds of 1/4 for 1: t = 1/4.
    cells = Cells(np.array([[8.0, 2.0], [5.0, 5.0]]), np.array([1e-6, 1 - 1e-6]), np.array([0.5, 0.5]))
    factors = odds_factors(cells)
    assert np.exp(factors) == pytest.approx([0.25, 1.0], rel=1e-2)
    assert prevalence(cells, factors) == pytest.approx([0.2, 0.5], abs=1e-3)
    assert adjusted(np.array([0.5]), float(factors[0])) == pytest.approx([0.2], abs=1e-3)


def test_a_whole_class_keeps_its_own_rate() -> None:
    p = np.array([0.1, 0.3, 0.8])
    cells = Cells(np.ones((1, 3)), p, np.full(3, p.mean()))
    factors = odds_factors(cells)
    assert factors == pytest.approx([0.0], abs=1e-4)
    assert prevalence(cells, factors) == pytest.approx([p.mean()], abs=1e-4)


def test_a_part_without_rows() -> None:
    cells = Cells(np.zeros((1, 2)), np.array([0.2, 0.8]), np.array([0.5, 0.5]))
    assert odds_factors(cells).tolist() == [0.0]
    assert np.isnan(prevalence(cells, odds_factors(cells))).all()


def test_moments_of_a_draw_by_hand() -> None:
    # Two rows of four, p 0, 0, 0, 1: the sum is 0 or 1 with equal chance, which nothing is far out of.
    p, given = np.array([0, 0, 0, 1.0], np.float32), np.zeros(4, np.int32)
    found = chances(p, np.array([0, 0, 1, 1], np.int32), given, parts=2, classes=1)
    assert found[0] == pytest.approx(found[1])
    assert found[0] > 0.3


def test_the_chance_is_that_of_permutations() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(0.3, 2.0, 400).astype(np.float32)  # skewed, as p is
    given, part = rng.integers(0, 2, 400).astype(np.int32), np.arange(400, dtype=np.int32) // 40
    p[given == 1] += 0.2
    p[part == 0] += rng.random(40).astype(np.float32) * 0.12
    found = chances(p, part, given, parts=10, classes=2)
    mean = np.array([p[given == k].mean() for k in range(2)])
    off = p - mean[given]
    sums = np.empty(4_000)
    for draw in range(len(sums)):
        mixed = np.empty(400)
        for k in range(2):
            mixed[given == k] = rng.permutation(off[given == k])
        sums[draw] = mixed[:40].sum()
    tail = (sums >= off[:40].sum()).mean()
    assert 0.005 < tail < 0.2
    assert found[0] == pytest.approx(2 * tail, rel=0.25)


def test_holm_by_hand() -> None:
    assert holm(np.array([0.04, 0.01, 0.03])) == pytest.approx([0.06, 0.03, 0.06])
    assert holm(np.array([])).tolist() == []


def _alarms(rng: np.random.Generator, *, worse: int = 0) -> int:
    """Slices that stand out among fifty; class 0 is hard, and the first slices hold more of it."""
    count, parts = 5_000, 50
    part = np.arange(count, dtype=np.int32) % parts
    given = (rng.random(count) > 0.2 + 0.5 * (part < 10)).astype(np.int32)
    rate = np.where(given == 0, 0.3, 0.08) + 0.3 * (part < worse)
    wrong = rng.random(count) < rate
    p = np.where(wrong, rng.beta(1.5, 1.0, count), rng.beta(0.3, 3.0, count)).astype(np.float32)
    return int((holm(chances(p, part, given, parts=parts, classes=2)) < 0.05).sum())


def test_fifty_equal_annotators_give_no_false_alarm() -> None:
    rng = np.random.default_rng(0)
    alarmed = [_alarms(rng) > 0 for _ in range(300)]
    assert np.mean(alarmed) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_a_worse_annotator_is_found() -> None:
    rng = np.random.default_rng(0)
    assert np.mean([_alarms(rng, worse=1) for _ in range(60)]) > 0.9


def estimated(rates: list[float], *, rows: int, seed: int = 0, classes: int = 5) -> tuple[SliceNoise, ...]:
    """Slices of equal length, in each of which a share of the labels is another class."""
    rng = np.random.default_rng(seed)
    count = rows * len(rates)
    data = simulate(count, classes, seed=seed, sharp=3.0)
    part = np.repeat(np.arange(len(rates)), rows)
    slipped = rng.random(count) < np.array(rates)[part]
    given = np.where(slipped, (data.given + rng.integers(1, classes, count)) % classes, data.given).astype(np.int32)
    blurred = softmax(np.log(data.posterior + 1e-9) + rng.normal(0, 1.0, (count, classes)), axis=1).astype(np.float32)
    opinion = second_opinion(blurred, given)
    calibration = calibrate(blurred, given, opinion)
    margin = calibration.margins(blurred, given)
    p = calibration.probability(margin)
    none = np.zeros(count, dtype=bool)
    noise = estimate_noise(blurred, given, opinion, p, flagged=none, head=none, power=calibration.power, seed=seed)
    judged = Judged(blurred, given, margin, p, none, calibration)
    values = [f"a{k}" if k < 99 else None for k in part]
    return estimate_slices({"who": values}, judged, noise=noise, seed=seed)["who"]


def test_rates_are_those_of_the_slices_and_not_of_the_whole() -> None:
    rates = [0.05, 0.15, 0.15, 0.15, 0.15, 0.45]
    found = {each.value: each for each in estimated(rates, rows=600)}
    said = [found[f"a{k}"].rate for k in range(6)]
    assert [each.value for each in said if each is not None] == pytest.approx(rates, abs=0.06)
    held = sum(each.low - 0.01 <= rate <= each.high + 0.01 for each, rate in zip(said, rates, strict=True) if each)
    assert held >= 5
    assert found["a5"].differs
    assert found["a0"].differs
    assert found["a5"].others is not None
    assert found["a5"].others < 0.25


def little(
    columns: dict[str, list[str | None]], *, known: np.ndarray | None = None, p: np.ndarray | None = None
) -> dict[str, tuple[SliceNoise, ...]]:
    """Slices of a small simulated set."""
    count = len(next(iter(columns.values())))
    data = simulate(count, 3, seed=1, slips=0.1)
    opinion = second_opinion(data.posterior, data.given)
    calibration = calibrate(data.posterior, data.given, opinion)
    margin = calibration.margins(data.posterior, data.given)
    p = calibration.probability(margin) if p is None else p.astype(np.float32)
    known = np.zeros(count, dtype=bool) if known is None else known
    none = np.zeros(count, dtype=bool)
    noise = estimate_noise(
        data.posterior, data.given, opinion, p, known=known, flagged=none, head=none, power=calibration.power, seed=0
    )
    return estimate_slices(
        columns, Judged(data.posterior, data.given, margin, p, known, calibration), noise=noise, seed=0
    )


def test_small_slices_are_marked_and_not_compared() -> None:
    few = SMALL - 1
    found = little({"who": ["x"] * few + ["y"] * 100})["who"]
    assert [(each.value, each.rows, each.small) for each in found] == [("y", 100, False), ("x", few, True)]
    assert found[0].chance is not None
    assert found[1].chance is None
    assert found[1].transition is None
    assert found[1].rate is not None
    assert found[1].rate.high >= 1 - 0.05 ** (1 / few)


def test_rows_without_a_value_are_in_no_slice() -> None:
    found = little({"who": ["x"] * 40 + [None] * 20 + ["y"] * 40, "split": [None] * 100})
    assert sorted(each.value for each in found["who"]) == ["x", "y"]
    assert found["split"] == ()


def test_what_people_decided_is_counted_as_it_is() -> None:
    known = np.arange(100) < 50
    p = np.where(np.arange(100) < 10, 1.0, 0.0)
    found = {each.value: each for each in little({"who": ["x"] * 50 + ["y"] * 50}, known=known, p=p)["who"]}
    assert found["x"].rate is not None
    assert (found["x"].rate.low, found["x"].rate.value, found["x"].rate.high) == pytest.approx((0.2, 0.2, 0.2))


def test_a_large_slice_has_a_matrix() -> None:
    found = {each.value: each for each in estimated([0.05, 0.4], rows=600, classes=3)}
    assert found["a0"].transition is not None
    assert found["a1"].transition is not None
    assert np.diagonal(found["a0"].transition).mean() > np.diagonal(found["a1"].transition).mean() + 0.1
    assert found["a1"].transition.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-4)


@drawn(st.integers(2, 5), st.integers(1, 60), st.integers(0, 99))
@settings(max_examples=2, deadline=None)
def test_rates_lie_in_their_intervals(parts: int, rows: int, seed: int) -> None:
    values = [f"v{k}" for k in np.random.default_rng(seed).integers(0, parts, rows + 20).tolist()]
    for each in little({"who": values})["who"]:
        assert each.rate is not None
        assert 0 <= each.rate.low <= each.rate.value <= each.rate.high <= 1
        assert each.chance is None or 0 <= each.chance <= 1
