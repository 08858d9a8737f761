"""Work on many samples, as many at a time as the device's memory holds.

What a pass over samples computes of each does not depend on how many go together, so where memory runs out the number
is halved and the pass goes on. A training step is another matter: ``asm.step`` keeps its mathematics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from labelaudit.errors import TrainingError

_SAID = ("out of memory", "ALLOC_FAILED", "DefaultCPUAllocator: can't allocate memory")
"""What CUDA, cuBLAS, cuDNN, Apple's device and the CPU's allocator say where they have no exception of their own."""

_Result = TypeVar("_Result")


def is_out_of_memory(error: BaseException) -> bool:
    """True where an error says that a device's memory, or the host's, does not hold what was asked for."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _SAID)


def free_memory() -> None:
    """Gives back what torch's allocator keeps for later, in pieces that may be too small."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class AtOnce:
    """How many samples go through a network together.

    Args:
        most: Samples to begin with.

    Attributes:
        samples: Samples as it stands; never grows.
    """

    def __init__(self, most: int) -> None:
        self.samples = most

    def over(self, count: int, work: Callable[[slice], _Result]) -> Iterator[tuple[slice, _Result]]:
        """Does work on all samples, some at a time; what memory does not hold is done again by halves.

        Args:
            count: N samples.
            work: Of some rows; doing it again must do no harm.

        Raises:
            TrainingError: Not even a single sample fits.
        """
        start = 0
        while start < count:
            rows = slice(start, min(start + self.samples, count))
            try:
                result = work(rows)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                fitted = False
            else:
                fitted = True
            if fitted:
                start = rows.stop
                yield rows, result
            else:  # only here: inside the handler the traceback holds the tensors
                self._halve(rows.stop - rows.start)

    def _halve(self, failed: int) -> None:
        if failed == 1:
            raise TrainingError("memory does not hold a single picture; lower --size, or choose another --device")
        self.samples = failed // 2
        free_memory()
