"""Posteriors of trained peers on faces that they did not train on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from labelaudit.asm.answers import JUDGE_BATCH
from labelaudit.asm.peers import Peers
from labelaudit.evidence.baselines.bed import Bed
from labelaudit.evidence.combine import combine_balanced
from labelaudit.evidence.features import view_means
from labelaudit.evidence.gather import Gathered
from labelaudit.evidence.scorer import mean_peers
from labelaudit.records import FloatArray


@torch.no_grad()
def judge_rows(peers: Sequence[Peers], bed: Bed, rows: NDArray[np.int64]) -> FloatArray:
    """Each peer's posterior, the mean over peers of several runs and over plain views, (2, R, K)."""
    for both in peers:
        both.eval().to(bed.accelerator.device)
    parts = [mean_peers(peers, bed.learners.batches, some) for some in torch.split(torch.from_numpy(rows), JUDGE_BATCH)]
    return np.concatenate(parts, axis=1) if len(rows) else np.zeros((2, 0, bed.num_classes), dtype=np.float32)


def judge_test_rows(gathered: Gathered, bed: Bed) -> FloatArray:
    """What a finished audit's model says of the test rows, as ``labelaudit score`` has it.

    Args:
        gathered: The audit's evidence and models.
        bed: What it was gathered on.

    Returns:
        (t, K), rows sum to 1.
    """
    if len(bed.test_rows) == 0:
        return np.zeros((0, bed.num_classes), dtype=np.float32)
    likeness = gathered.ridge.likeness(view_means(bed.groups, bed.test_rows))
    return combine_balanced(
        judge_rows(gathered.judges, bed, bed.test_rows).mean(axis=0),
        gathered.ridge.predict(likeness),
        shares=gathered.ridge.shares.cpu().numpy(),
        frozen=bed.frozen,
    )
