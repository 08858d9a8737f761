from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from labelaudit.asm.losses import LossParts, supervised_loss
from labelaudit.asm.mining import Partition
from labelaudit.asm.parts import Part
from labelaudit.asm.peers import Peers
from labelaudit.asm.step import train_step
from labelaudit.settings import AsmSettings

ROWS = torch.tensor([3, 0, 2])
GIVEN = torch.tensor([0, 1, 1])
CLEAN, AMBIGUOUS, NOISY = (torch.full((3,), part, dtype=torch.uint8) for part in Partition)


class _Shift(nn.Module):
    """A network that can be calculated by hand: its logits are the view plus a bias that it learns."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([bias, 0.0]))

    def forward(self, view: Tensor) -> Tensor:
        return view + self.bias


class _Views:
    """Views by row whose logits are known; remembers whom it was asked for a strong one."""

    weak_logits = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 2.0], [math.log(3.0), 0.0]])
    strong_logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def expect(self, rows: Tensor) -> None:
        pass

    def take(self, rows: Tensor) -> Tensor:
        return rows

    def weak(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        return self.weak_logits[taken]

    def strong(self, taken: Tensor, generator: torch.Generator, *, part: Part | None = None) -> Tensor:
        self.asked.append(taken.tolist())
        return self.strong_logits[taken]

    def plain(self, rows: Tensor) -> Sequence[Tensor]:
        return [self.weak_logits[rows]]


def _step(
    accelerator: Accelerator,
    partition: Tensor | None,
    *,
    given: Tensor = GIVEN,
    anchor: Tensor | None = None,
    ramp: float = 0.4,
    settings: AsmSettings | None = None,
) -> tuple[LossParts, Tensor, list[list[int]]]:
    """One step of plain gradient descent; gives the loss, both biases afterwards, and who was shown strongly."""
    peers = Peers(_Shift(0.0), _Shift(0.5))
    optimizer = torch.optim.SGD(peers.parameters(), lr=1.0)
    views = _Views()
    parts = train_step(
        peers,
        optimizer,
        views,
        rows=ROWS,
        given=given,
        partition=partition,
        anchor=anchor,
        ramp=ramp,
        settings=settings or AsmSettings(),
        class_weights=None,
        generator=torch.Generator(),
        accelerator=accelerator,
    )
    return parts, torch.cat([peers.peer1.bias, peers.peer2.bias]).detach(), views.asked


def test_warm_up_minimises_the_supervised_loss(accelerator: Accelerator):
    parts, biases, asked = _step(accelerator, None)
    weak = _Views.weak_logits[ROWS]
    expected = supervised_loss(weak, weak + torch.tensor([0.5, 0.0]), GIVEN).mean()
    assert parts.total.item() == pytest.approx(expected.item())
    assert asked == []
    # the gradient of a peer's bias is half the mean of softmax - onehot, and the rate is 1
    gradient = 0.5 * (weak.softmax(dim=1) - torch.eye(2)[GIVEN]).mean(dim=0)
    torch.testing.assert_close(biases[:2], -gradient)


def test_a_clean_batch_learns_as_in_the_warm_up(accelerator: Accelerator):
    warm, warm_biases, _ = _step(accelerator, None)
    mined, mined_biases, asked = _step(accelerator, CLEAN)
    assert mined.total.item() == warm.total.item()
    assert torch.equal(mined_biases, warm_biases)
    assert asked == []


def test_a_noisy_batch_does_not_read_its_labels(accelerator: Accelerator):
    parts, biases, _ = _step(accelerator, NOISY)
    other, other_biases, _ = _step(accelerator, NOISY, given=1 - GIVEN)
    assert parts.total.item() == other.total.item() > 0.0
    assert torch.equal(biases, other_biases)
    assert not torch.equal(biases, torch.tensor([0.0, 0.0, 0.5, 0.0]))


def test_only_noisy_samples_are_shown_strongly_and_stand_where_they_belong(accelerator: Accelerator):
    partition = torch.tensor([Partition.CLEAN, Partition.NOISY, Partition.AMBIGUOUS], dtype=torch.uint8)
    parts, _, asked = _step(accelerator, partition)
    assert asked == [[0]]
    # row 0: weak (0, 0) and strong (2, 0) for peer 1, both plus (0.5, 0) for peer 2
    moved = [_probability(2.0) - 0.5, _probability(2.5) - _probability(0.5)]
    assert parts.noisy.item() == pytest.approx(0.5 * (moved[0] ** 2 + moved[1] ** 2) / 3)


def test_anchored_targets_by_hand(accelerator: Accelerator):
    partition = torch.tensor([Partition.CLEAN, Partition.AMBIGUOUS, Partition.NOISY], dtype=torch.uint8)
    anchor = torch.tensor([[0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    settings = AsmSettings(mutual_weight=0.6, consistency_weight=2.0)
    parts, _, asked = _step(accelerator, partition, anchor=anchor, settings=settings)
    assert asked == [[2]]
    # target at class 0: .5 + .5 * .2; .5 * .6; .9 * .7. Differences of the logits: row 3, 0 and 2, peer 2 plus .5
    target = [0.6, 0.3, 0.63]
    weak = [math.log(3.0), 0.0, -1.5]
    peers = [[_probability(each) for each in weak], [_probability(each + 0.5) for each in weak]]
    supervised = sum(
        -t * math.log(p) - (1 - t) * math.log(1 - p) for peer in peers for t, p in zip(target, peer, strict=True)
    )
    p, q = peers[0][1], peers[1][1]
    jeffreys = (p - q) * (math.log(p / q) - math.log((1 - p) / (1 - q)))
    strong = [_probability(1.0), _probability(1.5)]
    moved = [strong[0] - peers[0][2], strong[1] - peers[1][2]]
    consistency = 0.5 * (moved[0] ** 2 + moved[1] ** 2)
    expected = 0.5 * supervised / 3 + 0.6 * 0.4 * 0.5 * jeffreys / 3 + 2.0 * consistency / 3
    assert parts.total.item() == pytest.approx(expected, rel=1e-5)


def _probability(difference: float) -> float:
    """Softmax at class 0 of two logits that differ by this much; of two classes the mean square is the square."""
    return 1.0 / (1.0 + math.exp(-difference))
