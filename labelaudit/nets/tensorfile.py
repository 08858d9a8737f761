"""Tensors from a file that somebody else wrote, safetensors or PyTorch without code in it; and into one of ours."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from labelaudit.errors import WeightsError

_TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
SUFFIXES = (".safetensors", *_TORCH_SUFFIXES)
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "backbone", "weights")
"""Names under which training scripts keep a network inside a checkpoint."""


def read_bytes(path: Path) -> bytes:
    """The file's content.

    Raises:
        WeightsError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read weights from {path}: {error.strerror}") from error


def parse_tensors(content: bytes, path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name, on the CPU. Code in a pickle is never run.

    Args:
        content: The file's bytes, as they were checked.
        path: Where they came from; the suffix names the format.

    Raises:
        WeightsError: The format is unknown, the file is damaged, holds code, or holds no tensors.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise WeightsError(f"{path} is no weights file; give one that ends in {', '.join(SUFFIXES)}")
    if suffix == ".safetensors":
        try:
            return safetensors.torch.load(content)
        except SafetensorError as error:
            raise WeightsError(f"{path} is no whole safetensors file: {error}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the reader thinks of the pickle's protocol
            value = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a reader of pickles raises anything on bytes that nobody vouches for
        raise WeightsError(
            f"{path} is damaged or holds code beside tensors, which is not run; save its state_dict() as .safetensors"
        ) from error
    tensors = _unwrap(value)
    if not tensors:
        raise WeightsError(f"{path} holds no tensors by name; save the network's state_dict()")
    return tensors


def save_tensors(tensors: Mapping[str, Tensor], path: Path, *, metadata: Mapping[str, str]) -> None:
    """Writes a safetensors file; write aside and rename.

    Raises:
        WeightsError: It cannot be written. safetensors has an error of its own for a full disk.
    """
    try:
        safetensors.torch.save_file(dict(tensors), str(path), metadata=dict(metadata))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot write weights to {path.parent} ({error}); make room and go on") from error


def _unwrap(value: Any) -> dict[str, Tensor]:
    """The named tensors of a state dict, or of the one inside a checkpoint."""
    if not isinstance(value, Mapping):
        return {}
    tensors = {str(name): item for name, item in value.items() if isinstance(item, Tensor)}
    if tensors:
        return tensors
    inner = (_unwrap(value[name]) for name in _WRAPPERS if name in value)
    return next((found for found in inner if found), {})
