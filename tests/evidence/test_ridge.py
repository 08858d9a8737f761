from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from labelaudit.evidence import kernel, nystroem, ridge
from labelaudit.evidence.ridge import PENALTIES, RidgeEvidence, leave_one_out_ridge, to_posterior
from labelaudit.records import Stage

COUNT, CLASSES = 48, 3
TWINS = np.full(COUNT, -1, dtype=np.int64)
TWINS[[3, 17, 40]] = 5
TWINS[[8, 9]] = 0
TWINS[30] = 9  # its twin is not among the audited rows


def _dataset(seed: int = 0, *, separable: bool = True) -> tuple[list[np.ndarray], np.ndarray]:
    """Two groups of features of 48 samples, float16 as cached features are, and labels of which some are wrong."""
    rng = np.random.default_rng(seed)
    true = np.arange(COUNT) % CLASSES
    centres = 2.0 * np.eye(CLASSES, 6)[true] if separable else 0.0
    groups = [(centres + rng.normal(size=(COUNT, 6))), 3.0 + 0.1 * centres + rng.normal(size=(COUNT, 6))]
    given = np.where(rng.random(COUNT) < 0.15, (true + 1) % CLASSES, true).astype(np.int32)
    groups = [group.astype(np.float16) for group in groups]
    for one, other in ((3, 17), (3, 40), (8, 9)):  # twins look the same
        for group in groups:
            group[other] = group[one]
    return groups, given


def _fit(groups: list[np.ndarray], given: np.ndarray, **options: object) -> RidgeEvidence:
    return leave_one_out_ridge(groups, given, num_classes=CLASSES, **options)


def _kernel(groups: list[np.ndarray], scale: tuple[float, ...]) -> np.ndarray:
    """The mean of the groups' radial kernels, straight from its definition."""
    total = np.zeros((COUNT, COUNT))
    for group, width in zip(groups, scale, strict=True):
        values = group.astype(np.float64)
        standard = np.clip((values - values.mean(axis=0)) / values.std(axis=0), -5, 5)
        total += np.exp(-((standard[:, None] - standard[None]) ** 2).sum(axis=2) / width)
    return total / len(groups)


def _posterior(raw: np.ndarray) -> np.ndarray:
    clipped = np.maximum(raw, 1e-3)
    return clipped / clipped.sum(axis=1, keepdims=True)


def _refitted(
    groups: list[np.ndarray],
    given: np.ndarray,
    found: RidgeEvidence,
    twins: np.ndarray,
    weight: float | np.ndarray = 1.0,
) -> np.ndarray:
    """Posteriors of N models, each fitted anew to all samples but one and its twins."""
    penalty = np.broadcast_to(found.penalty / weight, COUNT)
    table = _kernel(groups, found.model.scale)
    shares = np.bincount(given, minlength=CLASSES) / COUNT
    centred = np.eye(CLASSES)[given] - shares
    raw = np.empty((COUNT, CLASSES))
    for row in range(COUNT):
        out = (np.arange(COUNT) == row) | ((twins == twins[row]) & (twins[row] >= 0))
        seen = np.flatnonzero(~out)
        system = table[np.ix_(seen, seen)] + np.diag(penalty[seen])
        raw[row] = table[row, seen] @ np.linalg.solve(system, centred[seen]) + shares
    return _posterior(raw)


def _landmarks_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The approximation with every sample as a landmark, which approximates nothing."""
    monkeypatch.setattr(ridge, "EXACT_LIMIT", 0)
    monkeypatch.setattr(kernel, "_BLOCK", 7)
    monkeypatch.setattr(nystroem, "_TOGETHER", 4)


def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact form, as it is for so few samples."""


either_form = pytest.mark.parametrize("form", [_exact, _landmarks_everywhere])


@either_form
def test_leaving_one_out_is_refitting_without_it(form: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    form(monkeypatch)
    groups, given = _dataset()
    found = _fit(groups, given)
    assert found.exact is (form is _exact)
    none = np.full(COUNT, -1)
    np.testing.assert_allclose(found.posterior, _refitted(groups, given, found, none), atol=2e-3)


@either_form
def test_leaving_twins_out_is_refitting_without_them(form: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    form(monkeypatch)
    groups, given = _dataset()
    found = _fit(groups, given, twins=TWINS)
    np.testing.assert_allclose(found.posterior, _refitted(groups, given, found, TWINS), atol=2e-3)
    alone = _fit(groups, given)
    assert np.abs(found.posterior - alone.posterior)[TWINS == 5].max() > 0.05
    np.testing.assert_array_equal(found.posterior[TWINS == 9], alone.posterior[TWINS == 9])


@either_form
def test_what_people_decided_weighs_more(form: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    form(monkeypatch)
    groups, given = _dataset()
    decided = np.zeros(COUNT, dtype=bool)
    decided[[0, 5, 17, 40]] = True
    found = _fit(groups, given, twins=TWINS, decided=decided)
    expected = _refitted(groups, given, found, TWINS, np.where(decided, ridge.DECIDED_WEIGHT, 1.0))
    np.testing.assert_allclose(found.posterior, expected, atol=2e-3)
    assert np.abs(found.posterior - _fit(groups, given, twins=TWINS).posterior).max() > 0.01


@pytest.mark.parametrize("landmarks", [COUNT, 30, 12])
def test_a_group_is_judged_without_its_labels_however_large(landmarks: int, monkeypatch: pytest.MonkeyPatch):
    """Labels change places within a group of 18, so that the class shares stay."""
    groups, given = _dataset()
    _landmarks_everywhere(monkeypatch)
    monkeypatch.setattr(ridge, "LANDMARKS", landmarks)
    monkeypatch.setattr(ridge, "PENALTIES", (0.4,))
    twins = TWINS.copy()
    twins[10:25] = 5
    inside = np.flatnonzero(twins == 5)
    swapped = given.copy()
    swapped[inside] = given[np.roll(inside, 1)]
    assert (swapped != given).any()
    before, after = (_fit(groups, labels, twins=twins).posterior for labels in (given, swapped))
    np.testing.assert_allclose(before[inside], after[inside], atol=1e-4)
    assert np.abs(before - after).max() > 0.01


def test_fewer_landmarks_judge_nearly_as_well(monkeypatch: pytest.MonkeyPatch):
    groups, given = _dataset()
    exact = _fit(groups, given).posterior
    monkeypatch.setattr(ridge, "EXACT_LIMIT", 0)
    monkeypatch.setattr(ridge, "LANDMARKS", 30)
    some = _fit(groups, given)
    assert len(some.model.weights) == 30
    assert np.abs(some.posterior - exact).mean() < 0.05
    assert (some.posterior.argmax(axis=1) == exact.argmax(axis=1)).mean() > 0.9


@either_form
def test_a_label_hardly_moves_its_own_posterior(form: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    """Only through the class shares, of which it is 1/N."""
    form(monkeypatch)
    groups, given = _dataset()
    changed = given.copy()
    changed[3] = (changed[3] + 1) % CLASSES
    before, after = (_fit(groups, labels, twins=TWINS) for labels in (given, changed))
    assert before.penalty == after.penalty
    moved = np.abs(before.posterior - after.posterior).max(axis=1)
    assert moved[[3, 17, 40]].max() < 1.5 / COUNT  # all of the same picture


@pytest.mark.parametrize("form", [_exact, _landmarks_everywhere])
def test_among_some_rows_the_labels_of_the_others_have_no_say(
    form: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    form(monkeypatch)
    groups, given = _dataset()
    rows = np.flatnonzero(np.arange(COUNT) % 3 != 1)
    found = _fit(groups, given, twins=TWINS)
    changed = given.copy()
    changed[1::3] = (changed[1::3] + 1) % CLASSES
    other = _fit(groups, changed, twins=TWINS)
    assert other.penalty == found.penalty
    np.testing.assert_array_equal(other.among(rows), found.among(rows))
    assert np.abs(other.posterior[rows] - found.posterior[rows]).max() > 0.01


def test_among_some_rows_is_fitting_to_them_alone():
    groups, given = _dataset()
    rows = np.flatnonzero(np.arange(COUNT) % 3 != 1)
    found = _fit(groups, given, twins=TWINS)
    table = _kernel(groups, found.model.scale)[np.ix_(rows, rows)]
    shares = np.bincount(given[rows], minlength=CLASSES) / len(rows)
    centred = np.eye(CLASSES)[given[rows]] - shares
    raw = np.empty((len(rows), CLASSES))
    for place, row in enumerate(rows):
        out = (rows == row) | ((TWINS[rows] == TWINS[row]) & (TWINS[row] >= 0))
        seen = np.flatnonzero(~out)
        system = table[np.ix_(seen, seen)] + found.penalty * np.eye(len(seen))
        raw[place] = table[place, seen] @ np.linalg.solve(system, centred[seen]) + shares
    np.testing.assert_allclose(found.among(rows), _posterior(raw), atol=2e-3)


@either_form
def test_posteriors_are_positive_and_sum_to_one(form: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    form(monkeypatch)
    groups, given = _dataset()
    found = leave_one_out_ridge(groups, np.minimum(given, 1), num_classes=5)  # three classes without a sample
    assert found.posterior.dtype == np.float32
    assert found.posterior.shape == (COUNT, 5)
    assert found.posterior.min() > 0.0
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1.0, rtol=1e-6)


def test_raw_outputs_are_clipped_and_divided_by_their_sum():
    found = to_posterior(torch.tensor([[0.8, -0.2, 0.4], [-1.0, -1.0, -1.0]]))
    expected = [[0.8 / 1.201, 0.001 / 1.201, 0.4 / 1.201], [1 / 3, 1 / 3, 1 / 3]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_permuting_the_samples_permutes_the_posteriors():
    groups, given = _dataset()
    order = np.random.default_rng(1).permutation(COUNT)
    plain = _fit(groups, given, twins=TWINS)
    permuted = _fit([group[order] for group in groups], given[order], twins=TWINS[order])
    assert permuted.penalty == plain.penalty
    np.testing.assert_allclose(permuted.posterior, plain.posterior[order], atol=1e-4)


def test_the_penalty_is_the_one_that_predicts_unseen_labels_best():
    groups, given = _dataset()
    found = _fit(groups, given)
    table = _kernel(groups, found.model.scale)
    centred = np.eye(CLASSES)[given] - np.bincount(given, minlength=CLASSES) / COUNT
    errors = []
    for penalty in PENALTIES:
        inverse = np.linalg.inv(table + penalty * np.eye(COUNT))
        errors.append(np.square(inverse @ centred / np.diag(inverse)[:, None]).mean())
    assert found.penalty == PENALTIES[int(np.argmin(errors))]
    assert found.penalty == _fit(groups, given, seed=7).penalty
    noise, labels = _dataset(1, separable=False)
    assert _fit(noise, labels).penalty == max(PENALTIES)


def test_copies_do_not_talk_the_penalty_down():
    """Every picture twice, with labels that nothing predicts but its copy's."""
    groups, _ = _dataset(2, separable=False)
    groups = [np.repeat(group[: COUNT // 2], 2, axis=0) for group in groups]
    given = np.repeat(np.random.default_rng(3).integers(0, CLASSES, COUNT // 2), 2).astype(np.int32)
    twins = np.repeat(np.arange(COUNT // 2), 2)
    assert _fit(groups, given).penalty == min(PENALTIES)
    assert _fit(groups, given, twins=twins).penalty == max(PENALTIES)


@either_form
def test_the_model_predicts_new_samples(form: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    form(monkeypatch)
    groups, given = _dataset()
    model = _fit(groups, given).model
    shares = np.bincount(given, minlength=CLASSES) / COUNT
    table = _kernel(groups, model.scale)
    penalty = _fit(groups, given).penalty
    raw = table @ np.linalg.solve(table + penalty * np.eye(COUNT), np.eye(CLASSES)[given] - shares) + shares
    np.testing.assert_allclose(model.predict(model.likeness(groups)), _posterior(raw), atol=2e-3)
    centres = 2.0 * np.eye(CLASSES, 6)
    assert model.predict(model.likeness([centres, 3.0 + 0.1 * centres])).argmax(axis=1).tolist() == [0, 1, 2]
    far = model.predict(model.likeness([np.full((1, 6), 1e4), np.full((1, 6), 1e4)]))
    np.testing.assert_allclose(far[0], shares, atol=0.02)


def test_the_bandwidth_is_the_median_squared_distance():
    groups, given = _dataset()
    values = groups[0].astype(np.float64)
    standard = np.clip((values - values.mean(axis=0)) / values.std(axis=0), -5, 5)
    distance = ((standard[:, None] - standard[None]) ** 2).sum(axis=2)
    assert _fit(groups, given).model.scale[0] == pytest.approx(np.median(distance), rel=0.02)


def test_features_without_a_difference_do_no_harm():
    groups, given = _dataset()
    flat = np.full((COUNT, 4), 1000.5, dtype=np.float16)
    found = _fit([*groups, flat], given)
    assert np.isfinite(found.posterior).all()
    assert (found.posterior.argmax(axis=1) == _fit(groups, given).posterior.argmax(axis=1)).mean() > 0.9


def test_progress_rises_to_the_end(monkeypatch: pytest.MonkeyPatch):
    _landmarks_everywhere(monkeypatch)
    groups, given = _dataset()
    told: list[Stage] = []
    _fit(groups, given, twins=TWINS, progress=told.append)
    done = [stage.done for stage in told]
    assert done == sorted(done)
    assert done[-1] == COUNT
