"""The formats of a queue by name: who writes each, what it does about pictures, and what is done with it next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from labelaudit.errors import SettingsError
from labelaudit.queue.cvat import write_cvat
from labelaudit.queue.datumaro import write_datumaro
from labelaudit.queue.fiftyone import write_fiftyone
from labelaudit.queue.imagefolder import write_imagefolder
from labelaudit.queue.item import Queue
from labelaudit.queue.label_studio import write_label_studio
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
    """One way to hand a queue to annotators. In its texts for people, ``{out}`` stands for what was written.

    Attributes:
        name: As ``--format`` has it.
        title: What people call it.
        write: Its writer.
        is_folder: Whether it is a folder, which then holds copies of the pictures unless something else is told; else
            a single file, of which ``name`` is the ending.
        way_in: What to do with what was written.
        way_back: What ``labelaudit apply`` is then given: a path, or a word in capitals such as ``EXPORT.json``.
        needs_copies: Whether it is of no use without the pictures in its folder.
    """

    name: str
    title: str
    write: QueueWriter
    is_folder: bool
    way_in: str
    way_back: str
    needs_copies: bool = False


_FILL_IN = "fill in the column decision of {out}"
_INTO_LABEL_STUDIO = (
    "make a project in Label Studio, paste {out}/labeling-config.xml as the code of its labeling interface, "
    "and import {out}/tasks.json (of a queue beyond 100 MiB tasks-2.json and so on, too)"
)
_INTO_CVAT = (
    "make a task in CVAT, paste {out}/labels.json as its raw labels, give it the pictures in {out}/images, "
    "and upload {out}/annotations.xml as 'CVAT 1.1'"
)
_INTO_DATUMARO = "read {out} with datumaro: Dataset.import_from('{out}', 'datumaro')"
_INTO_FIFTYONE = (
    "open {out} in FiftyOne: fiftyone.Dataset.from_dir('{out}', fiftyone.types.FiftyOneDataset), "
    "and fill in the field decision"
)
_INTO_HF = "read {out} with load_dataset('imagefolder', data_dir='{out}'), or fill in decision in its metadata.jsonl"

FORMATS = (
    QueueFormat(
        "label-studio",
        "Label Studio tasks",
        write_label_studio,
        True,
        way_in=_INTO_LABEL_STUDIO,
        way_back="EXPORT.json",
    ),
    QueueFormat("cvat", "CVAT image tags", write_cvat, True, way_in=_INTO_CVAT, way_back="EXPORT.zip"),
    QueueFormat(
        "datumaro",
        "a Datumaro dataset",
        write_datumaro,
        True,
        way_in=_INTO_DATUMARO,
        way_back="EXPORT/annotations/queue.json",
        needs_copies=True,
    ),
    QueueFormat(
        "fiftyone", "a FiftyOne dataset", write_fiftyone, True, way_in=_INTO_FIFTYONE, way_back="EXPORT/samples.json"
    ),
    QueueFormat(
        "hf",
        "a Hugging Face imagefolder",
        write_imagefolder,
        True,
        way_in=_INTO_HF,
        way_back="{out}/metadata.jsonl",
        needs_copies=True,
    ),
    QueueFormat("csv", "a table for any spreadsheet", write_csv, False, _FILL_IN, "{out}"),
    QueueFormat("parquet", "a Parquet table", write_parquet, False, _FILL_IN, "{out}"),
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
