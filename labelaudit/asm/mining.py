"""Sample Mining: an epoch's confidence against its class thresholds gives the partition (arXiv 2310.05618).

::

    confidence >= clean_threshold[y]   -> clean
    confidence <= noisy_threshold[y]   -> noisy
    otherwise                          -> ambiguous

Where both hold (equal thresholds, or a class whose mean confidence is 0) the sample is clean: a label is called wrong
only on evidence against it.
"""

from __future__ import annotations

from enum import IntEnum

import torch
from torch import Tensor

from labelaudit.asm.thresholds import ClassThresholds


class Partition(IntEnum):
    """What one epoch makes of a sample. The verdict of the whole run is another word: ``records.Verdict``."""

    CLEAN = 0
    AMBIGUOUS = 1
    NOISY = 2


def mine(confidence: Tensor, given: Tensor, thresholds: ClassThresholds) -> Tensor:
    """Puts every sample into a ``Partition``.

    Args:
        confidence: Posterior at the given label, (N,), in [0, 1]. NaN, of which nothing is known, is ambiguous.
        given: Class of each sample in [0, K), int64, (N,).
        thresholds: Of the epoch, on the same device.

    Returns:
        ``Partition`` values, uint8, (N,), on the same device.
    """
    clean = confidence >= thresholds.clean[given]  # (N,)
    noisy = (confidence <= thresholds.noisy[given]) & ~clean
    partition = torch.full_like(given, Partition.AMBIGUOUS, dtype=torch.uint8)
    return partition.masked_fill(clean, Partition.CLEAN).masked_fill(noisy, Partition.NOISY)
