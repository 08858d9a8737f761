"""The formats of a queue by name: who writes each, what it does about pictures, and what is done with it next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from labelaudit.errors import SettingsError
from labelaudit.queue.item import Queue
from labelaudit.queue.tabular import write_csv, write_parquet
from labelaudit.source.words import did_you_mean


class QueueWriter(Protocol):
    """Writes a queue."""

    def __call__(self, queue: Queue, out: Path, *, pictures: Mapping[str, str]) -> None:
        """Writes it.

        Args:
            queue: The rows. Of a folder format every row is in ``pictures``.
            out: An existing empty folder to write into; of a file format the file to be, which does not exist.
            pictures: sample_id -> how the tool reaches the row's picture: a URL, or a path relative to ``out`` with
                ``/`` between parts, or, where a person chose not to copy any, its path in the dataset. A file format
                may find none.
        """
        ...


@dataclass(frozen=True)
class QueueFormat:
    """One way to hand a queue to annotators.

    Attributes:
        name: As ``--format`` has it.
        title: What people call it.
        write: Its writer.
        is_folder: Whether it is a folder, which then holds copies of the pictures unless something else is told; else
            a single file, of which ``name`` is the ending.
        needs_copies: Whether it is of no use without the pictures in its folder.
        way_in: What to do with what was written, for people; ``{out}`` stands for where it is.
        way_back: What to export from the tool afterwards, for people.
    """

    name: str
    title: str
    write: QueueWriter
    is_folder: bool
    needs_copies: bool = False
    way_in: str = ""
    way_back: str = ""


_FILL_IN = "fill in the column decision of {out}"

FORMATS = (
    QueueFormat("csv", "a table for any spreadsheet", write_csv, is_folder=False, way_in=_FILL_IN, way_back="the file"),
    QueueFormat("parquet", "a Parquet table", write_parquet, is_folder=False, way_in=_FILL_IN, way_back="the file"),
)
"""Every format, in the order in which help names them."""


def format_named(name: str) -> QueueFormat:
    """The format of a name.

    Raises:
        SettingsError: There is none such.
    """
    for each in FORMATS:
        if each.name == name:
            return each
    names = [each.name for each in FORMATS]
    raise SettingsError(f"unknown format {name!r}{did_you_mean(name, names) or '; known are ' + ', '.join(names)}")
