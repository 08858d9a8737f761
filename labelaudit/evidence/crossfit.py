"""Folds over the trainer: every sample is judged by peers that did not train on its label.

A network comes to trust the labels it has memorised, so evidence about a sample may only come from peers that never
saw its label. The samples are dealt into F folds, class by class; pictures that are copies of each other share a fold.
Peers trained on all but one fold judge that fold. With one fold the peers judge what they trained on: the paper's
setting, kept for comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from labelaudit.asm.batches import Batches
from labelaudit.asm.checkpoint import load_checkpoint, save_checkpoint
from labelaudit.asm.losses import class_weights
from labelaudit.asm.mining import Partition
from labelaudit.asm.peers import Peers
from labelaudit.asm.run import RunHistory, TrainingRun
from labelaudit.asm.trainer import Trainer
from labelaudit.errors import TrainingError
from labelaudit.records import FloatArray, IntArray, Progress, Stage, ThresholdHistory, no_progress
from labelaudit.settings import AsmSettings


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
        judges: The peers of the first folds, which judge new images, on the CPU.
    """

    peer1: FloatArray
    peer2: FloatArray
    partitions: IntArray
    history: ThresholdHistory
    losses: list[list[float]]
    setbacks: tuple[str, ...]
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
    build: Callable[[int], Peers],
    batches: Batches,
    *,
    rows: NDArray[np.int64],
    given: IntArray,
    fold: IntArray,
    num_classes: int,
    settings: AsmSettings,
    accelerator: Accelerator,
    seed: int,
    keep: int = 1,
    anchor: Callable[[NDArray[np.int64]], FloatArray] | None = None,
    checkpoint: Path | None = None,
    progress: Progress = no_progress,
) -> CrossFit:
    """Trains on all folds but one and judges that one, for every fold.

    Args:
        build: Makes new peers from a seed.
        batches: Views of samples by row of the pixel store.
        rows: Rows of the store that are audited, (n,).
        given: Their given labels in [0, K), (n,).
        fold: Their fold in [0, F), (n,).
        num_classes: K.
        settings: The method's numbers, all decided.
        accelerator: Device and precision.
        seed: Fold f trains with ``seed + 1000 * f``.
        keep: Folds whose peers are kept to judge new images.
        anchor: For anchored ASM, places (T,) among the n -> posteriors (T, K) of evidence that saw the labels of these
            places alone, and of each all but its own; None = literal.
        checkpoint: Folder in which the state is kept after every epoch and from which it goes on; or None.
        progress: Told of every epoch.

    Raises:
        TrainingError: Training comes to no numbers, or a checkpoint is damaged or of another run.
    """
    folds = int(fold.max()) + 1
    posteriors = np.full((2, len(rows), num_classes), np.nan, dtype=np.float32)
    partitions = np.zeros((len(rows), len(Partition)), dtype=np.int32)
    histories, losses, setbacks = [], [], []
    judges: list[Peers] = []
    for number in range(folds):
        held = np.flatnonzero(fold == number)
        learned = held if folds == 1 else np.flatnonzero(fold != number)
        if len(held) == 0:  # its rows are copies of others and went to their fold
            continue
        if len(learned) == 0:
            raise TrainingError(
                "all audited pictures are copies of each other: nothing is left to learn from; add others"
            )
        labels = torch.zeros(int(rows.max()) + 1, dtype=torch.long)  # a held-out label is not even passed on
        labels[torch.from_numpy(rows[learned])] = torch.from_numpy(given[learned]).long()
        counts = torch.bincount(torch.from_numpy(given[learned]), minlength=num_classes)
        trainer = Trainer(
            build(seed + 1000 * number),
            batches,
            given=labels,
            train_rows=torch.from_numpy(rows[learned]),
            judge_rows=torch.from_numpy(rows[held]),
            num_classes=num_classes,
            settings=settings,
            accelerator=accelerator,
            seed=seed + 1000 * number,
            anchor=None if anchor is None else torch.from_numpy(anchor(learned)),
            class_weights=class_weights(counts, power=settings.balance) if settings.balance else None,
        )
        run = _fit_or_resume(trainer, number, folds, checkpoint, progress)
        posteriors[0, held], posteriors[1, held] = run.peer1, run.peer2
        partitions[learned] += run.partitions
        histories.append(run.history)
        losses.append(run.losses)
        if run.rolled_back:
            setbacks.append(_setback(_name(number, folds), run.rolled_back, trainer.peak))
        if len(judges) < keep:
            judges.append(run.peers.cpu())
        del trainer, run  # nothing stays on the device, where the next fold needs the room
        accelerator.free_memory()
    history = _join(histories, num_classes)
    return CrossFit(posteriors[0], posteriors[1], partitions, history, losses, tuple(setbacks), tuple(judges))


def _fit_or_resume(
    trainer: Trainer, number: int, folds: int, checkpoint: Path | None, progress: Progress
) -> TrainingRun:
    """Trains one fold, from its last whole epoch where a checkpoint holds one."""
    path = None if checkpoint is None else checkpoint / f"fold-{number + 1}.safetensors"
    if path is not None and path.exists():
        trainer.load_state_dict(load_checkpoint(path))
    name = _name(number, folds)
    progress(Stage(name, trainer.state.epochs_done, trainer.epochs, "epochs"))

    def on_epoch(running: Trainer) -> None:
        if path is not None:
            save_checkpoint(path, running.state_dict())
        progress(Stage(name, running.state.epochs_done, running.epochs, "epochs"))

    return trainer.fit(on_epoch=on_epoch)


def _name(number: int, folds: int) -> str:
    return "training" if folds == 1 else f"fold {number + 1} of {folds}"


def _setback(name: str, rolled_back: list[int], peak: float) -> str:
    several = len(rolled_back) > 1
    where = f"epoch{'s' if several else ''} {', '.join(map(str, rolled_back))}"
    back = "each time it went back to the epoch before" if several else "it went back to the epoch before"
    return f"{name} came to no numbers in {where}; {back} and halved the learning rate, to {peak:g} in the end"


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
