"""What a dataset is called, and a digest that changes when its pictures, ids or labels do."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from labelaudit.source.interface import LabelSource
from labelaudit.source.urls import is_url, read_url


def dataset_fingerprint(source: LabelSource) -> str:
    """Hex digest of pictures, ids and labels: what an interrupted run must find unchanged."""
    digest = hashlib.sha256(source.signature().encode())
    for column in (source.table.sample_id, source.table.given_label):
        digest.update(b"\x00".join((value or "").encode() for value in column))
        digest.update(b"\x01")
    return digest.hexdigest()


def dataset_name(data: Any) -> str:
    """The last part of a path, a Hugging Face name as it is, ``dataset`` for anything in memory."""
    if not isinstance(data, str | os.PathLike):
        return "dataset"
    if is_url(data):
        return read_url(data).name
    return Path(data).resolve().name if Path(data).exists() else str(data)
