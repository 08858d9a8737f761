from __future__ import annotations

import pytest
import torch

from labelaudit.nets.mobilefacenet import MobileFaceNet

# Names and shapes of the published weights, one of each kind of layer (weights file's own table).
PUBLISHED = {
    "conv1.0.weight": (64, 3, 3, 3),
    "conv1.1.running_mean": (64,),
    "dw_conv.depthwise.weight": (64, 1, 3, 3),
    "dw_conv.bn1.weight": (64,),
    "dw_conv.pointwise.weight": (64, 64, 1, 1),
    "dw_conv.bn2.running_var": (64,),
    "features.0.conv.0.0.weight": (128, 64, 1, 1),
    "features.0.conv.1.0.weight": (128, 1, 3, 3),
    "features.0.conv.2.weight": (64, 128, 1, 1),
    "features.0.conv.3.bias": (64,),
    "features.5.conv.0.0.weight": (256, 64, 1, 1),
    "features.5.conv.2.weight": (128, 256, 1, 1),
    "features.11.conv.1.1.weight": (256,),
    "features.12.conv.0.0.weight": (512, 128, 1, 1),
    "features.14.conv.2.weight": (128, 256, 1, 1),
    "conv2.0.weight": (512, 128, 1, 1),
    "conv2.1.num_batches_tracked": (),
}


def test_names_and_shapes_are_those_of_the_published_weights():
    state = MobileFaceNet().state_dict()
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    # conv1, conv2: 1 + 5 each; dw_conv: 2 + 10; 15 blocks of 3 convolutions with batch norm: 18 each
    assert len(state) == 12 + 12 + 15 * 18
    assert {name.split(".")[1] for name in state if name.startswith("features")} == {str(i) for i in range(15)}


@pytest.mark.parametrize("size", [48, 96, 112])
def test_any_size_gives_the_same_width_and_halves_four_times(size: int):
    net = MobileFaceNet().eval()
    with torch.inference_mode():
        x = torch.rand(2, 3, size, size)
        assert net.conv2(net.features(net.dw_conv(net.conv1(x)))).shape == (2, 512, size // 16, size // 16)
        assert net(x).shape == (2, 512)


def test_only_blocks_that_keep_the_shape_add_their_input():
    added = [index for index, block in enumerate(MobileFaceNet().features) if block.adds_input]
    assert added == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 14]


def test_a_block_without_change_gives_its_input_back():
    block = MobileFaceNet().features[1].eval()
    torch.nn.init.zeros_(block.conv[2].weight)
    x = torch.rand(1, 64, 6, 6)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize("blocks", [0, 1, 5, 15])
def test_a_stem_and_the_rest_are_the_whole_network(blocks: int):
    torch.manual_seed(0)
    net = MobileFaceNet().eval()
    x = torch.rand(2, 3, 48, 48)
    with torch.inference_mode():
        whole = net(x)
        names = set(net.state_dict())
        stem = net.take_stem(blocks).eval()
        torch.testing.assert_close(net(stem(x)), whole, rtol=0, atol=0)
    assert set(net.state_dict()) == {
        name
        for name in names
        if name.split(".")[0] == "conv2" or (name.startswith("features.") and int(name.split(".")[1]) >= blocks)
    }


def test_strided_depthwise_convolutions_learn_in_float32_as_they_would_have():
    torch.manual_seed(0)
    ours = MobileFaceNet().features[5].conv[1][0]
    plain = torch.nn.Conv2d(256, 256, 3, stride=2, padding=1, groups=256, bias=False)
    plain.load_state_dict(ours.state_dict())
    x = torch.rand(2, 256, 6, 6, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = ours(x.bfloat16())
    mixed.float().square().sum().backward()
    assert mixed.dtype == torch.bfloat16
    assert ours.weight.grad.dtype == torch.float32
    plain(x.detach().bfloat16().float()).square().sum().backward()
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad, rtol=0.02, atol=0.02)
