from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulation import Simulated, simulate

from labelaudit.verdict.opinion import second_opinion
from labelaudit.verdict.planted import Calibration, calibrate, margins, second_opinion_share


def fitted(data: Simulated, weights: NDArray[np.float32] | None = None) -> Calibration:
    return calibrate(data.posterior, data.given, second_opinion(data.posterior, data.given), weights=weights)


def calibration_error(p: NDArray[np.float32], wrong: NDArray[np.bool_], bins: int = 10) -> float:
    """Mean distance of what is said from what is true, over bins of equal size."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return sum(abs(p[part].mean() - wrong[part].mean()) * len(part) for part in parts) / len(p)


def test_margins_by_hand() -> None:
    posterior = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.0, 0.0, 1.0], [np.nan] * 3], dtype=np.float32)
    found = margins(posterior, np.array([0, 2, 0, 1], dtype=np.int32))
    assert found[:3] == pytest.approx([-0.2, 0.3, 1.0])
    assert np.isnan(found[3])
    assert found.dtype == np.float32


def test_margins_on_other_scales_by_hand() -> None:
    posterior = np.array([[0.64, 0.36, 0.0], [0.64, 0.36, 0.0], [0.0, 0.0, 1.0], [np.nan] * 3], dtype=np.float32)
    given = np.array([0, 1, 0, 1], dtype=np.int32)
    # power 0.5: 2 (sqrt p - 1) over 2 (1 - sqrt 0.0001) = 1.98, so 0.6 less 0.8 is -0.4 / 1.98, and 1 less 0.01 is 1
    half = margins(posterior, given, power=0.5)
    assert half[:3] == pytest.approx([-0.4 / 1.98, 0.4 / 1.98, 1.0], abs=1e-6)
    # power 0: log p over log 10,000
    logs = margins(posterior, given, power=0.0)
    assert logs[:3] == pytest.approx([np.log(0.5625) / np.log(1e4), -np.log(0.5625) / np.log(1e4), 1.0], abs=1e-6)
    assert np.isnan(half[3]) and np.isnan(logs[3])


@pytest.mark.parametrize("power", [0.0, 0.3, 1.0])
def test_every_scale_agrees_on_which_class_is_ahead(power: float) -> None:
    data = simulate(500, 5, slips=0.2, redrawn=True)
    plain, other = margins(data.posterior, data.given), margins(data.posterior, data.given, power=power)
    clear = np.minimum(np.abs(plain), np.abs(other)) > 1e-6
    assert clear.mean() > 0.9
    assert (np.sign(plain[clear]) == np.sign(other[clear])).all()
    assert np.abs(other).max() <= 1.0


def test_the_scale_follows_the_kind_of_error() -> None:
    slips, redrawn = fitted(simulate(5_000, 6, slips=0.2)), fitted(simulate(5_000, 6, redrawn=True))
    assert slips.power < 0.15 < 0.6 < redrawn.power <= 0.75


def test_probabilities_between_knots_by_hand() -> None:
    knots = np.array([-1, 0, 1], dtype=np.float32)
    calibration = Calibration(knots, np.array([0, 0.2, 1], dtype=np.float32), 1.0, 0.1, 0.5)
    found = calibration.probability(np.array([-1, -0.5, 0.25, 1, np.nan], dtype=np.float32))
    assert found[:4] == pytest.approx([0, 0.1, 0.4, 1])
    assert np.isnan(found[4])


@pytest.mark.parametrize("classes", [4, 6, 10])
def test_slips_are_seen_for_what_they_are(classes: int) -> None:
    data = simulate(5_000, classes, slips=0.2)
    found = fitted(data)
    p = found.probability(found.margins(data.posterior, data.given))
    assert data.wrong.mean() == pytest.approx(0.2, abs=0.02)
    assert found.noise_rate == pytest.approx(data.wrong.mean(), abs=0.03)
    assert found.second_opinion < 0.15
    assert found.planted_recall > 0.8
    assert calibration_error(p, data.wrong) < 0.04
    assert data.wrong[p >= 0.5].mean() > 0.9


@pytest.mark.parametrize("classes", [3, 6, 10])
def test_second_opinions_are_seen_for_what_they_are(classes: int) -> None:
    data = simulate(5_000, classes, redrawn=True)
    found = fitted(data)
    p = found.probability(found.margins(data.posterior, data.given))
    assert found.noise_rate == pytest.approx(data.wrong.mean(), abs=0.04)
    assert found.second_opinion > 0.9
    assert calibration_error(p, data.wrong) < 0.08


def test_a_mixture_lies_between() -> None:
    data = simulate(8_000, 6, slips=0.1, redrawn=True)
    assert 0.15 < fitted(data).second_opinion < 0.85


def test_in_small_sets_the_firmest_disagreements_tell() -> None:
    # 200 rows, of which 30 disagree: 10 each at 0.9, 0.6 and 0.4; the others are sure of the given class.
    opinion = np.tile(np.eye(5, dtype=np.float32)[0], (200, 1))
    opinion[:10], opinion[10:20], opinion[20:30] = [0.9, 0.1, 0, 0, 0], [0.6, 0.4, 0, 0, 0], [0.4, 0.2, 0, 0.2, 0.2]
    given = np.zeros(200, dtype=np.int32)
    given[:30] = 2  # which is never what another annotator would say
    ones = np.ones(200, dtype=np.float32)
    assert second_opinion_share(opinion, given, weights=ones) == 1.0  # only 20 are firm enough
    assert second_opinion_share(opinion, given, weights=2 * ones) < 0.01  # 20 firm ones count 40
    given[10:20] = 1  # those at 0.6 are second opinions, those at 0.9 slips
    # 10 slips and 10 second opinions: (1 - w) (w + (1 - w) / 4) is largest at a third
    assert second_opinion_share(opinion, given, weights=1.5 * ones) == pytest.approx(1 / 3, abs=0.01)
    assert second_opinion_share(opinion, given, weights=4 * ones) < 0.01  # 10 at 0.9 are enough


def test_few_firm_disagreements_count_as_second_opinions() -> None:
    data = simulate(100, 6, slips=0.2)
    ones = np.ones(100, dtype=np.float32)
    assert second_opinion_share(data.posterior, data.given, weights=ones) == 1.0


def test_no_label_is_wrong_where_all_agree() -> None:
    data = simulate(2_000, 6)
    found = fitted(data)
    assert not data.wrong.any()
    assert found.probability(found.margins(data.posterior, data.given)).max() < 0.5
    assert found.noise_rate < 0.05


def test_a_weight_of_two_is_a_row_twice() -> None:
    data = simulate(600, 4, slips=0.2, redrawn=True)
    once, twice = np.ones(600, dtype=np.float32), np.full(600, 2, dtype=np.float32)
    assert fitted(data, once).p == pytest.approx(fitted(data, twice).p, abs=1e-6)


def test_a_weight_of_nought_is_no_row() -> None:
    clean, noisy = simulate(3_000, 5, seed=1), simulate(3_000, 5, seed=2, slips=0.3)
    both = Simulated(
        *(np.concatenate([getattr(clean, name), getattr(noisy, name)]) for name in ("posterior", "given", "wrong"))
    )
    only_clean = np.repeat(np.array([1, 0], dtype=np.float32), 3_000)
    assert fitted(both, only_clean).noise_rate < 0.05
    assert fitted(both, 1 - only_clean).noise_rate == pytest.approx(noisy.wrong.mean(), abs=0.04)
    assert fitted(both).noise_rate == pytest.approx(both.wrong.mean(), abs=0.04)


def whole(found: Calibration) -> bool:
    """No NaN, everything in range, p never falling as the margin grows."""
    numbers = [found.second_opinion, found.noise_rate, found.planted_recall]
    return bool(
        np.isfinite(found.margin).all()
        and (np.diff(found.margin) >= 0).all()
        and (np.diff(found.p) >= -1e-6).all()
        and all(-1e-6 <= number <= 1 + 1e-6 for number in [*numbers, *found.p.tolist()])
    )


@pytest.mark.parametrize("given", [[0] * 10 + [1] * 10, [0, 1] * 10, [0] * 19 + [1]])
@pytest.mark.parametrize("posterior", [[0.5, 0.5], [1.0, 0.0], [0.3, 0.7]])
def test_equal_posteriors_in_two_classes(given: list[int], posterior: list[float]) -> None:
    rows = np.tile(np.array(posterior, dtype=np.float32), (20, 1))
    labels = np.array(given, dtype=np.int32)
    assert whole(calibrate(rows, labels, second_opinion(rows, labels)))


@pytest.mark.parametrize("redrawn", [False, True])
@pytest.mark.parametrize("count", [20, 200])
def test_two_classes(count: int, redrawn: bool) -> None:
    assert whole(fitted(simulate(count, 2, slips=0.1, redrawn=redrawn)))


@drawn(st.integers(2, 8), st.integers(2, 60), st.floats(0.0, 30.0), st.booleans(), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_in_no_nan_comes_out(classes: int, count: int, sharp: float, ties: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(0.0, 1.0, (count, classes)) * sharp
    scores = np.round(scores) if ties else scores
    posterior = np.exp(scores - scores.max(axis=1, keepdims=True))
    posterior = (posterior / posterior.sum(axis=1, keepdims=True)).astype(np.float32)
    given = rng.integers(0, classes, count).astype(np.int32)
    weights = rng.poisson(1.0, count).astype(np.float32) + (np.arange(count) == 0)
    opinion = second_opinion(posterior, given)
    found = calibrate(posterior, given, opinion, weights=weights.astype(np.float32))
    assert whole(found)
    assert np.isfinite(found.probability(found.margins(posterior, given))).all()


def test_probabilities_carried_over_to_another_margin_rise_and_keep_their_mean():
    random = np.random.default_rng(0)
    margin = random.uniform(-1, 1, 3_000).astype(np.float32)
    other = (0.8 * margin + 0.2 * random.uniform(-1, 1, 3_000)).astype(np.float32)
    slope = Calibration(np.array([-1, 1], np.float32), np.array([0, 1], np.float32), 0.5, 0.5, 0.5)
    found = slope.along(margin, other)
    p = found.probability(other)
    assert p.mean() == pytest.approx(slope.probability(margin).mean(), abs=1e-3)
    assert (np.diff(p[np.argsort(other)]) >= 0).all()
    assert (np.diff(found.margin) > 0).all()
    assert (found.second_opinion, found.noise_rate) == (0.5, 0.5)
    same = slope.along(margin, margin)
    assert np.allclose(same.probability(margin), slope.probability(margin), atol=1e-5)
