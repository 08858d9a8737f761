"""Words that a person chooses from when labels are put right. Light: the command line starts with it."""

from __future__ import annotations

from enum import StrEnum


class ApplyAs(StrEnum):
    """What is written.

    ``labels``: the files that hold labels; pictures stay where they are. ``plan``: which pictures ought to be renamed,
    for labels that stand in names. ``links`` and ``copy``: the whole dataset, its pictures as hard links or copies.
    ``manifest``: a table of sample ids, paths and class names, for any dataset.
    """

    LABELS = "labels"
    PLAN = "plan"
    LINKS = "links"
    COPY = "copy"
    MANIFEST = "manifest"


class OnConflict(StrEnum):
    """What becomes of a row that people disagree about.

    ``ask``: nothing, until somebody settles it. ``keep``: the given label stays, and the ledger says why. ``drop``: the
    row is left out of the new labels.
    """

    ASK = "ask"
    KEEP = "keep"
    DROP = "drop"


class Drop(StrEnum):
    """Rulings whose rows may be left out; the values are those of ``Ruling``."""

    AMBIGUOUS = "ambiguous"
    NOT_A_FACE = "not_a_face"
