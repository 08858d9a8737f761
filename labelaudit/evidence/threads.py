"""A trunk's features on a CPU's cores, a thread a core, each with a share of the pictures.

Torch by itself shares out every single convolution, and its threads wait for each other after each: on a machine that
does other work, too, that took ten times as long (MobileFaceNet, two cores, five busy processes). And a picture's
features then depend on how many cores there are, in bfloat16 by as much as 0.002 of a posterior; in one thread they do
not, nor on the pictures beside it.
"""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from labelaudit.evidence.features import VIEWS
from labelaudit.nets.features import FeatureArray, trunk_features
from labelaudit.nets.interface import Net


def threaded_features(
    net: Net, pixels: NDArray[np.uint8], *, device: torch.device, at_once: int = 32
) -> list[FeatureArray]:
    """As ``trunk_features`` of every cached view, float16 (V, N, D_g) a group.

    Args:
        net: Its trunk is used.
        pixels: uint8, (N, S, S, 3).
        device: Where it runs; on another one than a CPU there is nothing to share out.
        at_once: Pictures a thread takes at the least.
    """
    if device.type != "cpu":
        return trunk_features(net, pixels, views=VIEWS, device=device)

    def features(nets: Net, some: NDArray[np.uint8]) -> list[FeatureArray]:
        torch.set_num_threads(1)  # of this thread
        return trunk_features(nets, some, views=VIEWS, device=device)

    before = torch.get_num_threads()
    threads = max(1, min(before, -(-len(pixels) // at_once)))
    nets = [copy.deepcopy(net) for _ in range(threads)]  # each is watched by its own hooks
    try:
        with ThreadPoolExecutor(threads, thread_name_prefix="labelaudit-features") as pool:
            parts = list(pool.map(features, nets, np.array_split(pixels, threads)))
    finally:
        torch.set_num_threads(before)
    return [np.concatenate(group, axis=1) for group in zip(*parts, strict=True)]
