"""A trunk's features computed by all processes of an audit, block by block, and written by the first.

In every round each process computes one block of rows and sends it to the first one, so no other process ever holds
more than a block, and only the first one needs to reach the cache's disk.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from labelaudit.asm.ranks import Ranks
from labelaudit.evidence.threads import threaded_features
from labelaudit.nets.features import Allocate, FeatureArray, FeatureView, in_memory, tap_names
from labelaudit.nets.interface import Net
from labelaudit.records import Progress, Stage, no_progress

_BLOCK = 512
_STEP = 128
"""A block is whole forward passes of one process: a picture's last digits may depend on where in a pass it stands."""


def shared_features(
    net: Net,
    pixels: NDArray[np.uint8],
    *,
    views: Sequence[FeatureView],
    device: torch.device,
    ranks: Ranks,
    allocate: Allocate = in_memory,
    progress: Progress = no_progress,
) -> list[FeatureArray]:
    """As ``threaded_features``, by several processes that all call it with the same pictures.

    Args:
        net: Its trunk is used; the same in every process.
        pixels: uint8, (N, S, S, 3); may be a memory map, of which a part at a time is read.
        views: V views.
        device: Where this process runs it.
        ranks: The processes.
        allocate: Where the result is kept, in the first process.
        progress: Told of pictures done.

    Returns:
        float16 (V, N, D_g) a group in the first process, nothing in the others.
    """
    count = len(pixels)
    if ranks.size == 1 or count == 0:
        return threaded_features(net, pixels, views=views, device=device, allocate=allocate, progress=progress)
    block = min(_BLOCK, -(-count // (ranks.size * _STEP)) * _STEP)
    arrays: list[FeatureArray] = []
    for start in range(0, count, block * ranks.size):
        first = start + ranks.rank * block
        rows = pixels[first : first + block] if first < count else pixels[:1]  # who has none computes what nobody reads
        groups = [_padded(each, block) for each in threaded_features(net, rows, views=views, device=device)]
        found = [ranks.gather(torch.from_numpy(group)) for group in groups]
        if not ranks.is_first:
            continue
        if not arrays:
            shapes = [(len(views), count, group.shape[2]) for group in groups]
            arrays = [allocate(name, shape) for name, shape in zip(tap_names(net), shapes, strict=True)]
        stop = min(start + block * ranks.size, count)
        for array, parts in zip(arrays, found, strict=True):
            assert parts is not None
            for number, part in enumerate(parts):
                place = slice(start + number * block, min(start + (number + 1) * block, stop))
                array[:, place] = part[:, : max(place.stop - place.start, 0)].numpy()
        progress(Stage("features", stop, count, "faces"))
    return arrays


def _padded(group: FeatureArray, rows: int) -> FeatureArray:
    """The same array with so many rows: what is sent has one shape."""
    missing = rows - group.shape[1]
    return np.pad(group, ((0, 0), (0, missing), (0, 0))) if missing else group
