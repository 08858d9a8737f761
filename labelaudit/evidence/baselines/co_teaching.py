"""Co-teaching: two networks that each choose the samples of small loss for the other.

Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels", NeurIPS 2018. In epoch
T, from 1, of every batch each network keeps the share

    R(T) = 1 - tau * min(T / T_k, 1)

with the smallest loss and hands it to the other, which learns from that alone. The paper takes tau from the known share
of noise, which nobody knows here: it is a fixed number. T_k is the audit's warm-up.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from labelaudit.asm.schedule import one_cycle
from labelaudit.asm.trainer import JUDGED_SHARE
from labelaudit.evidence.baselines.bed import Bed
from labelaudit.evidence.baselines.judging import judge_rows
from labelaudit.evidence.baselines.single_run import SingleRun
from labelaudit.evidence.device import repeatable

FORGOTTEN = 0.2
"""tau: the largest share of a batch that is left out."""


def kept_share(epoch: int, *, rise: int, forgotten: float = FORGOTTEN) -> float:
    """R(T), in (0, 1].

    Args:
        epoch: T, from 1.
        rise: T_k.
        forgotten: tau.
    """
    return 1.0 - forgotten * min(epoch / rise, 1.0)


def exchange_loss(logits1: Tensor, logits2: Tensor, given: Tensor, *, kept: float) -> Tensor:
    """Sum of both networks' mean cross-entropy on what the other one kept, a scalar.

    Args:
        logits1: Network 1's, (B, K).
        logits2: Network 2's.
        given: In [0, K), (B,).
        kept: R, the share of the batch that is kept; at least one sample is.
    """
    loss1, loss2 = (F.cross_entropy(logits.float(), given, reduction="none") for logits in (logits1, logits2))
    count = max(1, round(kept * len(given)))
    first, second = (loss.detach().topk(count, largest=False).indices for loss in (loss1, loss2))
    return loss1[second].mean() + loss2[first].mean()


def co_teach(bed: Bed) -> SingleRun:
    """Trains both networks on all audited rows, with the audit's epochs, batches and learning rate."""
    with repeatable(bed.plan.device, small=bed.frozen):
        return _co_teach(bed)


def _co_teach(bed: Bed) -> SingleRun:
    settings = bed.plan.settings.asm
    epochs, warm_up, batch, peak = settings.epochs, settings.warm_up, settings.batch, settings.learning_rate
    assert epochs and warm_up and batch and peak
    raw = bed.learners.build(bed.seed)
    optimizer = torch.optim.AdamW(raw.parameters(), lr=peak, weight_decay=settings.weight_decay)
    peers, optimizer = bed.accelerator.prepare(raw, optimizer)
    batches, device = bed.learners.batches, bed.accelerator.device
    rows, given = torch.from_numpy(bed.rows), torch.from_numpy(bed.given).long().to(device)
    steps = -(-len(rows) // batch)
    judged = np.concatenate([bed.rows, bed.test_rows])
    last = max(1, round(JUDGED_SHARE * epochs))
    total = np.zeros((2, len(judged), bed.num_classes), dtype=np.float32)
    for epoch in range(epochs):
        number = int(np.random.SeedSequence([bed.seed, epoch]).generate_state(1)[0])
        torch.manual_seed(number)
        generator = torch.Generator(device).manual_seed(number)
        order = torch.from_numpy(np.random.default_rng([bed.seed, epoch]).permutation(len(rows)))
        kept = kept_share(epoch + 1, rise=warm_up)
        peers.train()
        for step, chosen in enumerate(order.tensor_split(steps)):
            for group in optimizer.param_groups:
                group["lr"] = one_cycle(epoch * steps + step, epochs * steps, peak=peak)
            shown = batches.weak(batches.take(rows[chosen]), generator)
            logits1, logits2 = peers(shown)
            loss = exchange_loss(logits1, logits2, given[chosen.to(device)], kept=kept)
            optimizer.zero_grad(set_to_none=True)
            bed.accelerator.backward(loss)
            optimizer.step()
        if epoch >= epochs - last:
            total += judge_rows([raw], bed, judged)
    if not bed.frozen:
        bed.accelerator.free_memory()
    posterior = (total / last).mean(axis=0)
    return SingleRun(posterior[: len(rows)], posterior[len(rows) :])
