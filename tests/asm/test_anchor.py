from __future__ import annotations

import math

import pytest
import torch

from labelaudit.asm.anchor import anchored_regularization, anchored_targets
from labelaudit.asm.mining import Partition
from labelaudit.asm.parts import BatchSizes, batch_sizes

# Logits whose softmax is known: log p, up to a constant.
P_3_1 = torch.tensor([[math.log(3.0), 0.0]])  # (0.75, 0.25)
P_1_1 = torch.tensor([[5.0, 5.0]])  # (0.5, 0.5)
JEFFREYS = 0.25 * math.log(3.0)  # KL(p||q) + KL(q||p) of the two
EVERY_PARTITION = torch.tensor([Partition.CLEAN, Partition.AMBIGUOUS, Partition.NOISY], dtype=torch.uint8)


def test_a_partition_trusts_the_given_label_as_far_as_it_says():
    given = torch.tensor([0, 1, 1])
    anchor = torch.tensor([[0.2, 0.8], [0.6, 0.4], [0.6, 0.4]])
    found = anchored_targets(given, anchor, EVERY_PARTITION)
    expected = torch.tensor(
        [
            [0.5 * 1 + 0.5 * 0.2, 0.5 * 0.8],
            [0.5 * 0.6, 0.5 * 1 + 0.5 * 0.4],
            [0.9 * 0.6, 0.1 * 1 + 0.9 * 0.4],
        ]
    )
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))


def test_every_partition_learns_its_target_and_adds_a_loss_of_its_own():
    target = torch.tensor([[0.92, 0.08], [0.3, 0.7], [0.54, 0.46]])
    found = anchored_regularization(
        P_3_1.repeat(3, 1),
        P_1_1.repeat(3, 1),
        P_1_1.repeat(3, 1),  # the strong view is far from peer 1's weak view, and at peer 2's
        P_1_1.repeat(3, 1),
        target,
        EVERY_PARTITION,
        ramp=0.4,
        mutual_weight=0.6,
        consistency_weight=2.0,
        sizes=batch_sizes(EVERY_PARTITION),
    )
    first = [-t[0] * math.log(0.75) - t[1] * math.log(0.25) for t in target.tolist()]
    supervised = sum(0.5 * (one + math.log(2.0)) for one in first) / 3
    mutual = 0.4 * 0.5 * JEFFREYS / 3
    noisy = 0.5 * 0.0625 / 3
    assert found.clean.item() == pytest.approx(supervised)
    assert found.ambiguous.item() == pytest.approx(mutual)
    assert found.noisy.item() == pytest.approx(noisy)
    assert found.total.item() == pytest.approx(supervised + 0.6 * mutual + 2.0 * noisy)


def test_class_weights_weigh_the_targets_classes():
    target = torch.tensor([[0.6, 0.4]])
    found = anchored_regularization(
        P_3_1,
        P_3_1,
        P_3_1,
        P_3_1,
        target,
        torch.tensor([Partition.CLEAN]),
        ramp=0.4,
        mutual_weight=0.6,
        consistency_weight=1.0,
        class_weights=torch.tensor([2.0, 0.5]),
        sizes=BatchSizes(1, (1, 0, 0)),
    )
    expected = 2.0 * 0.6 * -math.log(0.75) + 0.5 * 0.4 * -math.log(0.25)
    assert found.total.item() == pytest.approx(expected)
