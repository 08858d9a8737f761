"""Tri-Regularization: a loss for each partition of a batch, and their weighted sum.

From arXiv 2310.05618, and MAN (Pattern Recognition Letters 164, 2022) where it names no value::

    L           = L_clean + omega * L_ambiguous + gamma * L_noisy
    L_clean     = 0.5 * (CE(p1, y) + CE(p2, y))
    L_ambiguous = (1 - lambda) * L_clean + lambda * 0.5 * (KL(p1 || p2) + KL(p2 || p1))
    L_noisy     = 0.5 * sum over peers of MSE(softmax(strong), softmax(weak))

``p1`` and ``p2`` are the peers' softmax outputs for the weak view, ``lambda`` is ``schedule.ramp_up``, and MSE is the
mean over the K classes.

What the texts leave open, and what is done here: both peers receive the gradient of both divergences; the weak view is
the target of the consistency loss and receives no gradient, so that the strong view is drawn to it and never the other
way round. Everything is computed in float32, whatever autocast says, on whole batches with masks: no shape depends on
the partition, and a GPU is never waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from labelaudit.asm.mining import Partition
from labelaudit.asm.parts import BatchSizes
from labelaudit.settings import Reduction


@dataclass(frozen=True)
class LossParts:
    """The loss of a batch in named parts, scalars on the device.

    Attributes:
        total: What is minimised: ``clean + omega * ambiguous + gamma * noisy``.
        clean, ambiguous, noisy: Each partition's own loss before its weight; 0 where the batch holds none of it.
    """

    total: Tensor
    clean: Tensor
    ambiguous: Tensor
    noisy: Tensor

    def detached(self) -> LossParts:
        """The same without what a backward pass needs."""
        return LossParts(*(each.detach() for each in (self.total, self.clean, self.ambiguous, self.noisy)))

    def plus(self, other: LossParts) -> LossParts:
        """The losses of two parts of a batch together."""
        mine = (self.total, self.clean, self.ambiguous, self.noisy)
        theirs = (other.total, other.clean, other.ambiguous, other.noisy)
        return LossParts(*(one + two for one, two in zip(mine, theirs, strict=True)))


def supervised_loss(logits1: Tensor, logits2: Tensor, target: Tensor, *, class_weights: Tensor | None = None) -> Tensor:
    """Mean of both peers' cross-entropy, a value a sample.

    Args:
        logits1: Peer 1's logits for the weak view, (B, K).
        logits2: Peer 2's.
        target: Class indices int64 (B,), or class probabilities (B, K).
        class_weights: Factor of each class's cross-entropy, (K,); None = 1.

    Returns:
        (B,), float32, >= 0.
    """
    first, second = (
        F.cross_entropy(logits.float(), target, weight=class_weights, reduction="none") for logits in (logits1, logits2)
    )
    return 0.5 * (first + second)


def mutual_loss(
    logits1: Tensor, logits2: Tensor, target: Tensor, *, ramp: float, class_weights: Tensor | None = None
) -> Tensor:
    """Supervised loss that gives way to the peers' agreement as ``ramp`` (lambda) grows, a value a sample.

    Args:
        logits1: Peer 1's logits for the weak view, (B, K).
        logits2: Peer 2's.
        target: Class indices int64 (B,), or class probabilities (B, K).
        ramp: lambda, in [0, 1].
        class_weights: Factor of each class's cross-entropy, (K,); None = 1. The divergences are not weighted.

    Returns:
        (B,), float32, >= 0.
    """
    supervised = supervised_loss(logits1, logits2, target, class_weights=class_weights)
    return (1.0 - ramp) * supervised + ramp * divergence(logits1, logits2)


def divergence(logits1: Tensor, logits2: Tensor) -> Tensor:
    """Half the sum of both KL divergences between the peers, a value a sample.

    Uses ``KL(p1 || p2) + KL(p2 || p1) = sum_k (p1 - p2) * (log p1 - log p2)``.

    Args:
        logits1: The first peer's logits for the weak view, (B, K).
        logits2: The second peer's, (B, K).

    Returns:
        (B,), float32, >= 0.
    """
    log_p1, log_p2 = (F.log_softmax(logits.float(), dim=1) for logits in (logits1, logits2))  # (B, K)
    return 0.5 * ((log_p1.exp() - log_p2.exp()) * (log_p1 - log_p2)).sum(dim=1)


def consistency_loss(strong1: Tensor, strong2: Tensor, weak1: Tensor, weak2: Tensor) -> Tensor:
    """How far each peer's strong view is from its own weak view, a value a sample. The given label is not used.

    Args:
        strong1: Peer 1's logits for the strong view, (B, K).
        strong2: Peer 2's.
        weak1: Peer 1's logits for the weak view, (B, K); a target without gradient.
        weak2: Peer 2's.

    Returns:
        (B,), float32, in [0, 2 / K].
    """
    first, second = (
        (F.softmax(strong.float(), dim=1) - F.softmax(weak.detach().float(), dim=1)).square().mean(dim=1)
        for strong, weak in ((strong1, weak1), (strong2, weak2))
    )
    return 0.5 * (first + second)


def tri_regularization(
    weak1: Tensor,
    weak2: Tensor,
    strong1: Tensor,
    strong2: Tensor,
    target: Tensor,
    partition: Tensor,
    *,
    ramp: float,
    mutual_weight: float = 0.6,
    consistency_weight: float = 1.0,
    reduction: Reduction = Reduction.BATCH,
    class_weights: Tensor | None = None,
    sizes: BatchSizes,
) -> LossParts:
    """The loss of one batch after warm-up, or of a part of one: the parts' losses add up to the batch's.

    Args:
        weak1: Peer 1's logits for the weak view, (B, K).
        weak2: Peer 2's.
        strong1: Peer 1's logits for the strong view, (B, K); those of samples that are not noisy do not matter.
        strong2: Peer 2's.
        target: Class indices int64 (B,), or class probabilities (B, K).
        partition: ``Partition`` of each sample, (B,).
        ramp: lambda, in [0, 1].
        mutual_weight: omega, weight of the ambiguous loss.
        consistency_weight: gamma, weight of the noisy loss.
        reduction: Divide each partition's sum by the batch's size (its weight is then its share of the batch) or by
            the partition's size in the batch.
        class_weights: Factor of each class's cross-entropy, (K,); None = 1.
        sizes: Of the whole batch.
    """
    supervised = supervised_loss(weak1, weak2, target, class_weights=class_weights)
    mutual = mutual_loss(weak1, weak2, target, ramp=ramp, class_weights=class_weights)
    consistency = consistency_loss(strong1, strong2, weak1, weak2)
    clean, ambiguous, noisy = (
        torch.where(partition == part, loss, 0.0).sum() / sizes.divisor(part, reduction)
        for part, loss in zip(Partition, (supervised, mutual, consistency), strict=True)
    )
    total = clean + mutual_weight * ambiguous + consistency_weight * noisy
    return LossParts(total=total, clean=clean, ambiguous=ambiguous, noisy=noisy)


def class_weights(counts: Tensor, *, power: float) -> Tensor:
    """Weights against class imbalance: the inverse share of a class to a power, with mean 1 over the samples.

    ::

        w_k = share_k ^ -power / sum_j share_j ^ (1 - power)

    0 leaves all classes as they are, 1 gives every class the same say, 0.5 lies between.

    Args:
        counts: Training samples a class, (K,), at least one of them above 0.
        power: In [0, 1].

    Returns:
        (K,), float32; 1 for a class without samples, which no loss ever reads.
    """
    share = counts.float() / counts.sum()
    weights = share.clamp(min=1e-12) ** -power
    return torch.where(counts > 0, weights / (share * weights).sum(), 1.0)
