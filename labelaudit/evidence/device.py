"""The device and the precision that an audit runs on, through accelerate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from labelaudit.asm.ranks import Ranks, current_ranks
from labelaudit.errors import SettingsError
from labelaudit.nets.inputs import fast_dtype

if TYPE_CHECKING:
    from accelerate import Accelerator

_FIRST_GPU = torch.device("cuda", 0)
"""``cuda`` with its index, without which torch does not make it the current device."""


def open_device(choice: str) -> torch.device:
    """The device that a person chose, checked.

    Args:
        choice: ``auto`` (CUDA, else Apple's, else the CPU), ``cpu``, ``cuda``, ``cuda:1``, ``mps``. Of several
            processes each takes the GPU of its number.

    Raises:
        SettingsError: There is no such device here, or not one for each process.
    """
    ranks = current_ranks()
    if ranks.size > 1 and choice != "cpu" and (choice != "auto" or torch.cuda.is_available()):
        return _own_gpu(choice, ranks)
    if choice == "auto":
        if torch.cuda.is_available():
            return _FIRST_GPU
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(choice)
    except RuntimeError as error:
        raise SettingsError(f"unknown --device {choice!r}; one of auto, cpu, cuda, cuda:N, mps") from error
    usable = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < max(torch.cuda.device_count(), 1),
        "mps": torch.backends.mps.is_available(),
    }
    if not usable.get(device.type, False):
        raise SettingsError(f"there is no device {choice} here; use --device cpu or --device auto")
    return _FIRST_GPU if device == torch.device("cuda") else device


def _own_gpu(choice: str, ranks: Ranks) -> torch.device:
    """The GPU of one of several processes."""
    if choice not in ("auto", "cuda"):
        raise SettingsError(f"{ranks.size} processes cannot share --device {choice}; use --device cuda, or cpu")
    gpus = torch.cuda.device_count()
    if ranks.local_size > gpus:
        raise SettingsError(
            f"{ranks.local_size} processes on a machine with {gpus} GPUs; start one a GPU, or use --device cpu"
        )
    return torch.device("cuda", ranks.local_rank)


def build_accelerator(device: torch.device, *, mixed: bool) -> Accelerator:
    """An accelerator for one audit.

    accelerate keeps one state a process and refuses another precision later; an audit brings its own.

    Args:
        device: From ``open_device``.
        mixed: bfloat16 where the device multiplies it; heads are too small to gain from it.
    """
    from accelerate import Accelerator  # slow to import, and of no use where nothing is trained
    from accelerate.state import AcceleratorState

    if device.type == "cuda":
        torch.cuda.set_device(device)
    AcceleratorState._reset_state(reset_partial_state=True)
    fast = mixed and fast_dtype(device) == torch.bfloat16
    return Accelerator(cpu=device.type == "cpu", mixed_precision="bf16" if fast else "no")


@contextlib.contextmanager
def repeatable(device: torch.device, *, small: bool) -> Iterator[None]:
    """Settings of torch under which the same input gives the same numbers, put back afterwards.

    Args:
        device: What trains.
        small: The networks are heads. On a CPU they run in one thread: their steps are short, and on a busy machine
            threads that wait for each other cost many times what they save.
    """
    threads = torch.get_num_threads()
    benchmark, deterministic = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
    if small and device.type == "cpu":
        torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = benchmark, deterministic
