"""A trunk's features on a CPU's cores, a thread a core, each with a share of the pictures.

Torch by itself shares out every single convolution, and its threads wait for each other after each: on a machine that
does other work, too, that took ten times as long (MobileFaceNet, two cores, five busy processes). And a picture's
features then depend on how many cores there are, in bfloat16 by as much as 0.002 of a posterior; in one thread they do
not, nor on the pictures beside it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np
import torch
from numpy.typing import NDArray

from labelaudit.nets.features import Allocate, FeatureArray, FeatureView, in_memory, tap_names, trunk_features
from labelaudit.nets.interface import Net
from labelaudit.records import Progress, Stage, no_progress

_AT_ONCE = 128


def threaded_features(
    net: Net,
    pixels: NDArray[np.uint8],
    *,
    views: Sequence[FeatureView],
    device: torch.device,
    allocate: Allocate = in_memory,
    at_once: int | None = None,
    progress: Progress = no_progress,
) -> list[FeatureArray]:
    """As ``trunk_features``: float16 (V, N, D_g) a group.

    Args:
        net: Its trunk is used.
        pixels: uint8, (N, S, S, 3); may be a memory map, of which a part at a time is read.
        views: V views.
        device: Where it runs; on another one than a CPU there is nothing to share out.
        allocate: Where the result is kept.
        at_once: Pictures that a thread takes at a time, at most; None = 128.
        progress: Told of pictures done.
    """
    count = len(pixels)
    before = torch.get_num_threads()
    if device.type != "cpu" or count == 0:
        return trunk_features(net, pixels, views=views, device=device, allocate=allocate, progress=progress)
    at_once = max(1, min(at_once or _AT_ONCE, -(-count // before)))
    parts = [slice(start, min(start + at_once, count)) for start in range(0, count, at_once)]
    idle: SimpleQueue[Net] = SimpleQueue()
    for _ in range(before):
        idle.put(copy.deepcopy(net))  # each is watched by its own hooks

    def features(rows: slice) -> list[FeatureArray]:
        torch.set_num_threads(1)  # of this thread
        mine = idle.get()
        try:
            return trunk_features(mine, pixels[rows], views=views, device=device)
        finally:
            idle.put(mine)

    arrays: list[FeatureArray] = []
    try:
        with ThreadPoolExecutor(before, thread_name_prefix="labelaudit-features") as pool:
            for rows, groups in zip(parts, pool.map(features, parts), strict=True):
                if not arrays:
                    shapes = [(len(views), count, group.shape[2]) for group in groups]
                    arrays = [allocate(name, shape) for name, shape in zip(tap_names(net), shapes, strict=True)]
                for array, group in zip(arrays, groups, strict=True):
                    array[:, rows] = group
                progress(Stage("features", rows.stop, count, "faces"))
    finally:
        torch.set_num_threads(before)
    return arrays
