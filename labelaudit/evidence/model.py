"""What an audit leaves behind to judge new images: ``model.safetensors`` and ``model.json``. No pickle.

The tensors are the first fold's peers and, where they are heads, the trunk and the components that feed them. The JSON
says how to put them together and what their answers mean; it names the tensors' file by its hash.
"""

from __future__ import annotations

import hashlib
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from labelaudit.evidence.gather import Gathered
from labelaudit.rundir import RunDir, write_json, written_aside

MODEL_VERSION = 1


def save_model(run: RunDir, gathered: Gathered, facts: dict[str, Any]) -> str:
    """Writes both files; the JSON last, so that it never names tensors that are not there.

    Args:
        run: The run folder.
        gathered: The networks.
        facts: JSON values to keep beside them: classes, thresholds, calibration, settings.

    Returns:
        Hex digest of the tensors' file.
    """
    tensors = _named("peers", gathered.peers.state_dict())
    if gathered.trunk is not None:
        tensors |= _named("trunk", gathered.trunk.trunk.state_dict())
    if gathered.head_features is not None:
        tensors |= _named("head_features", vars(gathered.head_features))
    with written_aside(run.model_weights) as aside:
        save_file(tensors, str(aside))
        with open(aside, "rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
    write_json(
        run.model_json,
        {
            "model_version": MODEL_VERSION,
            "sha256": digest,
            "kind": "whole networks" if gathered.trunk is None else "heads on a frozen trunk",
            "size": gathered.size,
            **facts,
        },
    )
    return digest


def _named(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    # clone: safetensors refuses tensors that share memory, and wants plain row-major bytes
    return {f"{prefix}.{name}": value.detach().cpu().contiguous().clone() for name, value in state.items()}
