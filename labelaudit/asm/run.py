"""What a training run carries from epoch to epoch, and what it knows in the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from labelaudit.asm.peers import Peers
from labelaudit.records import FloatArray, IntArray

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
    """

    epochs_done: int
    judged: Tensor
    judged_epochs: int
    partitions: Tensor
    history: list[tuple[int, Tensor, Tensor]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    rolled_back: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class TrainingRun:
    """What a finished run knows.

    Attributes:
        peer1, peer2: Posteriors of the judged rows, (J, K).
        partitions: Mined epochs that each training row spent as clean, ambiguous, noisy, (T, 3).
        history: One entry a mined epoch.
        losses: Mean loss of each epoch.
        rolled_back: As in ``RunState``.
        peers: The trained networks, in eval mode.
    """

    peer1: FloatArray
    peer2: FloatArray
    partitions: IntArray
    history: RunHistory
    losses: list[float]
    rolled_back: list[int]
    peers: Peers
