"""Whether a report, the dataset as it lies there now, and the pictures that people saw still belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa

from labelaudit.errors import DecisionError, PixelError
from labelaudit.queue.outcome import Outcome
from labelaudit.records import Progress, Stage
from labelaudit.source.interface import LabelSource


def check_same_dataset(source: LabelSource, table: pa.Table) -> None:
    """Refuses a dataset that is not the report's, row by row.

    Args:
        source: The dataset.
        table: The report's columns ``sample_id`` and ``given_label``.

    Raises:
        DecisionError: An id or a label differs, or there are more or fewer rows.
    """
    for name, now in (("sample_id", source.table.sample_id), ("given_label", source.table.given_label)):
        column = table[name].cast(pa.large_string()).combine_chunks()
        found = pa.array(now, pa.large_string())
        if not column.equals(found):
            pairs = enumerate(zip(column.to_pylist(), now, strict=False), start=1)
            row, then, here = next(
                ((row, one, other) for row, (one, other) in pairs if one != other),
                (min(len(column), len(now)) + 1, "", ""),
            )
            raise DecisionError(
                f"the dataset is not as it was when it was audited: the {name} of row {row:,} was {then!r} and is "
                f"{here!r} ({len(column):,} rows then, {len(now):,} now); audit it again, or name it with --dataset"
            )


def check_pictures(source: LabelSource, outcomes: Sequence[Outcome], progress: Progress) -> None:
    """Refuses decisions about pictures that have changed since they were audited.

    Args:
        source: The dataset.
        outcomes: Rows that are about to change; only their pictures are read.
        progress: Told how it goes.

    Raises:
        DecisionError: A picture is another one, or cannot be read any more.
    """
    known = [each for each in outcomes if each.content_sha256 is not None]
    for done, each in enumerate(known, start=1):
        try:
            picture = source.read(each.merged.row)
        except PixelError as error:
            raise DecisionError(f"{each.sample_id} was decided about and cannot be read now: {error}") from error
        content = picture if isinstance(picture, bytes) else picture.tobytes()
        if hashlib.sha256(content).hexdigest() != each.content_sha256:
            raise DecisionError(
                f"the picture of {each.sample_id} is not the one that was audited and decided about: audit again"
            )
        progress(Stage("checking", done, len(known), "faces"))
