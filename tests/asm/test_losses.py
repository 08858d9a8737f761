from __future__ import annotations

import math

import pytest
import torch

from labelaudit.asm.losses import (
    class_weights,
    consistency_loss,
    mutual_loss,
    supervised_loss,
    tri_regularization,
)
from labelaudit.asm.mining import Partition
from labelaudit.asm.parts import batch_sizes
from labelaudit.settings import Reduction

# Logits whose softmax is known: log p, up to a constant.
P_3_1 = torch.tensor([[math.log(3.0), 0.0]])  # (0.75, 0.25)
P_1_1 = torch.tensor([[5.0, 5.0]])  # (0.5, 0.5)
CE_3_1 = -math.log(0.75)
CE_1_1 = math.log(2.0)
# KL(p||q) + KL(q||p) of (.75, .25) and (.5, .5) = .25 * ln(.75/.5) - .25 * ln(.25/.5) = .25 * ln 3
JEFFREYS = 0.25 * math.log(3.0)
FIRST = torch.tensor([0])


def test_supervised_loss_is_the_mean_of_both_cross_entropies():
    assert supervised_loss(P_3_1, P_1_1, FIRST).tolist() == pytest.approx([0.5 * (CE_3_1 + CE_1_1)])


def test_supervised_loss_takes_class_weights_and_soft_targets():
    weights = torch.tensor([2.0, 0.5])
    assert supervised_loss(P_3_1, P_3_1, FIRST, class_weights=weights).tolist() == pytest.approx([2.0 * CE_3_1])
    soft = torch.tensor([[0.6, 0.4]])
    expected = 0.6 * -math.log(0.75) + 0.4 * -math.log(0.25)
    assert supervised_loss(P_3_1, P_3_1, soft).tolist() == pytest.approx([expected])


def test_mutual_loss_goes_from_supervision_to_agreement():
    supervised = 0.5 * (CE_3_1 + CE_1_1)
    assert mutual_loss(P_3_1, P_1_1, FIRST, ramp=0.0).tolist() == pytest.approx([supervised])
    assert mutual_loss(P_3_1, P_1_1, FIRST, ramp=1.0).tolist() == pytest.approx([0.5 * JEFFREYS])
    expected = 0.7 * supervised + 0.3 * 0.5 * JEFFREYS
    assert mutual_loss(P_3_1, P_1_1, FIRST, ramp=0.3).tolist() == pytest.approx([expected])
    assert mutual_loss(P_3_1, P_3_1, FIRST, ramp=1.0).tolist() == pytest.approx([0.0])


def test_mutual_loss_moves_both_peers():
    first, second = P_3_1.clone().requires_grad_(), P_1_1.clone().requires_grad_()
    mutual_loss(first, second, FIRST, ramp=1.0).sum().backward()
    assert first.grad is not None and first.grad.abs().sum() > 0
    assert second.grad is not None and second.grad.abs().sum() > 0


def test_consistency_loss_is_half_the_sum_of_mean_squared_differences():
    # peer 1: (.25^2 + .25^2) / 2 = .0625; peer 2: 0
    assert consistency_loss(P_3_1, P_1_1, P_1_1, P_1_1).tolist() == pytest.approx([0.5 * 0.0625])


def test_only_the_strong_view_learns_from_consistency():
    strong, weak = P_3_1.clone().requires_grad_(), P_1_1.clone().requires_grad_()
    consistency_loss(strong, strong, weak, weak).sum().backward()
    assert strong.grad is not None and strong.grad.abs().sum() > 0
    assert weak.grad is None


def test_losses_of_bfloat16_logits_are_float32():
    low, high = P_3_1.bfloat16(), P_3_1.bfloat16().float()
    with torch.autocast("cpu", torch.bfloat16):
        for found, expected in (
            (supervised_loss(low, low, FIRST), supervised_loss(high, high, FIRST)),
            (mutual_loss(low, low, FIRST, ramp=0.5), mutual_loss(high, high, FIRST, ramp=0.5)),
            (consistency_loss(low, low, P_1_1, P_1_1), consistency_loss(high, high, P_1_1, P_1_1)),
        ):
            assert found.dtype == torch.float32
            assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("reduction", "shares"),
    [(Reduction.BATCH, (2 / 4, 1 / 4, 1 / 4)), (Reduction.SUBSET, (1.0, 1.0, 1.0))],
)
def test_each_partition_trains_by_its_own_loss(reduction: Reduction, shares: tuple[float, float, float]):
    weak1, weak2, strong = P_3_1.repeat(4, 1), P_1_1.repeat(4, 1), P_3_1.repeat(4, 1)
    partition = torch.tensor([Partition.CLEAN, Partition.NOISY, Partition.CLEAN, Partition.AMBIGUOUS])
    found = tri_regularization(
        weak1,
        weak2,
        strong,
        strong,
        torch.tensor([0, 1, 0, 0]),  # the noisy sample's label must not matter
        partition,
        ramp=0.4,
        mutual_weight=0.6,
        consistency_weight=2.0,
        reduction=reduction,
        sizes=batch_sizes(partition),
    )
    supervised = 0.5 * (CE_3_1 + CE_1_1)
    clean = shares[0] * supervised
    ambiguous = shares[1] * (0.6 * supervised + 0.4 * 0.5 * JEFFREYS)
    noisy = shares[2] * 0.5 * 0.0625
    assert found.clean.item() == pytest.approx(clean)
    assert found.ambiguous.item() == pytest.approx(ambiguous)
    assert found.noisy.item() == pytest.approx(noisy)
    assert found.total.item() == pytest.approx(clean + 0.6 * ambiguous + 2.0 * noisy)


@pytest.mark.parametrize("reduction", list(Reduction))
def test_an_empty_partition_costs_nothing(reduction: Reduction):
    partition = torch.tensor([Partition.CLEAN])
    sizes = batch_sizes(partition)
    found = tri_regularization(P_3_1, P_1_1, P_3_1, P_1_1, FIRST, partition, ramp=0.5, reduction=reduction, sizes=sizes)
    assert found.ambiguous.item() == 0.0
    assert found.noisy.item() == 0.0
    assert found.total.item() == found.clean.item()


def test_class_weights_have_mean_one_over_the_samples():
    counts = torch.tensor([90, 10, 0])
    full = class_weights(counts, power=1.0)
    # 1 / share = 10/9 and 10; their mean over the samples is .9 * 10/9 + .1 * 10 = 2
    torch.testing.assert_close(full, torch.tensor([10 / 18, 5.0, 1.0]))
    torch.testing.assert_close(class_weights(counts, power=0.0), torch.ones(3))
    half = class_weights(counts, power=0.5)
    assert (half[1] / half[0]).item() == pytest.approx(3.0)  # sqrt(90 / 10)
    assert (0.9 * half[0] + 0.1 * half[1]).item() == pytest.approx(1.0)
