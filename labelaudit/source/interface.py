"""What every source promises: an ordered table of samples, and a way to read one's picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import SampleTable

Picture = bytes | NDArray[np.uint8]
"""An encoded image file, or raw pixels of shape (H, W) grey or (H, W, 3) RGB."""


@runtime_checkable
class LabelSource(Protocol):
    """An ordered table of samples and a way to read one's picture.

    ``read`` is called from several threads at once, mostly in ascending row order within a thread.

    Attributes:
        format: The registered name of the format, such as ``folder`` or ``fer2013``.
        why: The sentence that says why this format was chosen ("list_patition_label.txt found: RAF-DB basic").
        assumed: What was assumed rather than told, one sentence each; printed and stored by the caller.
        table: The samples, in an order that is stable from run to run.
    """

    format: str
    why: str
    assumed: Sequence[str]
    table: SampleTable

    def read(self, row: int) -> Picture:
        """Reads the picture of one row.

        Raises:
            PixelError: The picture is missing or cannot be read; the message says why, without absolute paths.
        """
        ...

    def signature(self) -> str:
        """A cheap hex digest (names, sizes, times) that changes when the pictures may have changed."""
        ...
