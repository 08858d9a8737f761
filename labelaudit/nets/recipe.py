"""A recipe builds the trunk of a named network: our own, torchvision's, and timm's (extra ``timm``)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from labelaudit.errors import SettingsError
from labelaudit.nets.gradients import GradientHistograms
from labelaudit.nets.interface import IMAGENET_MEAN, IMAGENET_STD, Tap
from labelaudit.nets.mobilefacenet import MobileFaceNet
from labelaudit.nets.resnet import ResNetSmall, fit_stem


@dataclass(frozen=True)
class Recipe:
    """How a trunk is built.

    Attributes:
        name: As ``build_net`` knows it.
        size: Side of the input it was made for, in pixels.
        mean, std: Normalisation a channel, for RGB in [0, 1].
        taps: Layers for features; None = look for the ends of the last stages.
        build: Side of the input -> trunk, (B, 3, size, size) -> (B, D).
    """

    name: str
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    taps: tuple[Tap, ...] | None
    build: Callable[[int], nn.Module]


WITHOUT_WEIGHTS = "gradients"
"""A trunk that has nothing to learn and so needs no weights."""

OWN = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="mobilefacenet",
            size=112,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            taps=(Tap("features.8", 4), Tap("features.11", 4), Tap("conv2", 2)),
            build=lambda _: MobileFaceNet(),
        ),
        Recipe(
            name="resnet-small",
            size=48,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            taps=(Tap("stages.1", 4), Tap("stages.2", 4), Tap("stages.3", 2)),
            build=lambda _: ResNetSmall(),
        ),
        Recipe(
            name=WITHOUT_WEIGHTS,
            size=48,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            taps=(),
            build=lambda _: GradientHistograms(),
        ),
        Recipe(
            name="resnet18",
            size=112,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            taps=None,
            build=lambda size: _build_torchvision("resnet18", size),
        ),
    )
}
"""Networks with settings of ours. resnet18 is torchvision's, at the side that face weights are made for."""


def torchvision_names() -> list[str]:
    """Every classification network of torchvision."""
    from torchvision import models  # slow to import, and needed for its networks alone

    names: list[str] = models.list_models(module=models)
    return names


def torchvision_recipe(name: str) -> Recipe:
    """The recipe of a torchvision network; size and normalisation are those of its ImageNet weights."""
    from torchvision import models

    preset = models.get_model_weights(name).DEFAULT.transforms()
    return Recipe(
        name=name,
        size=preset.crop_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        taps=None,
        build=lambda size: _build_torchvision(name, size),
    )


def timm_names() -> list[str]:
    """Every network of timm; none where timm is not installed."""
    if importlib.util.find_spec("timm") is None:
        return []
    import timm  # slow to import, and an extra

    names: list[str] = timm.list_models()
    return names


def timm_recipe(name: str) -> Recipe:
    """The recipe of a timm network, ``name`` as timm knows it, with or without a tag."""
    import timm

    config = timm.get_pretrained_cfg(name)
    fixed = config is not None and config.fixed_input_size

    def build(size: int) -> nn.Module:
        sized: dict[str, Any] = {"img_size": size} if fixed else {}
        trunk: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **sized)
        return trunk

    return Recipe(
        name=f"timm/{name}",
        size=224 if config is None else config.input_size[-1],
        mean=IMAGENET_MEAN if config is None else tuple(config.mean),
        std=IMAGENET_STD if config is None else tuple(config.std),
        taps=None,
        build=build,
    )


def _build_torchvision(name: str, size: int) -> nn.Module:
    from torchvision import models

    options: dict[str, Any] = {}
    if name.startswith("vit_"):
        options = {"image_size": size}
    elif name == "maxvit_t":
        options = {"input_size": (size, size)}
    elif name in ("googlenet", "inception_v3"):  # else they give tuples while training
        options = {"aux_logits": False, "init_weights": True}
    trunk: nn.Module = models.get_model(name, weights=None, **options)
    if isinstance(trunk, models.ResNet):
        fit_stem(trunk, size)
    _remove_classifier(name, trunk)
    return trunk


def _remove_classifier(name: str, trunk: nn.Module) -> None:
    """Makes the last linear layer an identity, so that the trunk gives what the classifier was given."""
    linear = [path for path, module in trunk.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise SettingsError(f"{name} has no linear classifier to replace; use another backbone, such as resnet18")
    parent, _, leaf = linear[-1].rpartition(".")
    setattr(trunk.get_submodule(parent), leaf, nn.Identity())
