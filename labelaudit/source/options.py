"""How a person says what detection leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class SourceOptions:
    """Choices about a dataset; every default means "look and decide".

    Attributes:
        format: Registered name of the format, or None to detect it.
        label_column, path_column, id_column, split_column, image_column: Names of a table's columns.
        annotator_column: A column that names the annotator, for tables with a row an annotator.
        root: Folder that paths are relative to; None = the folder of the manifest.
        label_map: From a label as it is written to a class name. Labels that the map leaves out keep their name.
        votes: A label may be the plurality of several votes; False takes ``label_column`` as it stands.
        splits: Only rows of these splits, empty = all.
        slices: Columns that name groups of rows, such as annotators, whose labels are to be compared.
        classes: Classes that are known beforehand, as a finished model's are: a dataset may then hold one of them only,
            or no label at all. Empty = the dataset has to tell.
    """

    format: str | None = None
    label_column: str | None = None
    path_column: str | None = None
    id_column: str | None = None
    split_column: str | None = None
    image_column: str | None = None
    annotator_column: str | None = None
    root: Path | None = None
    label_map: Mapping[str, str] = field(default_factory=dict)
    votes: bool = True
    splits: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
