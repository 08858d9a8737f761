"""One fold after the other: peers that learn from all folds but one, and judge that one; with checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from labelaudit.asm.batches import Batches
from labelaudit.asm.checkpoint import load_checkpoint, save_checkpoint
from labelaudit.asm.losses import class_weights
from labelaudit.asm.peers import Peers
from labelaudit.asm.run import TrainingRun
from labelaudit.asm.team import ALONE, Team
from labelaudit.asm.trainer import Trainer
from labelaudit.errors import TrainingError
from labelaudit.records import FloatArray, IntArray, Progress, Stage
from labelaudit.settings import AsmSettings

Anchor = Callable[[NDArray[np.int64]], FloatArray]
"""Places (T,) among the n -> posteriors (T, K) of evidence that saw the labels of these places alone, and of each all
but its own."""


@dataclass(frozen=True)
class Folds:
    """What is trained and judged, fold by fold.

    Attributes:
        build: Makes new peers from a seed.
        batches: Views of samples by row of the pixel store.
        rows: Rows of the store that are audited, (n,).
        given: Their given labels in [0, K), (n,).
        fold: Their fold in [0, F), (n,).
        num_classes: K.
        settings: The method's numbers, all decided.
        accelerator: Device and precision.
        seed: Fold f trains with ``seed + 1000 * f``.
        checkpoint: Folder in which the state is kept after every epoch and from which it goes on; or None.
    """

    build: Callable[[int], Peers]
    batches: Batches
    rows: NDArray[np.int64]
    given: IntArray
    fold: IntArray
    num_classes: int
    settings: AsmSettings
    accelerator: Accelerator
    seed: int
    checkpoint: Path | None = None

    @property
    def count(self) -> int:
        """F."""
        return int(self.fold.max()) + 1

    @property
    def numbers(self) -> list[int]:
        """The folds that hold rows: those of one that is left out are copies of others and went to their fold."""
        return [int(number) for number in np.unique(self.fold)]

    def held(self, number: int) -> NDArray[np.int64]:
        """Places among the n that a fold's peers judge."""
        return np.flatnonzero(self.fold == number)

    def learned(self, number: int) -> NDArray[np.int64]:
        """Places among the n that a fold's peers learn from, and no other; with one fold those that they judge."""
        found = self.held(number) if self.count == 1 else np.flatnonzero(self.fold != number)
        if len(found) == 0:
            raise TrainingError(
                "all audited pictures are copies of each other: nothing is left to learn from; add others"
            )
        return found

    def path(self, number: int) -> Path | None:
        """Where a fold's state is kept."""
        return None if self.checkpoint is None else self.checkpoint / f"fold-{number + 1}.safetensors"

    def saved(self, number: int) -> dict[str, Any] | None:
        """A fold's state as it was kept; None where there is none.

        Raises:
            TrainingError: It is damaged.
        """
        path = self.path(number)
        return load_checkpoint(path) if path is not None and path.exists() else None

    def is_finished(self, saved: dict[str, Any] | None) -> bool:
        """True where there is nothing left to train."""
        return saved is not None and saved["state"]["epochs_done"] == self.settings.epochs

    def train(
        self, number: int, *, anchor: Anchor | None, team: Team = ALONE, progress: Progress
    ) -> tuple[Trainer, TrainingRun]:
        """Trains one fold to the end, from its last whole epoch where a checkpoint holds one.

        Args:
            number: The fold.
            anchor: As in ``cross_fit``; not asked where nothing is left to train.
            team: Processes that train it together.
            progress: Told of every epoch.

        Raises:
            TrainingError: As ``cross_fit``.
        """
        learned, saved, path = self.learned(number), self.saved(number), self.path(number)
        if team.all_say(saved is not None) != (saved is not None):
            raise TrainingError("the processes do not see the same run folder; --out must lie where all can read it")
        labels = torch.zeros(int(self.rows.max()) + 1, dtype=torch.long)  # a held-out label is not even passed on
        labels[torch.from_numpy(self.rows[learned])] = torch.from_numpy(self.given[learned]).long()
        counts = torch.bincount(torch.from_numpy(self.given[learned]), minlength=self.num_classes)
        unasked = anchor is None or self.is_finished(saved)
        balance = self.settings.balance
        trainer = Trainer(
            self.build(self.seed + 1000 * number),
            self.batches,
            given=labels,
            train_rows=torch.from_numpy(self.rows[learned]),
            judge_rows=torch.from_numpy(self.rows[self.held(number)]),
            num_classes=self.num_classes,
            settings=self.settings,
            accelerator=self.accelerator,
            seed=self.seed + 1000 * number,
            anchor=None if unasked or anchor is None else torch.from_numpy(anchor(learned)),
            class_weights=class_weights(counts, power=balance) if balance else None,
            team=team,
        )
        if saved is not None:
            trainer.load_state_dict(saved)
        name = fold_name(number, self.count)
        progress(Stage(name, trainer.state.epochs_done, trainer.epochs, "epochs"))

        def on_epoch(running: Trainer) -> None:
            if path is not None and team.leads:
                save_checkpoint(path, running.state_dict())
            progress(Stage(name, running.state.epochs_done, running.epochs, "epochs"))

        return trainer, trainer.fit(on_epoch=on_epoch)


def fold_name(number: int, folds: int) -> str:
    """What people call the training of a fold."""
    return "training" if folds == 1 else f"fold {number + 1} of {folds}"
