"""Folds over the trainer: every sample is judged by peers that did not train on its label.

A network comes to trust the labels it has memorised, so evidence about a sample may only come from peers that never
saw its label. The samples are dealt into F folds, class by class; pictures that are copies of each other share a fold.
Peers trained on all but one fold judge that fold. With one fold the peers judge what they trained on: the paper's
setting, kept for comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from labelaudit.asm.mining import Partition
from labelaudit.asm.peers import Peers
from labelaudit.asm.run import RunHistory
from labelaudit.errors import TrainingError
from labelaudit.evidence.folds import Anchor, Folds, fold_name
from labelaudit.records import FloatArray, IntArray, Progress, ThresholdHistory, no_progress


@dataclass(frozen=True)
class CrossFit:
    """What the folds found out. Rows are the n audited samples.

    Attributes:
        peer1, peer2: Posteriors (n, K) from peers that did not train on the row (with one fold: that did).
        partitions: Mined epochs that each row spent as clean, ambiguous, noisy while it was trained on, (n, 3),
            summed over the folds' runs.
        history: Thresholds through the epochs of every fold.
        losses: Mean training loss, one list of epochs a fold.
        setbacks: Where training broke and went on at a lower learning rate, a sentence each.
        shortages: Where memory did not hold a batch, a sentence each.
        judges: The peers of the first folds, which judge new images, on the CPU.
    """

    peer1: FloatArray
    peer2: FloatArray
    partitions: IntArray
    history: ThresholdHistory
    losses: list[list[float]]
    setbacks: tuple[str, ...]
    shortages: tuple[str, ...]
    judges: tuple[Peers, ...]


def deal_folds(given: IntArray, twins: NDArray[np.int64], *, folds: int, seed: int) -> IntArray:
    """Gives each sample its fold in [0, F), class shares equal, copies of one picture together.

    Args:
        given: Given labels, (n,).
        twins: Copies share a number >= 0, -1 elsewhere, (n,).
        folds: F; a class with fewer members is in as many folds as it has members.
        seed: Shuffles.
    """
    fold = np.zeros(len(given), dtype=np.int32)
    if folds == 1:
        return fold
    order = np.random.default_rng(seed).permutation(len(given))
    large = np.bincount(given)[given[order]] >= folds
    many, few = order[large], order[~large]
    if len(many):
        for number, (_, held) in enumerate(StratifiedKFold(folds).split(many, given[many])):
            fold[many[held]] = number
    # scikit-learn warns of classes smaller than F; dealt one member after the other, none meets another of its class
    fold[few[np.argsort(given[few], kind="stable")]] = np.arange(len(few)) % folds
    first: dict[int, int] = {}
    for row in np.flatnonzero(twins >= 0).tolist():
        fold[row] = first.setdefault(int(twins[row]), int(fold[row]))
    if len(given) > 1 and len(np.unique(fold)) < 2:
        raise TrainingError("all audited pictures are copies of each other: nothing is left to learn from; add others")
    return fold


def cross_fit(
    folds: Folds, *, keep: int = 1, anchor: Anchor | None = None, progress: Progress = no_progress
) -> CrossFit:
    """Trains on all folds but one and judges that one, for every fold.

    Args:
        folds: What is trained and judged.
        keep: Folds whose peers are kept to judge new images.
        anchor: For anchored ASM, evidence that peers lean on beside the labels; None = literal.
        progress: Told of every epoch.

    Raises:
        TrainingError: Training comes to no numbers, or a checkpoint is damaged or of another run.
    """
    count = len(folds.rows)
    posteriors = np.full((2, count, folds.num_classes), np.nan, dtype=np.float32)
    partitions = np.zeros((count, len(Partition)), dtype=np.int32)
    histories, losses, setbacks, shortages = [], [], [], []
    judges: list[Peers] = []
    for number in folds.numbers:
        trainer, run = folds.train(number, anchor=anchor, progress=progress)
        held = folds.held(number)
        posteriors[0, held], posteriors[1, held] = run.peer1, run.peer2
        partitions[folds.learned(number)] += run.partitions
        histories.append(run.history)
        losses.append(run.losses)
        name = fold_name(number, folds.count)
        if run.rolled_back:
            setbacks.append(_setback(name, run.rolled_back, trainer.peak))
        if run.pieces > 1:
            shortages.append(_shortage(name, folds.settings.batch or 0, run.pieces))
        if len(judges) < keep:
            judges.append(run.peers.cpu())
        del trainer, run  # nothing stays on the device, where the next fold needs the room
        folds.accelerator.free_memory()
    history = _join(histories, folds.num_classes)
    return CrossFit(
        peer1=posteriors[0],
        peer2=posteriors[1],
        partitions=partitions,
        history=history,
        losses=losses,
        setbacks=tuple(setbacks),
        shortages=tuple(shortages),
        judges=tuple(judges),
    )


def _setback(name: str, rolled_back: list[int], peak: float) -> str:
    several = len(rolled_back) > 1
    where = f"epoch{'s' if several else ''} {', '.join(map(str, rolled_back))}"
    back = "each time it went back to the epoch before" if several else "it went back to the epoch before"
    return f"{name} came to no numbers in {where}; {back} and halved the learning rate, to {peak:g} in the end"


def _shortage(name: str, batch: int, pieces: int) -> str:
    return (
        f"{name}: memory did not hold batches of {batch}, which were shown in {pieces} pieces whose gradients were "
        "summed; batch normalisation, in networks that have it, took its statistics from a piece"
    )


def _join(histories: list[RunHistory], num_classes: int) -> ThresholdHistory:
    """All folds' thresholds as one table, a row a (fold, epoch, class)."""
    fold, epoch, learned, counts = [], [], [], []
    for number, history in enumerate(histories):
        for done, thresholds, parts in history:
            fold.append(number)
            epoch.append(done)
            learned.append(thresholds)  # (3, K)
            counts.append(parts)  # (3, K)
    values = np.stack(learned) if learned else np.zeros((0, 3, num_classes), np.float32)
    sizes = np.stack(counts) if counts else np.zeros((0, 3, num_classes), np.int32)
    rows = len(fold)
    return ThresholdHistory(
        epoch=np.repeat(np.array(epoch, dtype=np.int32), num_classes),
        fold=np.repeat(np.array(fold, dtype=np.int32), num_classes),
        class_index=np.tile(np.arange(num_classes, dtype=np.int32), rows),
        mean_confidence=values[:, 0].reshape(-1).astype(np.float32),
        clean_threshold=values[:, 1].reshape(-1).astype(np.float32),
        noisy_threshold=values[:, 2].reshape(-1).astype(np.float32),
        clean=sizes[:, 0].reshape(-1).astype(np.int32),
        ambiguous=sizes[:, 1].reshape(-1).astype(np.int32),
        noisy=sizes[:, 2].reshape(-1).astype(np.int32),
    )
