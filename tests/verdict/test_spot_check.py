from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, betabinom, hypergeom

from labelaudit.errors import SettingsError
from labelaudit.verdict.recalibration import Recalibration, fit_recalibration
from labelaudit.verdict.spot_check import SpotCheck, draw_spot_check, estimate_precision, strata_of

HEAD = 200


@dataclass(frozen=True)
class Audit:
    """What an audit says of N labels, how likely each is wrong in truth, and whether it is."""

    p: np.ndarray
    rank: np.ndarray
    chance: np.ndarray
    wrong: np.ndarray

    def draw(self, size: int, seed: int) -> SpotCheck:
        return draw_spot_check(self.p, self.rank, size=size, head=HEAD, seed=seed)

    @property
    def stratum(self) -> np.ndarray:
        return strata_of(self.p, self.rank, head=HEAD)


def audit(kind: str, rng: np.random.Generator, rows: int = 8_000) -> Audit:
    """A quarter of the labels in doubt, the others hardly."""
    score = np.where(rng.random(rows) < 0.25, rng.normal(1.0, 1.6, rows), rng.normal(-3.2, 1.2, rows))
    chance = 1.0 / (1.0 + np.exp(-score))
    said = score
    if kind == "too sure":
        said = 1.3 * score + 0.8
    elif kind == "impure head":  # the worst are no worse than three in four, and the best no better than one in sixteen
        chance = np.clip(chance, 0.06, 0.75)
    p = 1.0 / (1.0 + np.exp(-said))
    rank = np.full(rows, np.nan)
    order = np.argsort(-p)[: np.count_nonzero(p > 0.1)]
    rank[order] = np.arange(1, len(order) + 1)
    return Audit(p.astype(np.float32), rank.astype(np.float32), chance, rng.random(rows) < chance)


@pytest.mark.parametrize("kind", ["calibrated", "too sure", "impure head"])
def test_intervals_hold_the_truth_whatever_p_says(kind: str) -> None:
    """300 audits of 8,000 labels, a spot check of 60 of each: at least nine in ten intervals hold, none is biased."""
    rng = np.random.default_rng(2)
    held: dict[str, list[bool]] = {"head": [], "queue": [], "all": []}
    off: dict[str, list[float]] = {name: [] for name in held}
    error_before, error_after = [], []
    for seed in range(300):
        each = audit(kind, rng)
        check, stratum = each.draw(60, seed), each.stratum
        found = each.wrong[check.rows].astype(float)
        for name, cut in (("head", each.rank <= HEAD), ("queue", each.rank > 0), ("all", stratum >= 0)):
            share = estimate_precision(check, found, stratum=stratum, cut=cut).share  # type: ignore[union-attr]
            truth = each.wrong[cut].mean()
            held[name].append(share.low <= truth <= share.high)
            off[name].append(share.value - truth)
        better = fit_recalibration(each.p[check.rows], found).probability(each.p)
        head = each.rank <= HEAD
        error_before.append(abs(each.p[head].mean() - each.chance[head].mean()))
        error_after.append(abs(better[head].mean() - each.chance[head].mean()))
    for name in held:
        assert np.mean(held[name]) >= 0.9, name
        assert abs(np.mean(off[name])) < 3 * np.std(off[name]) / np.sqrt(300) + 1e-3, name
    if kind == "calibrated":
        assert np.mean(error_after) < 0.02  # 60 looks cannot do harm
    else:
        assert np.mean(error_after) < 0.75 * np.mean(error_before)


def test_weights_add_up_to_the_rows_that_they_stand_for() -> None:
    each = audit("calibrated", np.random.default_rng(0))
    check = each.draw(60, 0)
    assert len(check) == 60
    assert len(np.unique(check.rows)) == 60
    np.testing.assert_array_equal(check.stratum, each.stratum[check.rows])
    for h in range(4):
        assert (1 / check.inclusion[check.stratum == h]).sum() == pytest.approx(check.sizes[h])
    assert np.bincount(check.stratum)[0] == 20  # a third for the head
    assert check.sizes.tolist() == np.bincount(each.stratum).tolist()


def test_the_chance_of_being_drawn_is_the_one_that_is_stored() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(400).astype(np.float32)
    rank = np.where(p > 0.3, np.argsort(np.argsort(-p)) + 1.0, np.nan).astype(np.float32)
    drawn, stored = np.zeros(400), np.full(400, np.nan)
    for seed in range(600):
        check = draw_spot_check(p, rank, size=40, head=50, seed=seed)
        drawn[check.rows] += 1
        stored[check.rows] = check.inclusion
    assert not np.isnan(stored).any()  # every row may be drawn
    spread = np.sqrt(stored * (1 - stored) / 600)
    assert np.abs((drawn / 600 - stored) / spread).max() < 5  # 400 normal deviates
    assert stored.sum() == pytest.approx(40)


def test_the_same_seed_draws_the_same_rows() -> None:
    each = audit("calibrated", np.random.default_rng(0))
    np.testing.assert_array_equal(each.draw(60, 5).rows, each.draw(60, 5).rows)
    assert not np.array_equal(each.draw(60, 5).rows, each.draw(60, 6).rows)


def test_shares_are_weighted_by_hand() -> None:
    """A head of 10 rows with 2 looks, 40 rows outside the queue with 4: 1 of 2 and 1 of 4 wrong."""
    check = SpotCheck(
        rows=np.array([0, 5, 10, 20, 30, 40]),
        stratum=np.array([0, 0, 3, 3, 3, 3]),
        inclusion=np.array([0.2, 0.2, 0.1, 0.1, 0.1, 0.1]),
        sizes=np.array([10, 0, 0, 40]),
    )
    stratum = np.repeat([0, 3, -1], [10, 40, 5])
    wrong = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    everything = estimate_precision(check, wrong, stratum=stratum, cut=np.ones(55, dtype=bool))
    assert everything is not None
    assert everything.share.value == pytest.approx((10 * 0.5 + 40 * 0.25) / 50)
    assert everything.looks == 6
    some = np.isin(np.arange(55), [0, 1, 2, 3, 4, 10, 11])  # 5 rows of the head, one look: wrong; 2 others, one: right
    found = estimate_precision(check, wrong, stratum=stratum, cut=some)
    assert found is not None
    assert found.share.value == pytest.approx(5 / 7)
    assert found.looks == 2
    unseen = np.isin(np.arange(55), [1, 2, 49])  # no look inside: the strata's own means stand in
    found = estimate_precision(check, wrong, stratum=stratum, cut=unseen)
    assert found is not None
    assert found.share.value == pytest.approx((2 * 0.5 + 0.25) / 3)
    assert found.looks == 0
    half = estimate_precision(check, np.where(check.stratum == 0, wrong, np.nan), stratum=stratum, cut=some)
    assert half is None  # nobody looked outside the queue
    assert estimate_precision(check, wrong, stratum=stratum, cut=stratum == -1) is None


def test_one_stratum_has_clopper_and_pearsons_interval() -> None:
    """20 looks at 200 rows, 17 wrong; the rest is beta-binomial, here by scipy's own quantiles."""
    check = SpotCheck(np.arange(20), np.zeros(20, dtype=np.int64), np.full(20, 0.1), np.array([200, 0, 0, 0]))
    wrong = (np.arange(20) < 17).astype(float)
    every = np.ones(200, dtype=bool)
    found = estimate_precision(check, wrong, stratum=np.zeros(200, dtype=np.int64), cut=every)
    assert found is not None
    low = 17 + betabinom(180, 17, 4).ppf(0.05)
    high = 17 + betabinom(180, 18, 3).ppf(0.95)
    assert found.share.low == pytest.approx(low / 200, abs=0.01)
    assert found.share.high == pytest.approx(high / 200, abs=0.01)
    assert found.share.low < beta(17, 4).ppf(0.05) + 0.02  # and about what a sample of 20 from a large set gives


def test_one_stratum_never_covers_too_little() -> None:
    """Every possible number of wrong labels among 120 rows of which 12 are looked at."""
    check = SpotCheck(np.arange(12), np.zeros(12, dtype=np.int64), np.full(12, 0.1), np.array([120, 0, 0, 0]))
    every, stratum = np.ones(120, dtype=bool), np.zeros(120, dtype=np.int64)
    ends = []
    for count in range(13):
        found = estimate_precision(check, (np.arange(12) < count).astype(float), stratum=stratum, cut=every)
        assert found is not None
        ends.append((round(found.share.low * 120), round(found.share.high * 120)))
    for true in range(121):
        chance = hypergeom(120, true, 12).pmf(np.arange(13))
        assert sum(chance[y] for y, (low, high) in enumerate(ends) if low <= true <= high) >= 0.9


def test_when_everything_was_looked_at_nothing_is_left_to_guess() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(30).astype(np.float32)
    rank = (np.argsort(np.argsort(-p)) + 1.0).astype(np.float32)
    check = draw_spot_check(p, rank, size=500, head=10, seed=0)
    assert check.rows.tolist() == list(range(30))
    assert set(check.inclusion) == {1.0}
    wrong = (rng.random(30) < 0.5).astype(float)
    found = estimate_precision(check, wrong, stratum=strata_of(p, rank, head=10), cut=np.ones(30, dtype=bool))
    assert found is not None
    assert found.share.value == found.share.low == found.share.high == pytest.approx(wrong.mean())


def test_rows_that_were_not_judged_are_not_drawn() -> None:
    p = np.array([np.nan] * 50 + [0.5] * 50, dtype=np.float32)
    rank = np.array([np.nan] * 50 + list(range(1, 51)), dtype=np.float32)
    assert draw_spot_check(p, rank, size=20, head=10, seed=0).rows.min() >= 50
    with pytest.raises(SettingsError, match="nothing to draw from"):
        draw_spot_check(p[:50], rank[:50], size=20, head=10, seed=0)
    with pytest.raises(SettingsError, match="take 12 or more"):
        draw_spot_check(p, rank, size=11, head=10, seed=0)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 300), st.integers(0, 300), st.integers(12, 80), st.integers(0, 5))
def test_any_report_can_be_drawn_from(rows: int, queued: int, size: int, seed: int) -> None:
    p = np.random.default_rng(seed).random(rows).astype(np.float32)
    rank = np.argsort(np.argsort(-p)).astype(np.float32) + 1
    rank[rank > queued] = np.nan
    check = draw_spot_check(p, rank, size=size, head=20, seed=seed)
    assert len(check) == min(size, rows)
    assert np.all(np.diff(check.rows) > 0)
    assert (1 / check.inclusion).sum() == pytest.approx(rows)
    found = estimate_precision(
        check, np.ones(len(check)), stratum=strata_of(p, rank, head=20), cut=np.ones(rows, dtype=bool)
    )
    assert found is not None
    assert found.share.value == pytest.approx(1.0)
    assert 0.0 <= found.share.low <= found.share.value <= found.share.high <= 1.0


def test_no_looks_move_nothing_and_many_move_far() -> None:
    p = np.linspace(0.05, 0.95, 19, dtype=np.float32)
    same = fit_recalibration(p[:0], np.empty(0))
    assert same == Recalibration(0.0, 1.0)
    np.testing.assert_allclose(same.probability(p), p, atol=1e-6)
    few = fit_recalibration(np.full(6, 0.9, dtype=np.float32), np.array([1, 1, 1, 0, 0, 0.0])).probability(p)
    many = fit_recalibration(np.full(600, 0.9, dtype=np.float32), np.tile([1.0, 0.0], 300)).probability(p)
    at = np.argmin(np.abs(p - 0.9))
    assert 0.55 < few[at] < 0.88
    assert many[at] == pytest.approx(0.5, abs=0.03)
    assert np.all(np.diff(few) > 0)
    assert np.all(np.diff(many) > 0)
    ends = few_at_ends = Recalibration(-1.0, 2.0).probability(np.array([0.0, 1.0, np.nan], dtype=np.float32))
    assert 0.0 < ends[0] < ends[1] < 1.0
    assert np.isnan(few_at_ends[2])
