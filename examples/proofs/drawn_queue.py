"""A small queue of drawn faces, for proofs against annotators' tools: pictures in a folder, and rows about them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from PIL import Image

from labelaudit.faces import EXPRESSIONS, DrawnFaces, LabelTruth, draw_dataset
from labelaudit.queue.item import Queue, QueueItem
from labelaudit.records import Verdict

AWKWARD = "<wink> & \"co\" 'é' 😉"
"""A class that nobody gave, with everything in its name that a careless writer stumbles over."""

FOLDER = "images"


def draw_queue(count: int, out: Path, *, blind: bool = False, seed: int = 5) -> tuple[Queue, dict[str, str]]:
    """Draws faces and writes their pictures below a folder.

    Args:
        count: Faces.
        out: An existing folder; the pictures go to ``images`` in it.
        blind: Of the queue.
        seed: Of the faces.

    Returns:
        The queue and where each picture is, relative to ``out``.
    """
    drawn = draw_dataset(count, seed=seed, wrong_share=0.5)
    (out / FOLDER).mkdir(exist_ok=True)
    items, pictures = [], {}
    for row in range(len(drawn)):
        item = _item(drawn, row)
        pictures[item.sample_id] = f"{FOLDER}/{row + 1:03d}.png"
        file = out / pictures[item.sample_id]
        Image.fromarray(drawn.images[row]).save(file)
        items.append(replace(item, content_sha256=hashlib.sha256(file.read_bytes()).hexdigest()))
    classes = (*EXPRESSIONS, AWKWARD)
    return Queue(tuple(items), classes, "drawn faces", "labelaudit-0c0ffee0", blind), pictures


def _item(drawn: DrawnFaces, row: int) -> QueueItem:
    """What an audit might say of a drawn face; of a wrong label, the truth."""
    is_wrong = drawn.kind[row] is LabelTruth.MISLABELLED
    return QueueItem(
        rank=row + 1,
        sample_id=drawn.path(row),
        path=drawn.path(row),
        content_sha256=None,
        split="train",
        given_label=drawn.given[row],
        verdict=Verdict.MISLABELLED if is_wrong else Verdict.AMBIGUOUS,
        p_mislabelled=0.93 - 0.01 * row,
        suggested_label=drawn.true[row] if is_wrong else None,
        suggested_confidence=0.88 - 0.01 * row if is_wrong else None,
        reason="confidence 0.04, noisy below 0.21",
        posterior=None,
    )
