from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given as drawn_from
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from labelaudit.asm.batches import FeatureBatches
from labelaudit.asm.peers import Head, Peers, build_peers
from labelaudit.errors import TrainingError
from labelaudit.evidence.crossfit import CrossFit, cross_fit, deal_folds
from labelaudit.evidence.device import build_accelerator
from labelaudit.evidence.folds import Folds
from labelaudit.records import Stage
from labelaudit.settings import AsmSettings

CPU = torch.device("cpu")
COUNT = 45
ROWS = np.arange(COUNT) + 5  # the store has five rows before, and some after, that are not audited
FOLD = (np.arange(COUNT) // 3 % 3).astype(np.int32)
TRUE = (np.arange(COUNT) % 3).astype(np.int32)
GIVEN = np.where(np.arange(COUNT) % 10 == 0, (TRUE + 1) % 3, TRUE).astype(np.int32)
SETTINGS = AsmSettings(epochs=4, warm_up=2, batch=16, learning_rate=0.02)
NO_TWINS = np.full(COUNT, -1)


@pytest.fixture(scope="module")
def batches() -> FeatureBatches:
    generator = torch.Generator().manual_seed(5)
    centre = torch.zeros(COUNT + 10, 6)
    centre[torch.from_numpy(ROWS), torch.from_numpy(TRUE).long()] = 2.0
    features = centre + 0.3 * torch.randn(2, COUNT + 10, 6, generator=generator)
    return FeatureBatches(features, device=CPU)


@pytest.fixture(scope="module")
def accelerator() -> Accelerator:
    return build_accelerator(CPU, mixed=False)


def _peers(seed: int) -> Peers:
    return build_peers(lambda: Head(6, 3), seed=seed)


FitFolds = Callable[..., CrossFit]


@pytest.fixture(scope="module")
def fit_folds(batches: FeatureBatches, accelerator: Accelerator) -> FitFolds:
    def fit(
        *,
        build: Callable[[int], Peers] = _peers,
        given: np.ndarray = GIVEN,
        fold: np.ndarray = FOLD,
        settings: AsmSettings = SETTINGS,
        keep: int = 1,
        anchor: Callable[[np.ndarray], np.ndarray] | None = None,
        checkpoint: Path | None = None,
        progress: Callable[[Stage], None] = lambda _: None,
    ) -> CrossFit:
        folds = Folds(
            build=build,
            batches=batches,
            rows=ROWS,
            given=given,
            fold=fold,
            num_classes=3,
            settings=settings,
            accelerator=accelerator,
            seed=1,
            checkpoint=checkpoint,
        )
        return cross_fit(folds, keep=keep, anchor=anchor, progress=progress)

    return fit


@pytest.fixture(scope="module")
def fitted(fit_folds: FitFolds) -> CrossFit:
    return fit_folds()


def _assert_same(left: CrossFit, right: CrossFit) -> None:
    for name in ("peer1", "peer2", "partitions"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
    assert left.losses == right.losses
    for name, values in vars(left.history).items():
        np.testing.assert_array_equal(values, getattr(right.history, name))


# Dealing folds.


def test_folds_hold_equal_shares_of_every_class():
    given = np.repeat([0, 1, 2], [50, 23, 7]).astype(np.int32)
    fold = deal_folds(given, np.full(80, -1), folds=5, seed=3)
    table = np.zeros((3, 5), dtype=int)
    np.add.at(table, (given, fold), 1)
    assert table[0].tolist() == [10] * 5
    assert (np.ptp(table, axis=1) <= 1).all()
    assert np.ptp(table.sum(axis=0)) <= 1
    np.testing.assert_array_equal(fold, deal_folds(given, np.full(80, -1), folds=5, seed=3))
    assert (fold != deal_folds(given, np.full(80, -1), folds=5, seed=4)).any()
    assert fold.dtype == np.int32


def test_one_fold_is_one_fold():
    assert deal_folds(GIVEN, NO_TWINS, folds=1, seed=0).tolist() == [0] * COUNT


def test_copies_share_a_fold():
    twins = NO_TWINS.copy()
    twins[[2, 30, 44]] = 0
    twins[[7, 8]] = 12
    fold = deal_folds(GIVEN, twins, folds=5, seed=0)
    assert len(set(fold[[2, 30, 44]])) == 1
    assert fold[7] == fold[8]
    others = twins < 0
    np.testing.assert_array_equal(fold[others], deal_folds(GIVEN, NO_TWINS, folds=5, seed=0)[others])


@drawn_from(
    sizes=st.lists(st.integers(0, 13), min_size=2, max_size=8).filter(any),
    folds=st.integers(2, 12),
    seed=st.integers(0, 2**32 - 1),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_class_is_in_as_many_folds_as_it_can_be(sizes: list[int], folds: int, seed: int):
    """However small the classes are; and scikit-learn, which warns of small ones, has nothing to say."""
    given = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(np.int32)
    fold = deal_folds(given, np.full(len(given), -1), folds=folds, seed=seed)
    assert fold.min() >= 0
    assert fold.max() < folds
    for index, size in enumerate(sizes):
        shares = np.bincount(fold[given == index], minlength=folds)
        assert np.count_nonzero(shares) == min(size, folds)
        assert np.ptp(shares) <= 1


# Fitting them.


def test_every_sample_is_judged_by_peers_that_did_not_train_on_it(fitted: CrossFit):
    for posterior in (fitted.peer1, fitted.peer2):
        assert posterior.shape == (COUNT, 3)
        assert posterior.dtype == np.float32
        np.testing.assert_allclose(posterior.sum(axis=1), 1.0, atol=1e-5)
    wrong = np.flatnonzero(GIVEN != TRUE)
    assert (0.5 * (fitted.peer1 + fitted.peer2))[wrong].argmax(axis=1).tolist() == TRUE[wrong].tolist()


@pytest.mark.parametrize(("row", "balance"), [(1, 0.0), (5, 0.5), (8, 0.5)])  # one of each fold
def test_a_held_out_label_never_moves_its_own_posterior(fit_folds: FitFolds, row: int, balance: float):
    changed = GIVEN.copy()
    changed[row] = (changed[row] + 1) % 3
    settings = replace(SETTINGS, balance=balance)
    before, after = fit_folds(settings=settings), fit_folds(given=changed, settings=settings)
    held = _mates(row)
    np.testing.assert_array_equal(before.peer1[held], after.peer1[held])
    np.testing.assert_array_equal(before.peer2[held], after.peer2[held])
    assert (before.peer1[~held] != after.peer1[~held]).any()  # the others have learned from it


def _mates(row: int) -> np.ndarray:
    """The rows that are judged together with one."""
    return FOLD[row] == FOLD


def test_the_anchor_is_asked_for_the_rows_that_are_trained_on_alone(fit_folds: FitFolds):
    """An anchor at odds with a row's label is read wherever the row is learned from, and not where it is judged."""
    asked: list[np.ndarray] = []

    def even(places: np.ndarray) -> np.ndarray:
        asked.append(places)
        return np.full((len(places), 3), 1 / 3, dtype=np.float32)

    def turned(places: np.ndarray) -> np.ndarray:
        anchor = np.full((len(places), 3), 1 / 3, dtype=np.float32)
        anchor[places == 4] = [0.0, 0.0, 1.0]
        return anchor

    before, after = fit_folds(anchor=even), fit_folds(anchor=turned)
    assert [places.tolist() for places in asked] == [np.flatnonzero(fold != FOLD).tolist() for fold in range(3)]
    held = _mates(4)
    np.testing.assert_array_equal(before.peer1[held], after.peer1[held])
    assert (before.peer1[~held] != after.peer1[~held]).any()


def test_partitions_count_the_mined_epochs_of_all_other_folds(fitted: CrossFit):
    assert fitted.partitions.sum(axis=1).tolist() == [(3 - 1) * (4 - 2)] * COUNT
    assert [len(losses) for losses in fitted.losses] == [4, 4, 4]


def test_the_history_has_a_row_a_fold_an_epoch_and_a_class(fitted: CrossFit):
    history = fitted.history
    assert history.fold.tolist() == np.repeat([0, 1, 2], 6).tolist()
    assert history.epoch.tolist() == [2, 2, 2, 3, 3, 3] * 3
    assert history.class_index.tolist() == [0, 1, 2] * 6
    members = history.clean + history.ambiguous + history.noisy
    for fold in range(3):
        counts = np.bincount(GIVEN[fold != FOLD], minlength=3)
        assert members[history.fold == fold].reshape(2, 3).tolist() == [counts.tolist()] * 2
    np.testing.assert_allclose(history.clean_threshold, 0.8 * history.mean_confidence, rtol=1e-6)
    np.testing.assert_allclose(history.noisy_threshold, 0.2 * history.mean_confidence, rtol=1e-6)


def test_warm_up_alone_has_no_history(fit_folds: FitFolds):
    found = fit_folds(settings=replace(SETTINGS, warm_up=4))
    assert len(found.history.epoch) == len(found.history.clean_threshold) == 0
    assert found.partitions.sum() == 0


def test_with_one_fold_the_peers_judge_what_they_trained_on(fit_folds: FitFolds):
    told: list[Stage] = []
    found = fit_folds(fold=np.zeros(COUNT, dtype=np.int32), progress=told.append)
    assert found.partitions.sum(axis=1).tolist() == [4 - 2] * COUNT
    assert np.isfinite(found.peer1).all()
    assert {stage.name for stage in told} == {"training"}


def test_progress_names_the_fold_and_counts_epochs(fit_folds: FitFolds):
    told: list[Stage] = []
    fit_folds(progress=told.append)
    expected = [(f"fold {fold} of 3", done, 4, "epochs") for fold in (1, 2, 3) for done in range(5)]
    assert [(stage.name, stage.done, stage.total, stage.unit) for stage in told] == expected


def test_only_the_first_folds_peers_are_kept(fit_folds: FitFolds):
    alive: list[weakref.ref[Peers]] = []

    def build(seed: int) -> Peers:
        gc.collect()
        assert sum(each() is not None for each in alive[1:]) == 0  # beside the first fold's, nothing piles up
        peers = _peers(seed)
        alive.append(weakref.ref(peers))
        return peers

    found = fit_folds(build=build)
    assert len(alive) == 3
    assert found.judges == (alive[0](),)


def test_as_many_folds_peers_are_kept_as_are_asked_for(fit_folds: FitFolds):
    assert len(fit_folds(keep=2).judges) == 2
    both = [judge.state_dict()["peer1.layers.1.weight"] for judge in fit_folds(keep=5).judges]
    assert len(both) == 3  # there are no more
    assert not torch.equal(both[0], both[1])


# Going on.


@pytest.mark.parametrize("stop_at", [("fold 1 of 3", 3), ("fold 2 of 3", 4), ("fold 3 of 3", 1)])
def test_an_interrupted_fit_goes_on_exactly(
    fit_folds: FitFolds, fitted: CrossFit, tmp_path: Path, stop_at: tuple[str, int]
):
    def interrupt(stage: Stage) -> None:
        if (stage.name, stage.done) == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_folds(checkpoint=tmp_path, progress=interrupt)
    told: list[Stage] = []
    resumed = fit_folds(checkpoint=tmp_path, progress=told.append)
    _assert_same(resumed, fitted)
    assert stop_at in {(stage.name, stage.done) for stage in told}
    assert (stop_at[0], stop_at[1] - 1) not in {(stage.name, stage.done) for stage in told}


def test_a_checkpoint_of_other_labels_is_refused(fit_folds: FitFolds, tmp_path: Path):
    fit_folds(checkpoint=tmp_path)
    with pytest.raises(TrainingError, match="--force"):
        fit_folds(checkpoint=tmp_path, given=TRUE)


def test_copies_of_one_picture_alone_are_refused():
    with pytest.raises(TrainingError, match="copies of each other"):
        deal_folds(np.repeat([0, 1], 20).astype(np.int32), np.zeros(40, dtype=np.int64), folds=5, seed=0)


def test_a_fold_without_rows_is_passed_over(fit_folds: FitFolds):
    fold = np.where(FOLD == 1, 2, FOLD).astype(np.int32)
    found = fit_folds(fold=fold)
    assert np.isfinite(found.peer1).all()
    assert len(found.losses) == 2


def test_a_fold_that_broke_is_told_of(fit_folds: FitFolds, fitted: CrossFit):
    """The second fold breaks in its first epoch at the full rate; the others do not notice."""
    steps: list[int] = []

    class Breaking(Head):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            steps.append(self.training)
            logits = super().forward(features)
            return logits * torch.nan if self.training and sum(steps) == 1 else logits

    def build(seed: int) -> Peers:
        return build_peers(lambda: Breaking(6, 3), seed=seed) if seed == 1001 else _peers(seed)

    found = fit_folds(build=build)
    assert fitted.setbacks == ()
    assert found.setbacks == (
        "fold 2 of 3 came to no numbers in epoch 1; it went back to the epoch before and halved the learning rate, "
        "to 0.01 in the end",
    )
    np.testing.assert_array_equal(found.peer1[FOLD != 1], fitted.peer1[FOLD != 1])
    assert np.isfinite(found.peer1).all()
    assert (found.peer1[FOLD == 1] != fitted.peer1[FOLD == 1]).any()


class _SmallMemory(Peers):
    """Peers on a device whose memory holds ten samples at once."""

    def forward(self, view: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if len(view) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(view)


def test_what_memory_does_not_hold_is_shown_in_pieces_and_said(fit_folds: FitFolds, fitted: CrossFit):
    """Heads have no batch statistics, so the numbers stay the same up to the order of sums."""

    def build(seed: int) -> Peers:
        peers = _peers(seed)
        return _SmallMemory(peers.peer1, peers.peer2)

    found = fit_folds(build=build)
    np.testing.assert_allclose(found.peer1, fitted.peer1, atol=1e-4)
    np.testing.assert_array_equal(found.partitions, fitted.partitions)
    assert len(found.shortages) == 3
    assert found.shortages[0].startswith("fold 1 of 3: memory did not hold batches of 16, which were shown in 2 pieces")
    assert fitted.shortages == ()
