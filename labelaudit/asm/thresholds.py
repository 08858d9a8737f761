"""Adaptive Threshold Learning: two thresholds a class, renewed each epoch (arXiv 2310.05618).

Our reading of its numbers: with ``mu_k`` the mean confidence of the samples whose given label is k::

    clean_threshold[k] = clean_scale * mu_k        (0.8)
    noisy_threshold[k] = noisy_scale * mu_k        (0.2)

so a class that the peers find hard is judged by what is usual in that class and not by one number for all. With fixed
thresholds the two scales are the thresholds themselves, for every class.

A class without samples takes the mean of the other classes' ``mu``, each class counting once; with no samples at all
``mu`` is 0. It is never NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from labelaudit.settings import ThresholdKind


@dataclass(frozen=True)
class ClassThresholds:
    """The thresholds of one epoch. Each is float32, shape (K,), values in [0, 1].

    Attributes:
        mean_confidence: ``mu``, the mean confidence of each class's given labels.
        clean: At or above it a sample is clean.
        noisy: At or below it a sample is noisy; never above ``clean`` while ``noisy_scale <= clean_scale``.
    """

    mean_confidence: Tensor
    clean: Tensor
    noisy: Tensor


def learn_thresholds(
    confidence: Tensor,
    given: Tensor,
    num_classes: int,
    *,
    kind: ThresholdKind = ThresholdKind.ADAPTIVE,
    clean_scale: float = 0.8,
    noisy_scale: float = 0.2,
) -> ClassThresholds:
    """Learns an epoch's thresholds. Stays on the tensors' device and never waits for it.

    The sums run over an (N, K) membership table, as large as the posterior itself: unlike ``bincount`` and
    ``scatter_add`` that neither synchronises a GPU nor depends on the order in which its threads add.

    Args:
        confidence: Posterior at the given label, (N,), in [0, 1].
        given: Class of each sample in [0, K), int64, (N,).
        num_classes: K.
        kind: Adaptive, or the two scales themselves as fixed thresholds.
        clean_scale: In [0, 1].
        noisy_scale: In [0, 1], at most ``clean_scale``.
    """
    classes = torch.arange(num_classes, device=given.device)
    member = given.unsqueeze(1) == classes  # (N, K)
    count = member.sum(dim=0)  # (K,)
    total = torch.where(member, confidence.float().unsqueeze(1), 0.0).sum(dim=0)  # (K,)
    mean = total / count.clamp(min=1)  # (K,), 0 where empty
    filled = count > 0
    mean = torch.where(filled, mean, mean.sum() / filled.sum().clamp(min=1))
    basis = mean if kind is ThresholdKind.ADAPTIVE else torch.ones_like(mean)
    return ClassThresholds(mean_confidence=mean, clean=clean_scale * basis, noisy=noisy_scale * basis)
