from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from labelaudit.evidence import health
from labelaudit.evidence.health import (
    Fault,
    FaultKind,
    TrainingFigures,
    find_dead,
    find_faults,
    find_idle_loss,
    find_swallowed,
    guessing_loss,
)
from labelaudit.evidence.link import Link
from labelaudit.records import ThresholdHistory

CLASSES = ("happy", "sad", "fear")
COUNT = 300
GIVEN = (np.arange(COUNT) % 3).astype(np.int32)
FOLD = (np.arange(COUNT) // 3 % 5).astype(np.int32)
FALLING = [[1.5, 1.0, 0.7]] * 5


def _posterior(*, seed: int, share: float, given: np.ndarray = GIVEN) -> np.ndarray:
    """Answers that know this share of the labels."""
    generator = np.random.default_rng(seed)
    noise = generator.dirichlet(np.ones(3), len(given))
    return (share * np.eye(3)[given] + (1 - share) * noise).astype(np.float32)


def _history(*, noisy: tuple[int, ...] = (5, 5, 5), mean: tuple[float, ...] = (0.7, 0.6, 0.5)) -> ThresholdHistory:
    """Five folds, two mined epochs of 80 rows a class; the first epoch would be a fault."""
    rows = 5 * 2 * 3
    epoch = np.tile(np.repeat([3, 4], 3), 5).astype(np.int32)
    last = epoch == 4
    mined = np.where(last, np.tile(noisy, 10), 80).astype(np.int32)
    confidence = np.where(last, np.tile(mean, 10), 0.0).astype(np.float32)
    return ThresholdHistory(
        epoch=epoch,
        fold=np.repeat(np.arange(5), 6).astype(np.int32),
        class_index=np.tile(np.arange(3), 10).astype(np.int32),
        mean_confidence=confidence,
        clean_threshold=0.8 * confidence,
        noisy_threshold=0.2 * confidence,
        clean=(80 - mined).astype(np.int32),
        ambiguous=np.zeros(rows, np.int32),
        noisy=mined,
    )


@pytest.fixture
def good() -> TrainingFigures:
    peer1, peer2, ridge = (_posterior(seed=seed, share=0.3) for seed in (1, 2, 3))
    return TrainingFigures(GIVEN, FOLD, peer1, peer2, ridge, FALLING, _history())


def _one(figures: TrainingFigures) -> Fault:
    (found,) = find_faults(figures, CLASSES)
    assert "\n" not in found.sentence
    return found


def test_nothing_is_wrong_with_a_good_training(good: TrainingFigures):
    assert find_faults(good, CLASSES) == []


def test_answers_that_have_nothing_to_do_with_the_labels(good: TrainingFigures):
    peer1, peer2, ridge = (_posterior(seed=seed, share=0.0) for seed in (1, 2, 3))
    found = _one(replace(good, peer1=peer1, peer2=peer2, ridge=ridge))
    assert found == Fault(
        FaultKind.NOTHING_LEARNED,
        "nothing could be learned from these labels: models that had not seen them tell them from shuffled ones no "
        "better than by chance",
    )


def test_of_a_single_run_only_the_ridge_can_tell(good: TrainingFigures):
    single = replace(good, fold=np.zeros_like(FOLD), ridge=_posterior(seed=3, share=0.0))
    assert _one(single).kind is FaultKind.NOTHING_LEARNED  # and not that the ridge is dead beside the peers
    assert find_faults(replace(good, fold=np.zeros_like(FOLD)), CLASSES) == []


def test_a_source_that_knows_nothing_beside_others_that_know_much(good: TrainingFigures):
    found = _one(replace(good, peer2=_posterior(seed=2, share=0.0)))
    assert found == Fault(FaultKind.DEAD, "peer 2 learned next to nothing, though there was much to learn")
    assert "the ridge learned" in _one(replace(good, ridge=_posterior(seed=3, share=0.0))).sentence


def test_a_source_that_knows_half_as_much_as_the_others_is_not_dead(good: TrainingFigures):
    assert find_faults(replace(good, peer2=_posterior(seed=2, share=0.12)), CLASSES) == []


def test_a_peer_of_one_fold_may_die(good: TrainingFigures):
    peer1, peer2, ridge = (_posterior(seed=seed, share=0.7) for seed in (1, 2, 3))
    peer1[FOLD == 3] = _posterior(seed=4, share=0.0)[FOLD == 3]
    found = _one(replace(good, peer1=peer1, peer2=peer2, ridge=ridge))
    assert found.sentence.startswith("peer 1 of fold 4 learned next to nothing")


def test_a_peer_with_one_answer(good: TrainingFigures):
    same = np.full((COUNT, 3), 1 / 3, dtype=np.float32) + np.float32(1e-4) * good.peer2
    assert _one(replace(good, peer2=same)) == Fault(FaultKind.ONE_ANSWER, "peer 2 gives every face the same answer")
    some = np.where(np.isin(FOLD, [0, 4])[:, None], same, good.peer2)
    assert _one(replace(good, peer2=some)).sentence == "peer 2 of folds 1 and 5 gives every face the same answer"


def test_a_peer_with_one_class(good: TrainingFigures):
    """A third is sad, all are called sad, at 0.2 + 0.8 * 0.33 ... = 0.87 on average."""
    sad = (0.2 * good.peer1 + 0.8 * np.eye(3, dtype=np.float32)[1]).astype(np.float32)
    found = _one(replace(good, peer1=sad))
    assert found == Fault(FaultKind.ONE_CLASS, "peer 1 calls every face sad, which is the label of 33% of them")


def test_a_large_class_explains_that_all_are_called_by_its_name():
    given = (np.arange(COUNT) % 10 == 0).astype(np.int32)  # nine tenths are happy
    peers = [0.08 * _posterior(seed=seed, share=0.5, given=given) + np.float32([0.8, 0.1, 0.02]) for seed in (1, 2, 3)]
    assert all((each.argmax(axis=1) == 0).all() for each in peers)
    history = _history(mean=(0.8, 0.2, 0.1))
    assert find_faults(TrainingFigures(given, FOLD, *peers, [[0.5, 0.3]], history), CLASSES) == []


def test_folds_of_a_few_rows_tell_nothing():
    given, fold = GIVEN[:30], np.arange(30, dtype=np.int32)
    peers = [_posterior(seed=seed, share=0.6, given=given) for seed in (1, 2, 3)]
    assert find_faults(TrainingFigures(given, fold, *peers, FALLING, _history()), CLASSES) == []


def test_the_loss_of_guessing():
    assert guessing_loss(GIVEN) == pytest.approx(math.log(3))
    lopsided = np.array([0, 0, 0, 2], dtype=np.int32)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert guessing_loss(lopsided) == pytest.approx(entropy)
    assert guessing_loss(lopsided, balance=1.0) == pytest.approx(math.log(2))


def test_a_loss_above_that_of_guessing_or_that_stands_still():
    worse = find_idle_loss([[1.5, 0.9], [9.0, 1.2]], guessing=1.1)
    assert worse is not None
    assert worse.sentence == "the loss ended at 1.2, and guessing by the class shares alone costs 1.1"
    still = find_idle_loss([[1.09, 1.09]], guessing=1.1)
    assert still is not None
    assert still.sentence == "the loss did not fall: it began at 1.09 and ended at 1.09"
    assert find_idle_loss([[1.2, 1.15]], guessing=1.1) is None  # hard, not broken
    assert find_idle_loss([[3.0]], guessing=1.1) is None  # a single epoch
    assert find_idle_loss([], guessing=1.1) is None


def test_thresholds_that_swallow_a_class(good: TrainingFigures):
    found = _one(replace(good, history=_history(noisy=(5, 78, 5))))
    assert found == Fault(FaultKind.SWALLOWED, "thresholds swallowed sad: 98% of it was mined as noisy")
    found = _one(replace(good, history=_history(mean=(0.7, 0.6, 0.02))))
    assert found.sentence == (
        "training forgot fear: it is 33.3% of the faces, and the mean confidence in its labels is 2.00%"
    )


def test_a_small_class_has_a_small_confidence():
    given = np.repeat([0, 1], [988, 12]).astype(np.int32)  # 1.2 %
    history = _history(mean=(0.9, 0.01, 0.0))
    assert find_swallowed(history, given, classes=CLASSES) == []
    assert len(find_swallowed(_history(mean=(0.9, 0.001, 0.0)), given, classes=CLASSES)) == 1


def test_a_run_without_mined_epochs_swallows_nothing(good: TrainingFigures):
    empty = ThresholdHistory(*(values[:0] for values in vars(_history()).values()))
    assert find_faults(replace(good, history=empty), CLASSES) == []


@pytest.mark.parametrize(("z", "dead"), [(1.0, False), (-0.5, True)])
def test_what_may_be_chance_is_not_dead(z: float, dead: bool, good: TrainingFigures, monkeypatch) -> None:
    """Beside a z of 6.6, a third of it is 2.2: two deviations more bring 1 above that, and -0.5 not."""
    ridge = good.ridge

    def known(posterior: np.ndarray, given: np.ndarray) -> Link:
        return Link(6.6, 0.4) if posterior.shape == ridge.shape and (posterior == ridge).all() else Link(z, 0.05)

    monkeypatch.setattr(health, "shown_alike", lambda posterior, _: posterior)
    monkeypatch.setattr(health, "link", known)
    found = find_dead(replace(good, peer2=ridge))
    assert (set(found) == {"peer 1"}) if dead else not found
