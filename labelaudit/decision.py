"""What one person said of one picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Ruling(StrEnum):
    """What a person said of one picture.

    ``label`` names a class: the given one (keep), the suggestion, or any other. ``ambiguous``: several fit honestly.
    ``not_a_face``: none fits. ``skip``: no opinion. ``withdrawn`` takes this person's earlier decision on it back.
    """

    LABEL = "label"
    AMBIGUOUS = "ambiguous"
    NOT_A_FACE = "not_a_face"
    SKIP = "skip"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided about one sample.

    Attributes:
        sample_id: Of the report; decisions are matched by it, never by row numbers.
        ruling: What was said.
        label: The class, where ``ruling`` is ``label``; else None.
        annotator, decided_at: Who and when, ISO 8601 in UTC with ``Z``; "" where the tool did not say.
        tool: Where: ``review``, ``label-studio``, ``cvat``, ``csv`` ...
        content_sha256: Of the picture that was looked at; None where the tool did not carry it.
        given_label: Its label before the decision, where what tells of it knows (a ledger does); else None.
    """

    sample_id: str
    ruling: Ruling
    label: str | None = None
    annotator: str = ""
    decided_at: str = ""
    tool: str = ""
    content_sha256: str | None = None
    given_label: str | None = None

    def __post_init__(self) -> None:
        texts = (self.sample_id, self.annotator, self.decided_at, self.tool)
        others = (self.label, self.content_sha256, self.given_label)
        if not all(isinstance(each, str) for each in texts) or not all(
            each is None or isinstance(each, str) for each in others
        ):
            raise TypeError(f"the decision on {self.sample_id!r} holds something that is no text")
        if (self.ruling is Ruling.LABEL) != (self.label is not None):
            raise ValueError(f"a decision with the ruling {self.ruling} has the label {self.label!r}")


def time_text(moment: datetime) -> str:
    """A moment in UTC as decisions and ledgers write it: ISO 8601 to the millisecond, with ``Z``."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
