"""One training step of both peers on one batch: no I/O, no printing, named parts of the loss as the result.

Only samples in the noisy partition need a strong view, so it is made for them alone and goes through the networks
behind the weak views in the same forward pass: one pass a step, batch statistics over all that is shown, and the
sizes are known on the host beforehand, so the device is never waited for.
"""

from __future__ import annotations

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from labelaudit.asm.anchor import anchored_regularization, anchored_targets
from labelaudit.asm.batches import Batches
from labelaudit.asm.losses import LossParts, supervised_loss, tri_regularization
from labelaudit.asm.mining import Partition
from labelaudit.settings import AsmSettings


def train_step(
    peers: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Batches,
    *,
    rows: Tensor,
    given: Tensor,
    partition: Tensor | None,
    anchor: Tensor | None,
    ramp: float,
    settings: AsmSettings,
    class_weights: Tensor | None,
    generator: torch.Generator,
    accelerator: Accelerator,
) -> LossParts:
    """Updates both peers on one batch.

    Args:
        peers: A view (B, ...) -> logits of both peers.
        optimizer: Over both peers' weights.
        batches: Views of samples by row.
        rows: Rows of the batch, (B,), on the CPU.
        given: Their given labels, (B,), on the device.
        partition: Their partition, (B,), on the CPU; None in the warm-up.
        anchor: Posteriors that never saw the given labels, (B, K), on the device; None for the literal form.
        ramp: lambda, the share of mutual learning in the ambiguous loss, in [0, 1].
        settings: Weights and reduction of the losses.
        class_weights: (K,) or None.
        generator: Of the views.
        accelerator: Runs the backward pass.

    Returns:
        The loss before the update and its parts, as tensors that nobody has waited for.
    """
    weak = batches.weak(rows, generator)
    if partition is None:
        logits1, logits2 = peers(weak)
        loss = supervised_loss(logits1, logits2, given, class_weights=class_weights).mean()
        zero = torch.zeros_like(loss)
        parts = LossParts(total=loss, clean=loss, ambiguous=zero, noisy=zero)
    else:
        noisy = (partition == int(Partition.NOISY)).nonzero().squeeze(1)
        shown = torch.cat([weak, batches.strong(rows[noisy], generator)]) if len(noisy) else weak
        both1, both2 = peers(shown)
        count = len(rows)
        strong1, strong2 = (_scatter(both[count:], noisy, count) for both in (both1, both2))
        placed = partition.to(given.device)
        if anchor is None:
            parts = tri_regularization(
                both1[:count],
                both2[:count],
                strong1,
                strong2,
                given,
                placed,
                ramp=ramp,
                mutual_weight=settings.mutual_weight,
                consistency_weight=settings.consistency_weight,
                reduction=settings.reduction,
                class_weights=class_weights,
            )
        else:
            parts = anchored_regularization(
                both1[:count],
                both2[:count],
                strong1,
                strong2,
                anchored_targets(given, anchor, placed),
                placed,
                ramp=ramp,
                mutual_weight=settings.mutual_weight,
                consistency_weight=settings.consistency_weight,
                class_weights=class_weights,
            )
    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(parts.total)
    optimizer.step()
    return parts


def _scatter(strong: Tensor, places: Tensor, count: int) -> Tensor:
    """Puts the noisy samples' strong logits (S, K) at their places in (B, K); the rest is masked by the loss."""
    return strong.new_zeros(count, strong.shape[1]).index_copy(0, places.to(strong.device), strong)
