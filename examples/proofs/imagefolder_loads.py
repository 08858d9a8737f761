"""Proves the imagefolder format against Hugging Face's ``datasets`` (extra ``hf``).

python examples/proofs/imagefolder_loads.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import datasets
from drawn_queue import draw_queue

from labelaudit.queue.imagefolder import write_imagefolder

FACES = 12


def main() -> None:
    """Runs the whole proof."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "queue"
        out.mkdir()
        queue, pictures = draw_queue(FACES, out)
        write_imagefolder(queue, out, pictures=pictures)
        loaded = datasets.load_dataset(
            "imagefolder", data_dir=str(out), split="train", cache_dir=str(Path(temporary) / "cache")
        )
        assert len(loaded) == FACES
        for item, row in zip(queue.items, loaded, strict=True):
            assert row["image"].size == (48, 48)
            assert (row["sample_id"], row["content_sha256"]) == (item.sample_id, item.content_sha256)
            assert (row["given_label"], row["suggested_label"]) == (item.given_label, item.suggested_label)
    print(f"datasets {datasets.__version__} loads {FACES} pictures with their columns")
    print("proved")


if __name__ == "__main__":
    main()
