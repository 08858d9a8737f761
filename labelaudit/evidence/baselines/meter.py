"""What work costs: seconds, and the memory that the process, and its GPU, held at most meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

_EVERY = 0.05
"""Seconds between two looks at the process's memory."""


@dataclass
class Cost:
    """What some work cost; known when it is over.

    Attributes:
        seconds: By the clock.
        peak_gb: Largest resident memory of the process, in GB; what was held before counts too.
        peak_gpu_gb: Largest memory that torch held on the GPU; None without one.
    """

    seconds: float = 0.0
    peak_gb: float = 0.0
    peak_gpu_gb: float | None = None


@contextmanager
def metered(device: torch.device) -> Iterator[Cost]:
    """Measures what is done inside.

    Args:
        device: Where torch computes.
    """
    import psutil  # of the extra bench, and slow to import

    cost, process, over = Cost(), psutil.Process(), threading.Event()

    def look() -> None:
        cost.peak_gb = max(cost.peak_gb, process.memory_info().rss / 1e9)

    def watch() -> None:
        while not over.wait(_EVERY):
            look()

    look()
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    watcher = threading.Thread(target=watch, name="labelaudit-meter", daemon=True)
    started = time.perf_counter()
    watcher.start()
    try:
        yield cost
    finally:
        over.set()
        watcher.join()
        cost.seconds = time.perf_counter() - started
        if on_gpu:
            cost.peak_gpu_gb = torch.cuda.max_memory_allocated(device) / 1e9
        look()
