from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

from labelaudit.nets.resnet import ResNetSmall, fit_stem


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pooled", "last"),
    [(48, 3, 1, False, 6), (64, 3, 1, False, 8), (96, 7, 2, False, 6), (112, 7, 2, True, 4)],
)
def test_the_stem_fits_the_input(size: int, kernel: int, stride: int, pooled: bool, last: int):
    net = models.resnet18(weights=None)
    fit_stem(net, size)
    assert net.conv1.kernel_size == (kernel, kernel)
    assert net.conv1.stride == (stride, stride)
    assert isinstance(net.maxpool, nn.MaxPool2d) == pooled
    sides: list[int] = []
    net.layer4.register_forward_hook(lambda _module, _inputs, output: sides.append(output.shape[-1]))
    with torch.inference_mode():
        net.eval()(torch.rand(1, 3, size, size))
    assert sides == [last]


def test_resnet_small_has_four_stages_and_stays_light():
    net = ResNetSmall().eval()
    work = 0
    sides: list[int] = []

    def count(module: nn.Module, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal work
        assert isinstance(module, nn.Conv2d)
        work += output[0].numel() * module.weight[0].numel()

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    for stage in net.stages:
        stage.register_forward_hook(lambda _module, _inputs, output: sides.append(output.shape[-1]))
    with torch.inference_mode():
        assert net(torch.rand(1, 3, 48, 48)).shape == (1, 256)
    assert sides == [24, 12, 6, 3]
    assert work == pytest.approx(46.6e6, rel=0.01)
    assert sum(parameter.numel() for parameter in net.parameters()) == pytest.approx(1.52e6, rel=0.01)


def test_resnet_small_keeps_the_scale_of_its_input_at_first():
    torch.manual_seed(0)
    with torch.inference_mode():
        features = ResNetSmall()(torch.randn(32, 3, 48, 48))
    assert 0.1 < features.std().item() < 10
