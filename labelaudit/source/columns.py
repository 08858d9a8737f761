"""Which column of a table holds what: as the user says, else by its usual names, never by a coin toss."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from labelaudit.errors import SourceError
from labelaudit.source.cells import is_list, is_name, is_picture, is_text, texts
from labelaudit.source.options import SourceOptions
from labelaudit.source.walk import is_picture_name
from labelaudit.source.words import did_you_mean, squeezed


class Role(StrEnum):
    """What a column holds; the value is the option that names the column."""

    PATH = "--path-column"
    LABEL = "--label-column"
    ID = "--id-column"
    SPLIT = "--split-column"
    IMAGE = "--image-column"
    ANNOTATOR = "--annotator-column"


_USUAL: dict[Role, frozenset[str]] = {
    role: frozenset(names.split())
    for role, names in (
        (
            Role.PATH,
            "path file filename filepath image img imagepath imgpath imagefile imgfile imagename imgname pic pth",
        ),
        (Role.LABEL, "label labels class classname category emotion expression target y givenlabel groundtruth gt cls"),
        (Role.ID, "id sampleid imageid imgid uid uuid key"),
        (Role.SPLIT, "split usage subset partition"),
        (Role.IMAGE, ""),  # known by its type
        (Role.ANNOTATOR, "annotator annotatorid worker workerid rater raterid coder coderid"),
    )
}
_FITS: dict[Role, Callable[[pa.DataType], bool]] = {
    Role.PATH: is_text,
    Role.LABEL: lambda kind: is_name(kind) or is_list(kind),
    Role.ID: is_name,
    Role.SPLIT: is_name,
    Role.IMAGE: is_picture,
    Role.ANNOTATOR: is_name,
}
_LOOKED_AT = 50  # rows, where names of columns do not tell


@dataclass(frozen=True)
class Columns:
    """The columns that were chosen; None where a table has none.

    Attributes:
        path, label, id, split, image, annotator: Names of columns.
    """

    path: str | None = None
    label: str | None = None
    id: str | None = None
    split: str | None = None
    image: str | None = None
    annotator: str | None = None


class Chooser:
    """Chooses columns one after the other, so that none is taken twice.

    Args:
        table: The table.
        options: What the user said.
        where: What messages call the table.
        assumed: Told about every guess.
    """

    def __init__(self, table: pa.Table, options: SourceOptions, *, where: str, assumed: list[str]) -> None:
        self._table = table
        self._where = where
        self._assumed = assumed
        self._told = {
            Role.PATH: options.path_column,
            Role.LABEL: options.label_column,
            Role.ID: options.id_column,
            Role.SPLIT: options.split_column,
            Role.IMAGE: options.image_column,
            Role.ANNOTATOR: options.annotator_column,
        }
        self._taken = {name for told in self._told.values() if told and (name := self._named(told)) is not None}

    def choose(self, role: Role, *, taken: Collection[str] = (), needed: bool = True) -> str | None:
        """The column for a role, or None where nothing fits.

        Args:
            role: What the column is to hold.
            taken: Columns that hold something else.
            needed: False = the column only adds to what is known: a guess is not said, and several mean none.

        Raises:
            SourceError: The column that the user named is not there or cannot hold this, or several columns fit.
        """
        told = self._told[role]
        if told is not None:
            return self._checked(role, told)
        free = [name for name in self._table.column_names if name not in self._taken and name not in taken]
        fitting = self._fitting(role, free)
        if not fitting and role is Role.PATH and (own_id := self._told[Role.ID]) is not None:
            fitting = self._fitting(role, [self._checked(Role.ID, own_id)])  # ids may be the paths
        if not fitting:
            return None
        if not needed:
            return fitting[0] if len(fitting) == 1 else None
        if len(fitting) > 1:
            quoted = " and ".join(map(repr, fitting))
            raise SourceError(f"{self._where}: the columns {quoted} could both be meant; choose one with {role.value}")
        chosen: str = fitting[0]
        self._taken.add(chosen)
        self._assumed.append(f"{_HOLDS[role]} come from the column {chosen!r} ({role.value})")
        return chosen

    def missing(self, role: Role) -> SourceError:
        """The error for a table in which nothing fits a role that it needs."""
        return SourceError(
            f"{self._where} has no column that looks like {_HOLDS[role]}; name it with {role.value} "
            f"(its columns: {', '.join(self._table.column_names)})"
        )

    def _fitting(self, role: Role, names: Collection[str]) -> list[str]:
        fitting = [name for name in names if _FITS[role](self._table.schema.field(name).type)]
        if role is Role.IMAGE:
            return fitting
        usual = [name for name in fitting if squeezed(name) in _USUAL[role]]
        return usual if usual or role is not Role.PATH else [name for name in fitting if self._holds_paths(name)]

    def _checked(self, role: Role, told: str) -> str:
        names = self._table.column_names
        name = self._named(told)
        if name is None:
            raise SourceError(
                f"{role.value} {told}: {self._where} has no such column{did_you_mean(told, names)} "
                f"(its columns: {', '.join(names)})"
            )
        kind = self._table.schema.field(name).type
        if not _FITS[role](kind):
            raise SourceError(f"{role.value} {told}: the column holds {kind}, which cannot be {_HOLDS[role]}")
        return name

    def _named(self, told: str) -> str | None:
        names: list[str] = self._table.column_names
        return next((name for name in names if name.strip() == told.strip()), None)

    def _holds_paths(self, name: str) -> bool:
        first = [text for text in texts(self._table.column(name).slice(0, _LOOKED_AT)) if text]
        return bool(first) and all(is_picture_name(text) for text in first)


_HOLDS = {
    Role.PATH: "paths",
    Role.LABEL: "labels",
    Role.ID: "sample ids",
    Role.SPLIT: "splits",
    Role.IMAGE: "pictures",
    Role.ANNOTATOR: "annotators",
}


def chosen_attribute(told: str | None, attributes: Sequence[str], title: str) -> str:
    """The attribute of a dataset with several labels a picture that ``--label-column`` chooses.

    Raises:
        SourceError: None is chosen, or there is none of this name.
    """
    if told is None:
        raise SourceError(f"{title} labels several things: choose one with --label-column ({', '.join(attributes)})")
    by_squeezed = {squeezed(name): name for name in attributes}
    if squeezed(told) not in by_squeezed:
        hint = did_you_mean(told, attributes)
        raise SourceError(f"--label-column {told}: {title} has no such label{hint} ({', '.join(attributes)})")
    return by_squeezed[squeezed(told)]


def may_hold(role: Role, names: Collection[str], told: str | None = None) -> bool:
    """Whether one of a header's names is usual for a role, or is the one that the user named."""
    return any(name == told or squeezed(name) in _USUAL[role] for name in names)
