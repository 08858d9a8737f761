"""What every method of a bench is given alike: pixels, folds, networks, epochs, device.

A bed is laid as ``gather_evidence`` lays its own: the same calls with the same seeds give the same folds, the same
features and networks with the same first weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.evidence.device import repeatable
from labelaudit.evidence.features import HeadFeatures, fit_head_features
from labelaudit.evidence.learners import Learners, frozen_features
from labelaudit.evidence.plan import Plan
from labelaudit.evidence.together import prepare_folds
from labelaudit.nets.features import FeatureArray
from labelaudit.pixels.store import PixelStore
from labelaudit.records import FloatArray, IntArray, Progress, no_progress
from labelaudit.settings import Training


@dataclass(frozen=True)
class Bed:
    """Faces under one set of given labels, and what learns from them.

    Attributes:
        store: Pixels of N rows.
        rows: Rows that are audited, (n,), rising.
        test_rows: Rows that nothing learns from, (t,), rising.
        given: Given labels of the audited rows in [0, K), (n,).
        num_classes: K.
        plan: Everything decided.
        cache_dir: The user's cache folder.
        groups: The frozen trunk's features, one (V, N, D_g) array a group.
        components: What made heads' features of them.
        short: The principal components of these, mean over views, (N, H).
        learners: Networks, and what they are shown.
        fold: Fold of each audited row, (n,).
        accelerator: Device and precision.
    """

    store: PixelStore
    rows: NDArray[np.int64]
    test_rows: NDArray[np.int64]
    given: IntArray
    num_classes: int
    plan: Plan
    cache_dir: Path
    groups: list[FeatureArray]
    components: HeadFeatures
    short: FloatArray
    learners: Learners
    fold: IntArray
    accelerator: Accelerator

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        return self.plan.settings.seed

    @property
    def frozen(self) -> bool:
        """Whether networks are heads on a frozen trunk."""
        return self.plan.settings.training is Training.FROZEN

    def labels(self) -> Tensor:
        """Given labels by row of the store, for a trainer; zeros at rows that it does not read."""
        labels = torch.zeros(len(self.store), dtype=torch.long)
        labels[torch.from_numpy(self.rows)] = torch.from_numpy(self.given).long()
        return labels


def lay_bed(
    store: PixelStore,
    *,
    rows: NDArray[np.int64],
    test_rows: NDArray[np.int64],
    given: IntArray,
    num_classes: int,
    plan: Plan,
    cache_dir: Path,
    progress: Progress = no_progress,
) -> Bed:
    """Computes, or finds in the cache, what all methods share.

    Args:
        store: Pixels of N rows.
        rows: Rows that are audited, (n,), rising.
        test_rows: Rows that nothing may learn from, (t,), rising.
        given: Given labels of the audited rows, (n,).
        num_classes: K.
        plan: What to do.
        cache_dir: The user's cache folder, for features.
        progress: Told of features.

    Raises:
        WeightsError: The weights do not fit the network.
        CacheError: Features cannot be cached.
    """
    frozen = plan.settings.training is Training.FROZEN
    with repeatable(plan.device, small=False):
        groups, _ = frozen_features(store, plan, cache_dir, [], progress)
        components = fit_head_features(groups, rows, seed=plan.settings.seed)
        short = components.apply(groups, device=plan.device)  # (V, N, H)
    folds = prepare_folds(
        short if frozen else None,
        store,
        rows=rows,
        given=given,
        num_classes=num_classes,
        plan=plan,
        checkpoint=None,
    )
    return Bed(
        store=store,
        rows=rows,
        test_rows=test_rows,
        given=given,
        num_classes=num_classes,
        plan=plan,
        cache_dir=cache_dir,
        groups=groups,
        components=components,
        short=short.float().mean(dim=0).numpy(),
        learners=Learners(folds.batches, folds.build),
        fold=folds.fold,
        accelerator=folds.accelerator,
    )
