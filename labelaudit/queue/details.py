"""What annotators' tools are told about a row beside its picture: the same fields under the same names in each."""

from __future__ import annotations

from labelaudit.queue.item import QueueItem

BETWEEN_NAMES = "; "
"""Stands between the names of several annotators in one text."""

_DIGITS = 4


def details(item: QueueItem, *, blind: bool) -> dict[str, str | int | float | None]:
    """Fields of a row, the same keys for every row of a queue; None where something is not known.

    Args:
        item: The row.
        blind: Whether only what the decision must come back with, and who is asked, is told.

    Returns:
        ``sample_id``, ``content_sha256`` and ``annotators``; unless blind also ``rank``, ``given_label``,
        ``suggested_label``, ``suggested_confidence``, ``p_mislabelled``, ``verdict`` and ``reason``. Probabilities in
        [0, 1] have four digits.
    """
    needed: dict[str, str | int | float | None] = {
        "sample_id": item.sample_id,
        "content_sha256": item.content_sha256,
        "annotators": BETWEEN_NAMES.join(item.annotators) or None,
    }
    if blind:
        return needed
    return needed | {
        "rank": item.rank,
        "given_label": item.given_label,
        "suggested_label": item.suggested_label,
        "suggested_confidence": rounded(item.suggested_confidence),
        "p_mislabelled": rounded(item.p_mislabelled),
        "verdict": item.verdict.value,
        "reason": item.reason or None,
    }


def rounded(p: float | None) -> float | None:
    """A probability with four digits."""
    return None if p is None else round(float(p), _DIGITS)
