"""Anchored ASM (ours): mining and targets lean on evidence that has not seen the label.

Taken literally, ASM mines by the confidence of networks that train on the very labels they judge, so what they have
memorised confirms itself; and what it mines as ambiguous or noisy mostly stops teaching the classes. On ten-vote faces
that costs accuracy against plain cross-entropy. Where an *anchor* exists, a posterior r_i of a model that never saw
label y_i (leave-one-out ridge on the frozen trunk), two things change:

- the confidence that thresholds and mining look at is the mean of the peers' and the anchor's;
- every partition goes on teaching, by a target that trusts the given label as far as the partition does::

    t_i = kappa * onehot(y_i) + (1 - kappa) * r_i,   kappa = 0.5 (clean), 0.5 (ambiguous), 0.1 (noisy)
    L   = mean over the batch of  CE(t_i) + omega * lambda * JKL_i [ambiguous] + gamma * MSE_i [noisy]

with CE the peers' mean cross-entropy, JKL half the sum of both divergences between the peers, and MSE the consistency
of strong and weak view, each as in ``losses``. ``examples/benchmarks`` compares this with the literal form and with
plain cross-entropy on the same features and folds.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from labelaudit.asm.losses import LossParts, consistency_loss, divergence, supervised_loss
from labelaudit.asm.mining import Partition
from labelaudit.asm.parts import BatchSizes
from labelaudit.nets.inputs import constant

KEEP = {Partition.CLEAN: 0.5, Partition.AMBIGUOUS: 0.5, Partition.NOISY: 0.1}
"""kappa: how far each partition's given labels are trusted. Half for clean ones too: the anchor agrees with most of
them, and says of each what else it looks like. (A fine-tuned network, one half of 8,000 one-vote faces judged by the
other, a draw that no figure is reported on: average precision 0.745 by given labels alone, 0.765 with 0.9, 0.776 with
0.5; heads on frozen features do not care.)"""


def anchored_targets(given: Tensor, anchor: Tensor, partition: Tensor) -> Tensor:
    """Soft targets of a batch.

    Args:
        given: Class indices, (B,).
        anchor: Posteriors that never saw the labels, (B, K).
        partition: ``Partition`` of each sample, (B,).

    Returns:
        (B, K), rows sum to 1.
    """
    table = constant(tuple(KEEP[part] for part in Partition), given.device)
    keep = table[partition.long()][:, None]  # (B, 1)
    return keep * F.one_hot(given, anchor.shape[1]) + (1.0 - keep) * anchor


def anchored_regularization(
    weak1: Tensor,
    weak2: Tensor,
    strong1: Tensor,
    strong2: Tensor,
    target: Tensor,
    partition: Tensor,
    *,
    ramp: float,
    mutual_weight: float,
    consistency_weight: float,
    class_weights: Tensor | None = None,
    sizes: BatchSizes,
) -> LossParts:
    """The loss of one batch after warm-up, with soft targets; or of a part of one, whose losses add up to the batch's.

    Args:
        weak1: The first peer's logits for the weak view, (B, K).
        weak2: The second peer's, (B, K).
        strong1: The first peer's logits for the strong view, (B, K); only noisy samples' are read.
        strong2: The second peer's, (B, K).
        target: From ``anchored_targets``, (B, K).
        partition: ``Partition`` of each sample, (B,).
        ramp: lambda, in [0, 1].
        mutual_weight: omega.
        consistency_weight: gamma.
        class_weights: Factor of each class's cross-entropy, (K,); None = 1.
        sizes: Of the whole batch.

    Returns:
        The total and its parts; ``clean`` is the cross-entropy of the whole batch, which every partition shares, and
        ``ambiguous`` holds lambda but not omega.
    """
    supervised = supervised_loss(weak1, weak2, target, class_weights=class_weights)
    mutual = torch.where(partition == Partition.AMBIGUOUS, ramp * divergence(weak1, weak2), 0.0).sum() / sizes.total
    consistency = consistency_loss(strong1, strong2, weak1, weak2)
    noisy = torch.where(partition == Partition.NOISY, consistency, 0.0).sum() / sizes.total
    clean = supervised.sum() / sizes.total
    return LossParts(clean + mutual_weight * mutual + consistency_weight * noisy, clean, mutual, noisy)
