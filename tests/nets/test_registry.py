from __future__ import annotations

import pytest
import torch

from labelaudit.errors import SettingsError
from labelaudit.nets import recipe, registry
from labelaudit.nets.interface import Tap
from labelaudit.nets.registry import _Call, _stage_ends, build_net, input_size


@pytest.mark.parametrize(
    ("name", "size", "width", "taps"),
    [
        ("mobilefacenet", 48, 512, (Tap("features.8", 4), Tap("features.11", 4), Tap("conv2", 2))),
        ("resnet-small", 32, 256, (Tap("stages.1", 4), Tap("stages.2", 4), Tap("stages.3", 2))),
        ("resnet18", 48, 512, (Tap("layer2", 2), Tap("layer3", 2), Tap("layer4", 1))),
        ("mobilenet_v3_small", 64, 1024, (Tap("features.3", 2), Tap("features.8", 2), Tap("features", 1))),
    ],
)
def test_a_net_by_name(name: str, size: int, width: int, taps: tuple[Tap, ...]):
    net = build_net(name, num_classes=7, size=size)
    assert net.training
    assert (net.spec.name, net.spec.size, net.width, net.spec.taps) == (name, size, width, taps)
    net.eval()
    with torch.inference_mode():
        x = torch.rand(2, 3, size, size)
        assert net.features(x).shape == (2, width)
        assert net(x).shape == (2, 7)
        torch.testing.assert_close(net(x), net.head(net.features(x)))


@pytest.mark.parametrize(
    ("name", "size"), [("mobilefacenet", 112), ("resnet-small", 48), ("resnet18", 112), ("resnet34", 224)]
)
def test_every_network_has_a_size_of_its_own(name: str, size: int):
    assert input_size(name) == size


def test_a_transformer_is_built_for_the_size_and_has_no_taps():
    pytest.importorskip("timm")
    net = build_net("timm/vit_tiny_patch16_224", num_classes=3, size=64)
    assert net.spec.taps == ()
    assert net.spec.mean == (0.5, 0.5, 0.5)
    with torch.inference_mode():
        assert net.eval()(torch.rand(1, 3, 64, 64)).shape == (1, 3)


def test_timm_is_asked_for_names_that_torchvision_lacks():
    pytest.importorskip("timm")
    assert build_net("mobilenetv3_small_050", num_classes=2, size=64).spec.name == "timm/mobilenetv3_small_050"


def test_a_timm_name_without_timm_says_what_to_install(monkeypatch):
    monkeypatch.setattr(registry, "timm_names", list)
    with pytest.raises(SettingsError, match=r"pip install 'labelaudit\[timm\]'"):
        build_net("timm/resnet10t", num_classes=2)


def test_a_misspelt_name_is_met_with_the_nearest(monkeypatch):
    monkeypatch.setattr(registry, "timm_names", list)
    with pytest.raises(SettingsError, match="unknown backbone 'mobilfacenet'; did you mean mobilefacenet"):
        build_net("mobilfacenet", num_classes=2)
    with pytest.raises(SettingsError, match="known: mobilefacenet, resnet-small, gradients, resnet18"):
        input_size("zzz")


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("inception_v3", 32, "inception_v3 cannot take 32x32 pictures .*--size 299"),
        ("squeezenet1_0", 64, "squeezenet1_0 has no linear classifier"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(name: str, size: int, message: str):
    with pytest.raises(SettingsError, match=message) as caught:
        build_net(name, num_classes=2, size=size)
    assert "\n" not in str(caught.value)


def test_the_same_seed_builds_the_same_network():
    def weight(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return build_net("resnet-small", num_classes=2).trunk.state_dict()["stem.0.weight"]

    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


def test_a_stage_ends_before_the_block_that_leaves_it():
    calls = [
        _Call("stem", side_in=32, side_out=16),
        _Call("stage1", side_in=16, side_out=16),
        _Call("stage2.block.first", side_in=16, side_out=16),  # still large, but inside what leaves the stage
        _Call("stage2.block.second", side_in=16, side_out=8),
        _Call("stage2.block", side_in=16, side_out=8),
        _Call("stage2.gate.pool", side_in=8, side_out=1),  # a squeeze-and-excitation
        _Call("stage2", side_in=16, side_out=8),
        _Call("upscale", side_in=8, side_out=16),
        _Call("flat", side_in=0, side_out=0),
    ]
    assert _stage_ends(calls) == ["stage1", "stage2"]


def test_networks_that_train_with_side_outputs_are_built_without():
    net = recipe.torchvision_recipe("googlenet").build(64)
    assert net.train()(torch.rand(2, 3, 64, 64)).shape == (2, 1024)
