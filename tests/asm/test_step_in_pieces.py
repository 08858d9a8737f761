"""A step in pieces, because memory runs out or processes share it, is the step in one piece."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from labelaudit.asm.batches import FeatureBatches
from labelaudit.asm.losses import LossParts
from labelaudit.asm.mining import Partition
from labelaudit.asm.parts import Pieces
from labelaudit.asm.peers import Head, Peers, build_peers
from labelaudit.asm.step import train_step
from labelaudit.asm.team import Team
from labelaudit.errors import TrainingError
from labelaudit.settings import AsmSettings, Reduction

COUNT, WIDTH, CLASSES = 22, 6, 3
PARTITION = (torch.arange(COUNT) % 3).to(torch.uint8)
PARTITION[15:] = Partition.CLEAN  # the last piece holds no noisy sample


class _SmallMemory(Peers):
    """Peers on a device whose memory holds so many views at once."""

    holds = 10**9
    asked: list[int]

    def forward(self, view: Tensor) -> tuple[Tensor, Tensor]:
        self.asked.append(len(view))
        found = super().forward(view)  # running statistics and random numbers have moved when memory runs out
        if len(view) > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return found


@dataclass
class _After:
    """What a step left behind."""

    losses: LossParts
    state: dict[str, Tensor]
    optimizer: Tensor
    views: Tensor
    dropout: Tensor
    asked: list[int]
    pieces: int


def _step(
    accelerator: Accelerator,
    *,
    holds: int = 10**9,
    pieces: int = 1,
    reduction: Reduction = Reduction.BATCH,
    anchored: bool = False,
    normalised: bool = False,
    steps: int = 2,
) -> _After:
    def network() -> nn.Module:
        head = Head(WIDTH, CLASSES)
        return nn.Sequential(nn.BatchNorm1d(WIDTH), head) if normalised else head

    built = build_peers(network, seed=1)
    peers = _SmallMemory(built.peer1, built.peer2)
    peers.holds, peers.asked = holds, []
    optimizer = torch.optim.AdamW(peers.parameters(), lr=0.05)
    source = torch.Generator().manual_seed(0)
    batches = FeatureBatches(torch.randn(2, COUNT, WIDTH, generator=source), device=torch.device("cpu"))
    anchor = torch.rand(COUNT, CLASSES, generator=source).softmax(dim=1) if anchored else None
    generator = torch.Generator().manual_seed(3)
    torch.manual_seed(4)
    cut = Pieces(pieces)
    for _ in range(steps):
        losses = train_step(
            peers.train(),
            optimizer,
            batches,
            rows=torch.arange(COUNT),
            given=torch.arange(COUNT) % CLASSES,
            partition=PARTITION,
            anchor=anchor,
            ramp=0.4,
            settings=AsmSettings(reduction=reduction),
            class_weights=None,
            generator=generator,
            accelerator=accelerator,
            pieces=cut,
        )
    moments = torch.cat([moment["exp_avg"].flatten() for moment in optimizer.state.values()])
    state = {name: value.clone() for name, value in peers.state_dict().items()}
    return _After(losses, state, moments, generator.get_state(), torch.get_rng_state(), peers.asked, cut.count)


def _assert_same(one: _After, two: _After) -> None:
    torch.testing.assert_close(vars(one.losses), vars(two.losses))
    torch.testing.assert_close(one.state, two.state, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one.optimizer, two.optimizer, rtol=1e-4, atol=1e-6)
    assert torch.equal(one.views, two.views)
    assert torch.equal(one.dropout, two.dropout)


@pytest.mark.parametrize("reduction", list(Reduction))
@pytest.mark.parametrize("anchored", [False, True])
def test_where_memory_runs_out_the_step_is_the_same_in_pieces(
    accelerator: Accelerator, reduction: Reduction, anchored: bool
):
    once = _step(accelerator, reduction=reduction, anchored=anchored)
    small = _step(accelerator, holds=8, reduction=reduction, anchored=anchored)
    assert once.asked == [27, 27]  # 22 weak views and 5 strong ones
    assert small.asked == [27, 14, 8, 8, 6, 5, 8, 8, 6, 5]  # halved twice, and from then on in four pieces
    assert small.pieces == 4
    _assert_same(once, small)


def test_a_step_that_is_done_again_moves_nothing_twice(accelerator: Accelerator):
    """Running statistics too: in the same pieces, with memory running out before, they are equal to the bit."""
    known = _step(accelerator, pieces=4, normalised=True, steps=1)
    found_out = _step(accelerator, holds=8, normalised=True, steps=1)
    assert found_out.asked[:2] == [27, 14]
    for name, value in known.state.items():
        assert torch.equal(value, found_out.state[name]), name
    assert torch.equal(known.optimizer, found_out.optimizer)
    assert torch.equal(known.views, found_out.views)
    assert torch.equal(known.dropout, found_out.dropout)


def test_where_hardly_anything_fits_the_step_gives_up(accelerator: Accelerator):
    with pytest.raises(TrainingError, match=r"does not hold a training step on 3 pictures; lower --size"):
        _step(accelerator, holds=1)


@pytest.mark.parametrize("size", [2, 3])
def test_the_gradients_of_a_team_add_up_to_those_of_one_process(
    accelerator: Accelerator, size: int, monkeypatch: pytest.MonkeyPatch
):
    """Each process's gradient by itself, added by hand."""
    whole_step = _gradient(accelerator, Team())
    monkeypatch.setattr(Team, "add_up", _leave)
    parts = [_gradient(accelerator, Team(rank, size)) for rank in range(size)]
    torch.testing.assert_close(sum(parts), whole_step, rtol=1e-4, atol=1e-6)
    assert (parts[0] - parts[1]).abs().max() > 1e-3


def _leave(_team: Team, _peers: nn.Module, parts: LossParts) -> LossParts:
    return parts


def _gradient(accelerator: Accelerator, team: Team) -> Tensor:
    peers = build_peers(lambda: Head(WIDTH, CLASSES), seed=1)
    source = torch.Generator().manual_seed(0)
    batches = FeatureBatches(torch.randn(2, COUNT, WIDTH, generator=source), device=torch.device("cpu"))
    torch.manual_seed(4)
    train_step(
        peers.train(),
        torch.optim.SGD(peers.parameters(), lr=0.0),
        batches,
        rows=torch.arange(COUNT),
        given=torch.arange(COUNT) % CLASSES,
        partition=PARTITION,
        anchor=None,
        ramp=0.4,
        settings=AsmSettings(reduction=Reduction.SUBSET),
        class_weights=None,
        generator=torch.Generator().manual_seed(3),
        accelerator=accelerator,
        team=team,
    )
    return torch.cat([each.grad.flatten() for each in peers.parameters() if each.grad is not None])
