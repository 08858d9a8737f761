"""About how long an audit takes: a rough product, meant to tell minutes from hours.

The formula::

seconds = rows * (features + training * folds / 5) * 2 / cores          on a CPU, frozen trunk
seconds = rows * training * folds / 5                                   on a GPU, fine-tuned
"""

from __future__ import annotations

import os
from dataclasses import dataclass

_FOLDS = 5
_CORES = 2

_CPU_FEATURE_SECONDS = 0.0085
"""A face on two cores: features of the small face trunk, two views, and its share of the ridge (8,000 in 67 s)."""

_CPU_TRAINING_SECONDS = 0.019
"""A face on two cores: two heads in five folds (8,000 in 150 s)."""

_GPU_TRAINING_SECONDS = 0.02
"""A face: two fine-tuned ResNet-18 in five folds. An assumption about a mid-range GPU, not a measurement."""


@dataclass(frozen=True)
class AuditTime:
    """About how long an audit takes.

    Attributes:
        cpu_seconds: Frozen trunk on this machine's cores.
        gpu_seconds: Fine-tuned on one mid-range GPU.
    """

    cpu_seconds: float
    gpu_seconds: float


def estimate_time(rows: int, *, folds: int | None = None, cores: int | None = None) -> AuditTime:
    """Says about how long an audit takes.

    Args:
        rows: Readable samples.
        folds: Parts of the cross-fitting; None = five.
        cores: Of the CPU; None = this machine's.
    """
    share = (folds or _FOLDS) / _FOLDS
    slowness = _CORES / (cores or os.cpu_count() or 1)
    return AuditTime(
        cpu_seconds=round(rows * (_CPU_FEATURE_SECONDS + _CPU_TRAINING_SECONDS * share) * slowness, 1),
        gpu_seconds=round(rows * _GPU_TRAINING_SECONDS * share, 1),
    )
