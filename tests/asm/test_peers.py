from __future__ import annotations

import torch
from torch import nn

from labelaudit.asm.peers import HIDDEN, Head, Peers, build_peers


def _states_equal(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_peers_start_from_different_weights_that_the_seed_alone_decides():
    peers, again, other = (build_peers(lambda: Head(4, 3), seed=seed) for seed in (11, 11, 12))
    assert not _states_equal(peers.peer1, peers.peer2)
    assert _states_equal(peers, again)
    assert not _states_equal(peers.peer1, other.peer1)


def test_building_peers_leaves_the_callers_generator():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build_peers(lambda: Head(4, 3), seed=11)
    assert torch.equal(torch.rand(3), expected)


def test_peers_answer_with_float32_logits_one_after_the_other():
    peers = Peers(nn.Linear(4, 3), nn.Linear(4, 3)).bfloat16()
    view = torch.randn(2, 4).bfloat16()
    first, second = peers(view)
    assert first.dtype == second.dtype == torch.float32
    assert torch.equal(first, peers.peer1(view).float())
    assert torch.equal(second, peers.peer2(view).float())


def test_a_head_drops_features_only_while_it_learns():
    head = Head(4, 3)
    view = torch.randn(5, 4)
    assert head(view).shape == (5, 3)
    assert not torch.equal(head(view), head(view))
    head.eval()
    assert torch.equal(head(view), head(view))
    assert sum(value.numel() for value in head.parameters()) == 4 * HIDDEN + HIDDEN + HIDDEN * 3 + 3
