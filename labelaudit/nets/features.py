"""Pooled middle-layer features of a trunk: what a frozen network sees in every picture.

The last layers of a recognition network throw expression away; the middle ones keep it. Each tap's map is averaged to
a small grid and kept as a group of its own: ``features.8`` and ``features.11`` of MobileFaceNet at 4x4 and ``conv2`` at
2x2, the ends of the last three stages in other networks, and the trunk's output where it has no maps.

Several fixed views of each picture (as it is, mirrored, lightly cropped) give heads something to tell apart from
noise. Work runs in inference mode, channels last, bfloat16 where the hardware has it. Small batches are faster on CPUs,
where the maps of 32 pictures still fit the caches: about 220 views/s a core at 112 pixels, and a
sixth less at 64 pictures (MobileFaceNet, bfloat16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from labelaudit.nets.inputs import fast_dtype, normalise, resample, resize, to_input
from labelaudit.nets.interface import Net, Tap
from labelaudit.nets.memory import AtOnce
from labelaudit.records import Progress, Stage, no_progress

FeatureArray = NDArray[np.float16]
Allocate = Callable[[str, tuple[int, ...]], FeatureArray]
"""Makes the array of a group from its name and shape; a memory map for a dataset that outgrows memory."""

_Result = TypeVar("_Result")

_CPU_BATCH = 32
_GPU_BATCH = 256
_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class FeatureView:
    """One fixed way to show every picture.

    Attributes:
        flip: Mirrored.
        zoom: Magnification about the middle, > 0.
        shift_x, shift_y: Of the part that is shown, as shares of the picture's side; positive = right, down.
    """

    flip: bool = False
    zoom: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0


PLAIN = FeatureView()
MIRRORED = FeatureView(flip=True)
LIGHT_CROPS = (
    FeatureView(zoom=1.12, shift_x=0.03, shift_y=-0.03),
    FeatureView(flip=True, zoom=1.12, shift_x=-0.03, shift_y=0.03),
)
"""Two further views to train on, beside the picture and its mirror image."""


def trunk_features(
    net: Net,
    pixels: NDArray[np.uint8],
    *,
    rows: NDArray[np.integer[Any]] | None = None,
    views: Sequence[FeatureView] = (PLAIN, MIRRORED),
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    batch: int | None = None,
    allocate: Allocate | None = None,
    progress: Progress = no_progress,
) -> list[FeatureArray]:
    """Computes features of every view of some pictures.

    Args:
        net: Its trunk is used, in eval mode, and moved to ``device``.
        pixels: uint8, (M, S, S, 3); may be a memory map, of which a batch at a time is read.
        rows: Rows of ``pixels``, (N,), in the order of the result; None = all.
        views: V views.
        device: None = the CPU.
        dtype: Of autocast; None = bfloat16 where the device multiplies it, else float32.
        batch: Pictures a forward pass, fewer where memory does not hold them; None = 32 on a CPU, 256 on a GPU.
        allocate: Where the result is kept; None = in memory.
        progress: Told after every batch, in faces.

    Returns:
        A float16 array (V, N, D_g) a group: one a tap of ``net.spec``, or the trunk's output alone. Values past
        float16's range are clipped to it.
    """
    device = torch.device("cpu") if device is None else device
    dtype = fast_dtype(device) if dtype is None else dtype
    batch = batch or (_CPU_BATCH if device.type == "cpu" else _GPU_BATCH)
    rows = np.arange(len(pixels)) if rows is None else rows
    allocate = in_memory if allocate is None else allocate
    names = tap_names(net)
    arrays: list[FeatureArray] = []
    with _watched(net, device) as show, torch.autocast(device.type, dtype, enabled=dtype != torch.float32):

        def show_some(some: slice) -> list[list[Tensor]]:
            shown = torch.from_numpy(pixels[rows[some]]).to(device)
            return [
                [_on_its_way(group) for group in show(normalise(apply_view(shown, view, size=net.spec.size), net.spec))]
                for view in views
            ]

        if not len(rows):
            return [
                allocate(name, (len(views), 0, each.shape[1]))
                for name, each in zip(names, show_some(slice(0))[0], strict=True)
            ]
        for some, found in _one_behind(AtOnce(batch).over(len(rows), show_some), device):
            if not arrays:
                shapes = [(len(views), len(rows), group.shape[1]) for group in found[0]]
                arrays = [allocate(name, shape) for name, shape in zip(names, shapes, strict=True)]
            for index, groups in enumerate(found):
                for array, group in zip(arrays, groups, strict=True):
                    array[index, some] = group.numpy()
            progress(Stage("features", done=some.stop, total=len(rows), unit="faces"))
    return arrays


def _on_its_way(group: Tensor) -> Tensor:
    """A copy on the CPU. From a GPU it is made when its turn comes; nobody waits for it here."""
    return group.to("cpu", non_blocking=group.is_cuda)


def _one_behind(found: Iterator[tuple[slice, _Result]], device: torch.device) -> Iterator[tuple[slice, _Result]]:
    """Gives each result when the one after it is on its way, so that a GPU has work while the host writes."""
    if device.type != "cuda":
        yield from found
        return
    waiting: tuple[tuple[slice, _Result], torch.cuda.Event] | None = None
    for each in found:
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()
        if waiting is not None:
            waiting[1].synchronize()
            yield waiting[0]
        waiting = each, done
    if waiting is not None:
        waiting[1].synchronize()
        yield waiting[0]


def apply_view(pixels: Tensor, view: FeatureView, *, size: int) -> Tensor:
    """Stored pixels uint8 (B, S, S, 3) as they look in a view: float32, (B, 3, size, size), in [0, 1]."""
    x = to_input(pixels, size=min(size, pixels.shape[1]))
    if (view.zoom, view.shift_x, view.shift_y) == (1.0, 0.0, 0.0):
        x = resize(x, size)
        return x.flip(-1) if view.flip else x
    scale = 1.0 / view.zoom
    rows = [
        [-scale if view.flip else scale, 0.0, 2.0 * view.shift_x],
        [0.0, scale, 2.0 * view.shift_y],
    ]
    theta = torch.tensor(rows, device=x.device).expand(len(x), 2, 3)
    return resample(x, theta, size)


@contextmanager
def _watched(net: Net, device: torch.device) -> Iterator[Callable[[Tensor], list[Tensor]]]:
    """Gives a function from a batch of inputs to its feature groups (B, D_g), float16; puts the network back after."""
    caught: dict[str, Tensor] = {}

    def watch(tap: Tap) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
        def hook(_module: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> None:
            caught[tap.module] = F.adaptive_avg_pool2d(output.float(), tap.grid)

        return hook

    def show(x: Tensor) -> list[Tensor]:
        output = net.features(x)
        groups = [caught.pop(tap.module) for tap in net.spec.taps] or [output]
        return [group.flatten(1).float().clamp(-_LARGEST, _LARGEST).half() for group in groups]

    was_training = net.training
    net.eval().to(device).to(memory_format=torch.channels_last)
    handles = [net.trunk.get_submodule(tap.module).register_forward_hook(watch(tap)) for tap in net.spec.taps]
    try:
        with torch.inference_mode():
            yield show
    finally:
        for handle in handles:
            handle.remove()
        net.train(was_training)


def tap_names(net: Net) -> list[str]:
    """What the groups of a network's features are called."""
    return [tap.module for tap in net.spec.taps] or ["output"]


def in_memory(_name: str, shape: tuple[int, ...]) -> FeatureArray:
    """The ``Allocate`` that keeps features in memory."""
    return np.empty(shape, dtype=np.float16)
