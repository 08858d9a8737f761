"""A network by its name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from labelaudit.errors import SettingsError
from labelaudit.nets.interface import Net, NetSpec, Tap
from labelaudit.nets.recipe import OWN, Recipe, timm_names, timm_recipe, torchvision_names, torchvision_recipe

_TIMM = "timm/"
_STAGE_GRIDS = (2, 2, 1)
"""Of the last three stages of a network whose taps nobody chose, shallow to deep."""


def build_net(name: str, *, num_classes: int, size: int | None = None) -> Net:
    """Builds a network with new weights, drawn from torch's generator.

    Args:
        name: ``mobilefacenet``, ``resnet-small``, ``resnet18``, any classification network of torchvision, or any of
            timm (extra ``timm``) as ``timm/NAME`` or, where torchvision has none of that name, plainly.
        num_classes: K.
        size: Side of the square input in pixels; None = what the network was made for.

    Raises:
        SettingsError: The name is unknown, or the network cannot take pictures of that size.
    """
    recipe = _find_recipe(name)
    side = recipe.size if size is None else size
    try:
        trunk = recipe.build(side)
        width, found = _try_out(trunk, side)
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise SettingsError(
            f"{recipe.name} cannot take {side}x{side} pictures ({reason}); it was made for --size {recipe.size}"
        ) from error
    spec = NetSpec(
        name=recipe.name,
        size=side,
        mean=recipe.mean,
        std=recipe.std,
        taps=found if recipe.taps is None else recipe.taps,
    )
    return Net(trunk, width, num_classes=num_classes, spec=spec)


def input_size(name: str) -> int:
    """Side in pixels of the input that a network was made for; nothing is built.

    Raises:
        SettingsError: The name is unknown.
    """
    return _find_recipe(name).size


def _find_recipe(name: str) -> Recipe:
    if name in OWN:
        return OWN[name]
    wanted = name.removeprefix(_TIMM)
    if wanted == name and name in torchvision_names():
        return torchvision_recipe(name)
    in_timm = timm_names()
    if wanted.split(".")[0] in in_timm:  # what follows a dot names weights
        return timm_recipe(wanted)
    if wanted != name and not in_timm:
        raise SettingsError(f"{name} needs timm: pip install 'labelaudit[timm]'")
    known = [_TIMM + other for other in in_timm] if wanted != name else [*OWN, *torchvision_names(), *in_timm]
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(OWN)}, torchvision's and timm's names"
    raise SettingsError(f"unknown backbone {name!r}; {hint}")


@torch.no_grad()
def _try_out(trunk: nn.Module, size: int) -> tuple[int, tuple[Tap, ...]]:
    """Shows the trunk one black picture: gives the width of its output and the ends of its last stages."""
    calls: list[_Call] = []

    def watch(path: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def hook(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            calls.append(_Call(path, side_in=_side(inputs[0]) if inputs else 0, side_out=_side(output)))

        return hook

    handles = [module.register_forward_hook(watch(path)) for path, module in trunk.named_modules() if path]
    trunk.eval()
    try:
        output = trunk(torch.zeros(1, 3, size, size))
    finally:
        for handle in handles:
            handle.remove()
        trunk.train()
    if not isinstance(output, Tensor) or output.ndim != 2:
        raise ValueError("it gives no feature vector")
    ends = _stage_ends(calls)[-len(_STAGE_GRIDS) :]
    if len(ends) < 2:  # a plain vision transformer, whose only map is its patches
        return output.shape[1], ()
    return output.shape[1], tuple(map(Tap, ends, _STAGE_GRIDS[-len(ends) :]))


@dataclass(frozen=True)
class _Call:
    """One module's forward pass: side of the square maps that went in and came out, 0 where they were none."""

    path: str
    side_in: int
    side_out: int


def _stage_ends(calls: Sequence[_Call]) -> list[str]:
    """The last module of every stage, from the modules in the order in which they finished.

    A stage is all layers whose maps have one side. What is inside a module that leaves the stage belongs to the next
    one, though its maps are still large; maps that grow again and maps of a single pixel belong to none.
    """
    leaving = {call.path: call.side_in for call in calls if 0 < call.side_out < call.side_in}
    ends: dict[int, str] = {}
    smallest = math.inf
    for call in calls:
        parts = call.path.split(".")
        inside = (leaving.get(".".join(parts[:depth])) == call.side_out for depth in range(1, len(parts)))
        if 1 < call.side_out <= smallest and not any(inside):
            ends[call.side_out] = call.path
            smallest = call.side_out
    return list(ends.values())


def _side(value: Any) -> int:
    square = isinstance(value, Tensor) and value.ndim == 4 and value.shape[2] == value.shape[3]
    return value.shape[2] if square else 0
