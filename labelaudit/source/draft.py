"""What a format reads, before the choices that are common to all formats are applied (``finish``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labelaudit.ballots import Ballots
from labelaudit.records import FloatArray
from labelaudit.source.pictures import Pictures
from labelaudit.source.written import LabelPlaces


@dataclass(frozen=True)
class Votes:
    """Annotators' votes as they are written: a column a name, whether the name is a class or not.

    Attributes:
        names: V names in the dataset's order.
        counts: Votes a name, or shares where the dataset gives only those, shape (N, V), >= 0.
        origin: Where they stand, for people: ``the columns votes_neutral to votes_contempt``.
        decide: Whether the given label is their plurality; False = the user chose another label.
        ballots: Who cast which vote, choices as indices of ``names``; None where the dataset does not say.
    """

    names: tuple[str, ...]
    counts: FloatArray
    origin: str
    decide: bool = True
    ballots: Ballots | None = None


@dataclass(frozen=True)
class ClassCodes:
    """What the codes of a known dataset mean.

    Attributes:
        names: Code as it is written -> class name, in the dataset's order.
        no_class: Names among them that stand for no class ("no face"): such rows are kept and not audited.
        closed: Whether other codes are errors of the dataset: their rows are kept and not audited.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    no_class: frozenset[str] = frozenset()
    closed: bool = False

    @classmethod
    def numbered(cls, *names: str, first: int = 0, no_class: Sequence[str] = ()) -> ClassCodes:
        """The codes of a dataset that numbers its classes from ``first`` on and has no others."""
        codes = {str(code): name for code, name in enumerate(names, start=first)}
        return cls(codes, frozenset(no_class), closed=True)


@dataclass
class Draft:
    """A dataset's columns, all of length N, and its pictures.

    Attributes:
        sample_id: As the dataset has them, or derived from the paths.
        label: As written; None where a row has none.
        path: For the report: relative to the root, or None.
        split: As written, or None.
        pictures: By the same row numbers.
        where: What messages call the place: ``labels.csv``, ``the folder faces``.
        ids_derived: Whether ``sample_id`` was made from paths or row numbers, so that twins may be numbered.
        codes: What the labels' codes mean.
        votes: Annotators' votes, or None.
        assumed: What was assumed, one sentence each; ``finish`` adds to it.
        ids_numbered: Whether ``sample_id`` was made from row numbers, and from nothing else.
        slices: What the dataset says of each row beside its label, by the names that were asked for.
        places: Where the labels are written, or None where the dataset cannot be written back.
    """

    sample_id: Sequence[str]
    label: Sequence[str | None]
    path: Sequence[str | None]
    split: Sequence[str | None]
    pictures: Pictures
    where: str
    ids_derived: bool = True
    codes: ClassCodes = field(default_factory=ClassCodes)
    votes: Votes | None = None
    assumed: list[str] = field(default_factory=list)
    ids_numbered: bool = False
    places: LabelPlaces | None = None
    slices: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
