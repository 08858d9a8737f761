"""Words that a person chooses from when a queue is handed out. Light: the command line starts with it."""

from __future__ import annotations

from enum import StrEnum


class PictureWay(StrEnum):
    """What is done about pictures: copied beside the queue, or left where they are."""

    COPY = "copy"
    NONE = "none"


class Suspicion(StrEnum):
    """The verdicts that a queue holds; clean rows are not asked about."""

    MISLABELLED = "mislabelled"
    AMBIGUOUS = "ambiguous"
