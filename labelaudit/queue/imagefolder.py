"""Hugging Face imagefolder: the pictures, and a ``metadata.jsonl`` that ``datasets`` joins to them.

``load_dataset("imagefolder", data_dir=...)`` gives one row a picture with every field as a column. Format:
https://huggingface.co/docs/datasets/image_dataset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from labelaudit.queue.details import details
from labelaudit.queue.item import Queue
from labelaudit.rundir import written_aside

METADATA = "metadata.jsonl"


def write_imagefolder(queue: Queue, out: Path, *, pictures: Mapping[str, str]) -> None:
    """Writes ``metadata.jsonl``.

    ``decision`` is empty, for a person to fill with a class or one of the other choices; the filled file is read as a
    table of decisions.

    Args:
        queue: The rows.
        out: An existing folder with the pictures.
        pictures: sample_id -> path of the picture, relative to ``out``.

    Raises:
        OSError: The folder cannot be written.
    """
    with written_aside(out / METADATA) as aside, open(aside, "w", encoding="utf-8") as file:
        for item in queue.items:
            row = {"file_name": pictures[item.sample_id], **details(item, blind=queue.blind), "decision": None}
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
