"""Exact resume: everything a run needs to go on, in one safetensors file that is replaced whole or not at all.

There is no generator state among it: an epoch's randomness is drawn anew from (seed, fold, epoch), so an epoch that
was cut short is repeated exactly. There is no pickle either; a nested state becomes flat tensors and a JSON outline,
with a checksum over both.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from labelaudit.errors import TrainingError
from labelaudit.rundir import written_aside

CHECKPOINT_VERSION = 3

_TENSOR = "tensor"


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a nested state of tensors and plain values.

    Args:
        path: The file; an earlier one is replaced when the new one is whole on disk.
        state: Mappings, lists and tuples of tensors, numbers, text, booleans and None. Keys are text or integers;
            tuples come back as lists.

    Raises:
        TrainingError: The file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    outline = json.dumps(_flatten(state, "", tensors))
    metadata = {"version": str(CHECKPOINT_VERSION), "outline": outline, "checksum": _checksum(outline, tensors)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as aside:
            save_file(tensors, str(aside), metadata=metadata)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"cannot write the checkpoint {path.name} ({error}); make room, then go on with --resume"
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads what ``save_checkpoint`` wrote; tensors are on the CPU.

    Raises:
        TrainingError: The file is damaged, no checkpoint, or of another version.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise _damaged(path, str(error)) from error
    if metadata.get("version") != str(CHECKPOINT_VERSION):
        raise TrainingError(
            f"{path.name} has checkpoint version {metadata.get('version')}, this labelaudit reads "
            f"{CHECKPOINT_VERSION}; start anew with --force"
        )
    outline = metadata.get("outline", "")
    if metadata.get("checksum") != _checksum(outline, tensors):
        raise _damaged(path, "its checksum is wrong")
    state: dict[str, Any] = _restore(json.loads(outline), tensors)
    return state


def copied(state: Mapping[str, Any]) -> dict[str, Any]:
    """What ``load_checkpoint`` would bring back of a state, without a file: a copy on the CPU."""
    tensors: dict[str, Tensor] = {}
    outline = _flatten(state, "", tensors)
    found: dict[str, Any] = _restore(outline, tensors)
    return found


def _damaged(path: Path, why: str) -> TrainingError:
    return TrainingError(f"{path.name} is no readable checkpoint ({why}); start anew with --force")


def _checksum(outline: str, tensors: Mapping[str, Tensor]) -> str:
    found = zlib.crc32(outline.encode())
    for name in sorted(tensors):
        found = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, zlib.crc32(name.encode(), found))
    return f"{found:08x}"


def _flatten(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Moves tensors out of a nested value; gives the outline that says where they were."""
    if isinstance(value, Tensor):
        # contiguous() would keep a channels_last strides' order: safetensors wants plain row-major bytes
        tensors[name] = value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
        return {_TENSOR: name}
    if isinstance(value, Mapping):
        return {"map": [[key, _flatten(item, f"{name}/{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_flatten(item, f"{name}/{place}", tensors) for place, item in enumerate(value)]}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__} at {name}")


def _restore(outline: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    if _TENSOR in outline:
        return tensors[outline[_TENSOR]]
    if "map" in outline:
        return {key: _restore(item, tensors) for key, item in outline["map"]}
    if "list" in outline:
        return [_restore(item, tensors) for item in outline["list"]]
    return outline["value"]
