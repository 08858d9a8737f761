"""One training step of both peers on one batch: no I/O, no printing, named parts of the loss as the result.

Only samples in the noisy partition need a strong view, so it is made for them alone and goes through the networks
behind the weak views in the same forward pass: one pass a step, batch statistics over all that is shown, and the
sizes are known on the host beforehand, so the device is never waited for.

A batch may be shared by a team of processes and cut into pieces where memory does not hold it. Losses are divided by
the whole batch's sizes and random numbers are drawn for the whole batch, so the summed gradient is that of the batch in
one piece; but batch statistics, which a piece has for itself. Where memory runs out nothing has been updated: the
step goes back to its beginning, random numbers and running statistics with it, and is done again in smaller pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from labelaudit.asm.anchor import anchored_regularization, anchored_targets
from labelaudit.asm.batches import Batches, sent
from labelaudit.asm.losses import LossParts, supervised_loss, tri_regularization
from labelaudit.asm.mining import Partition
from labelaudit.asm.parts import BatchSizes, Part, Pieces, batch_sizes
from labelaudit.asm.team import ALONE, Team
from labelaudit.nets.dropout import Share, shown_in_part
from labelaudit.nets.memory import free_memory, is_out_of_memory
from labelaudit.settings import AsmSettings


@dataclass(frozen=True)
class _Batch:
    """A whole batch, on the device where not said otherwise; fields as the arguments of ``train_step``."""

    rows: Tensor
    given: Tensor
    partition: Tensor | None
    anchor: Tensor | None
    noisy: Tensor
    """Places of the noisy samples, rising, (S,), on the CPU."""
    sizes: BatchSizes


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
    pieces: Pieces | None = None,
    team: Team = ALONE,
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
        pieces: How this process cuts its part of the batch; made smaller here where memory does not hold it.
        team: Processes that share the batch.

    Returns:
        The loss before the update and its parts, of the whole batch, as tensors that nobody has waited for.

    Raises:
        TrainingError: Memory does not hold even a few samples.
    """
    count = len(rows)
    if partition is None:
        noisy, sizes = rows[:0], BatchSizes(count, (count, 0, 0))
    else:
        noisy, sizes = (partition == int(Partition.NOISY)).nonzero().squeeze(1), batch_sizes(partition)
    batch = _Batch(rows, given, partition, anchor, noisy, sizes)
    mine = team.part(count)
    pieces = Pieces() if pieces is None else pieces
    beginning = _Moment(peers, generator, given.device)

    def losses_of(part: Part) -> LossParts:
        return _losses(
            peers, batches, batch, part, ramp=ramp, settings=settings, class_weights=class_weights, generator=generator
        )

    while True:
        try:
            parts = _sum_gradients(optimizer, mine, pieces, losses_of, beginning, accelerator)
            break
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # only here: inside the handler the traceback holds the tensors
        optimizer.zero_grad(set_to_none=True)
        free_memory()
        pieces.double(len(mine))
        beginning.come_back()
    parts = team.add_up(peers, parts)
    optimizer.step()
    return parts


def _sum_gradients(
    optimizer: torch.optim.Optimizer,
    mine: Part,
    pieces: Pieces,
    losses_of: Callable[[Part], LossParts],
    beginning: _Moment,
    accelerator: Accelerator,
) -> LossParts:
    """Shows a part of the batch in pieces and leaves their gradients behind; gives their summed losses."""
    optimizer.zero_grad(set_to_none=True)
    found: LossParts | None = None
    for number, piece in enumerate(mine.cut(pieces.count)):
        if number:
            beginning.draw_again()
        losses = losses_of(piece)
        accelerator.backward(losses.total)
        found = losses.detached() if found is None else found.plus(losses.detached())
    assert found is not None
    return found


def _losses(
    peers: nn.Module,
    batches: Batches,
    batch: _Batch,
    part: Part,
    *,
    ramp: float,
    settings: AsmSettings,
    class_weights: Tensor | None,
    generator: torch.Generator,
) -> LossParts:
    """What a part of a batch adds to the batch's losses."""
    device, count = batch.given.device, len(part)
    strongly = part.among(batch.noisy)
    noisy = sent(batch.noisy[strongly.rows] - part.start, device)  # places in the part
    taken = batches.take(batch.rows[part.rows])
    shown = batches.weak(taken, generator, part=part)
    if strongly.total:  # also where none is in this part: the generator goes on as for the whole batch
        shown = torch.cat([shown, batches.strong(taken[noisy], generator, part=strongly)])
    with shown_in_part(peers, _share(part, strongly, device)):
        both1, both2 = peers(shown)
    weak1, weak2, given = both1[:count], both2[:count], batch.given[part.rows]
    if batch.partition is None:
        loss = supervised_loss(weak1, weak2, given, class_weights=class_weights).sum() / batch.sizes.total
        zero = torch.zeros_like(loss)
        return LossParts(total=loss, clean=loss, ambiguous=zero, noisy=zero)
    strong1, strong2 = (_scatter(both[count:], noisy, count) for both in (both1, both2))
    placed = sent(batch.partition[part.rows], device)
    if batch.anchor is None:
        return tri_regularization(
            weak1,
            weak2,
            strong1,
            strong2,
            given,
            placed,
            ramp=ramp,
            mutual_weight=settings.mutual_weight,
            consistency_weight=settings.consistency_weight,
            reduction=settings.reduction,
            class_weights=class_weights,
            sizes=batch.sizes,
        )
    return anchored_regularization(
        weak1,
        weak2,
        strong1,
        strong2,
        anchored_targets(given, batch.anchor[part.rows], placed),
        placed,
        ramp=ramp,
        mutual_weight=settings.mutual_weight,
        consistency_weight=settings.consistency_weight,
        class_weights=class_weights,
        sizes=batch.sizes,
    )


def _share(part: Part, strongly: Part, device: torch.device) -> Share | None:
    """Where the shown views of a part are among those of the whole batch, strong views behind all weak ones."""
    if part.is_whole:
        return None
    strong = torch.arange(part.total + strongly.start, part.total + strongly.stop)
    places = torch.cat([torch.arange(part.start, part.stop), strong])
    return Share(sent(places, device), part.total + strongly.total)


def _scatter(strong: Tensor, places: Tensor, count: int) -> Tensor:
    """Puts the noisy samples' strong logits (S, K) at their places in (B, K); the rest is masked by the loss."""
    return strong.new_zeros(count, strong.shape[1]).index_copy(0, places, strong)


class _Moment:
    """The beginning of a step: random numbers and running statistics, to come back to."""

    def __init__(self, peers: nn.Module, generator: torch.Generator, device: torch.device) -> None:
        self._generator = generator
        self._device = device
        self._views = generator.get_state()
        self._dropout = torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
        self._buffers = list(peers.buffers())
        with torch.no_grad():
            self._values = [torch.empty_like(each) for each in self._buffers]
            if self._values:
                torch._foreach_copy_(self._values, self._buffers)  # a few launches where clones take hundreds

    def draw_again(self) -> None:
        """The random numbers of the step once more."""
        self._generator.set_state(self._views)
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(self._dropout, self._device)
        else:
            torch.set_rng_state(self._dropout)

    def come_back(self) -> None:
        """Everything as it was before the step."""
        self.draw_again()
        if self._values:
            with torch.no_grad():
                torch._foreach_copy_(self._buffers, self._values)
