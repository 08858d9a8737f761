"""A part of a batch: what one process shows of a global batch, or what fits into memory at a time.

Random numbers are drawn for the whole batch and cut, and losses are divided by the whole batch's sizes, so it makes no
difference to a step in how many parts its batch is shown, nor by how many processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from labelaudit.asm.mining import Partition
from labelaudit.errors import TrainingError
from labelaudit.settings import Reduction


@dataclass(frozen=True)
class Part:
    """Consecutive samples of a whole batch.

    Attributes:
        start, stop: The samples.
        total: Samples of the whole batch.
    """

    start: int
    stop: int
    total: int

    @property
    def rows(self) -> slice:
        """Where they are in the batch."""
        return slice(self.start, self.stop)

    @property
    def is_whole(self) -> bool:
        """True where nothing is missing."""
        return self.stop - self.start == self.total

    def __len__(self) -> int:
        return self.stop - self.start

    def cut(self, pieces: int) -> Iterator[Part]:
        """Cuts it into pieces that differ by at most one sample, the longer ones first."""
        size, longer = divmod(len(self), pieces)
        start = self.start
        for piece in range(pieces):
            stop = start + size + (piece < longer)
            yield Part(start, stop, self.total)
            start = stop

    def among(self, places: Tensor) -> Part:
        """The part's samples among chosen ones of the batch, whose places (S,) rise."""
        ends = torch.tensor([self.start, self.stop])
        first, last = torch.searchsorted(places, ends).tolist()
        return Part(first, last, len(places))


def whole(count: int) -> Part:
    """A whole batch of some samples."""
    return Part(0, count, count)


@dataclass(frozen=True)
class BatchSizes:
    """What the losses of a whole batch are divided by.

    Attributes:
        total: Samples of the batch.
        partition: Samples of each ``Partition`` in the batch.
    """

    total: int
    partition: tuple[int, int, int]

    def divisor(self, part: Partition, reduction: Reduction) -> int:
        """What the sum of a partition's losses is divided by, at least 1."""
        return max(self.partition[part], 1) if reduction is Reduction.SUBSET else self.total


def batch_sizes(partition: Tensor) -> BatchSizes:
    """Counts a whole batch's partitions, (B,), on the CPU."""
    clean, ambiguous, noisy = torch.bincount(partition, minlength=len(Partition)).tolist()
    return BatchSizes(len(partition), (clean, ambiguous, noisy))


@dataclass
class Pieces:
    """Into how many pieces a process cuts what it shows of a batch, so that memory holds each.

    Attributes:
        count: As it stands; never shrinks.
    """

    count: int = 1

    def double(self, shown: int) -> None:
        """Makes the pieces half as large.

        Args:
            shown: Samples of the batch that were cut.

        Raises:
            TrainingError: They would be of a single sample, from which batch normalisation cannot learn.
        """
        if shown < 4 * self.count:
            raise TrainingError(
                f"memory does not hold a training step on {-(-shown // self.count)} pictures; "
                "lower --size, or choose another --backbone or --device, and go on with --resume"
            )
        self.count *= 2
