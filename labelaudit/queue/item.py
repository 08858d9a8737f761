"""What goes out to annotators: the rows of a queue, whatever tool they are written for."""

from __future__ import annotations

from dataclasses import dataclass

from labelaudit.records import Verdict


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One row to ask about.

    Attributes:
        rank: Its ``queue_rank`` in the report, 1 = ask first; None for a row that is not in the report's queue, such
            as one of a spot check.
        sample_id: Of the report.
        path: Relative to the dataset's root; None where the picture is embedded.
        content_sha256: Of the picture that was audited; None where there was none.
        split: The split, or None.
        given_label: Class name, or None.
        verdict: The report's verdict.
        p_mislabelled: In [0, 1], or None.
        suggested_label: Another convincing class, or None.
        suggested_confidence: Its probability, or None.
        reason: The report's ``reason_detail``, for people; "" where there is none.
        posterior: A probability a class, in the order of ``Queue.classes``; None where the row was not judged.
        annotators: Who is asked; empty = anybody.
        copies: Other rows of the report that show the same picture: one look may settle them.
    """

    rank: int | None
    sample_id: str
    path: str | None
    content_sha256: str | None
    split: str | None
    given_label: str | None
    verdict: Verdict
    p_mislabelled: float | None
    suggested_label: str | None
    suggested_confidence: float | None
    reason: str
    posterior: tuple[float, ...] | None
    annotators: tuple[str, ...] = ()
    copies: int = 0


@dataclass(frozen=True)
class Queue:
    """Rows to ask about, in the order in which they are asked, and what an annotator's tool must know of them.

    Attributes:
        items: The rows.
        classes: All class names, in the report's order.
        dataset: What people call the dataset.
        model_version: ``labelaudit-`` and the first eight digits of the model's hash.
        blind: Whether given labels, suggestions and probabilities are to be left out, against anchoring. A writer
            of a blind queue also leaves out the rank and the reason, and keeps the items' order, which is shuffled.
    """

    items: tuple[QueueItem, ...]
    classes: tuple[str, ...]
    dataset: str
    model_version: str
    blind: bool = False

    def __len__(self) -> int:
        return len(self.items)
