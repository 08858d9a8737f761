from __future__ import annotations

import torch
from torch import nn

from labelaudit.nets.dropout import BatchDropout, Share, shown_in_part


def _two_layers() -> nn.Sequential:
    return nn.Sequential(BatchDropout(0.4), nn.Identity(), BatchDropout(0.5))


def test_a_whole_batch_is_dropped_as_by_torch():
    x = torch.rand(6, 5)
    torch.manual_seed(3)
    expected = nn.Sequential(nn.Dropout(0.4), nn.Dropout(0.5))(x)
    torch.manual_seed(3)
    assert torch.equal(_two_layers()(x), expected)
    assert torch.equal(_two_layers().eval()(x), x)


def test_parts_lose_what_the_whole_loses():
    x = torch.rand(6, 5) + 0.1
    net = _two_layers()
    torch.manual_seed(3)
    expected = net(x)
    after = torch.rand(1)
    for places in (torch.tensor([0, 1, 5]), torch.tensor([2, 3, 4])):
        torch.manual_seed(3)
        with shown_in_part(net, Share(places, 6)):
            torch.testing.assert_close(net(x[places]), expected[places])
        assert torch.equal(torch.rand(1), after)
    torch.manual_seed(3)
    assert torch.equal(net(x), expected)  # nothing is left behind
