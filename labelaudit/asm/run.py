"""What a training run carries from epoch to epoch, and what it knows in the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from labelaudit.asm.mining import Partition
from labelaudit.asm.peers import Peers
from labelaudit.asm.thresholds import ClassThresholds
from labelaudit.records import FloatArray, IntArray
from labelaudit.settings import AsmSettings

RunHistory = list[tuple[int, FloatArray, IntArray]]
"""A mined epoch: epochs done before it; thresholds (3, K): mean, clean, noisy; counts (3, K) a partition."""


@dataclass
class RunState:
    """All that changes while a run goes on; a checkpoint holds this and the networks.

    Attributes:
        epochs_done: Whole epochs behind us.
        judged: Sum of each peer's posteriors over the judged epochs, (2, J, K).
        judged_epochs: How many there were.
        partitions: Mined epochs that each training row spent in each partition, (T, 3).
        history: One entry a mined epoch: thresholds (3, K) of mean, clean, noisy and counts (3, K).
        losses: Mean total loss of each epoch.
        rolled_back: Epochs, from 1, whose numbers broke: each time training went back to the epoch before, and on at
            half the learning rate.
        pieces: Into how many pieces a batch had to be cut in the end, so that memory held them.
    """

    epochs_done: int
    judged: Tensor
    judged_epochs: int
    partitions: Tensor
    history: list[tuple[int, Tensor, Tensor]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    rolled_back: list[int] = field(default_factory=list)
    pieces: int = 1

    def remember(self, partition: Tensor, given: Tensor, thresholds: ClassThresholds) -> None:
        """Keeps what an epoch mined: each training row's partition and its given label, (T,), on the CPU."""
        classes = len(thresholds.clean)
        self.partitions[torch.arange(len(partition)), partition.long()] += 1
        cell = partition.long() * classes + given
        counts = torch.bincount(cell, minlength=len(Partition) * classes).view(len(Partition), -1)
        learned = torch.stack([thresholds.mean_confidence, thresholds.clean, thresholds.noisy]).cpu()
        self.history.append((self.epochs_done, learned, counts.int()))


@dataclass(frozen=True)
class TrainingRun:
    """What a finished run knows.

    Attributes:
        peer1, peer2: Posteriors of the judged rows, (J, K).
        partitions: Mined epochs that each training row spent as clean, ambiguous, noisy, (T, 3).
        history: One entry a mined epoch.
        losses: Mean loss of each epoch.
        rolled_back, pieces: As in ``RunState``.
        peers: The trained networks, in eval mode.
    """

    peer1: FloatArray
    peer2: FloatArray
    partitions: IntArray
    history: RunHistory
    losses: list[float]
    rolled_back: list[int]
    pieces: int
    peers: Peers


def run_identity(settings: AsmSettings, peers: Peers, rows: Sequence[Tensor], *, seed: int, num_classes: int) -> str:
    """Names what must be equal for a saved state to go on: settings, seed, rows, labels and shapes of weights.

    Args:
        settings: The method's numbers.
        peers: The networks.
        rows: Training rows, their labels and judged rows, on the CPU.
        seed: Of everything random.
        num_classes: K.
    """
    shapes = {name: list(value.shape) for name, value in peers.state_dict().items()}
    digest = hashlib.sha256(json.dumps([asdict(settings), seed, num_classes, shapes]).encode())
    for part in rows:
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()
