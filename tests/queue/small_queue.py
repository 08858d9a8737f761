"""Queues and exports for the tests of annotators' tools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from labelaudit.queue.item import Queue, QueueItem
from labelaudit.records import Verdict

EXPORTS = Path(__file__).parent / "exports"
AWKWARD = "<wink> & \"co\" 'é' 😉"
CLASSES = ("happy", "sad", AWKWARD)

ITEM = QueueItem(
    rank=1,
    sample_id="a/1.png",
    path="a/1.png",
    content_sha256="aa",
    split=None,
    given_label="happy",
    verdict=Verdict.MISLABELLED,
    p_mislabelled=0.93111,
    suggested_label="sad",
    suggested_confidence=0.88004,
    reason="confidence 0.04",
    posterior=(0.1, 0.9, 0.0),
)
UNSURE = replace(
    ITEM,
    rank=2,
    sample_id=f"b/{AWKWARD}.png",
    content_sha256=None,
    given_label=AWKWARD,
    verdict=Verdict.AMBIGUOUS,
    suggested_label=None,
    suggested_confidence=None,
    annotators=("ann", "ben"),
)
PICTURES = {ITEM.sample_id: "images/1.png", UNSURE.sample_id: "images/2.png"}
ABOUT = {"given_label", "suggested_label", "suggested_confidence", "p_mislabelled", "verdict", "reason", "rank"}
"""What a blind queue must not tell."""


def small_queue(*, blind: bool = False, items: tuple[QueueItem, ...] = (ITEM, UNSURE), **other: Any) -> Queue:
    """Two rows, one with a suggestion and one with a name that needs care."""
    return Queue(
        **{"items": items, "classes": CLASSES, "dataset": "faces", "model_version": "labelaudit-12345678"} | other,
        blind=blind,
    )
