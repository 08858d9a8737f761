"""The columns of the report: the contract with everything that reads one.

``report.parquet`` has one row an input sample, in input order. Columns with names are dictionary encoded. A value
that is not known is null, never NaN. Each field carries its meaning as Arrow metadata: the file explains itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from labelaudit.records import Reason, Verdict

NAME = pa.dictionary(pa.int32(), pa.string())
"""A class, split, verdict or reason."""


@dataclass(frozen=True)
class Column:
    """One column of a report.

    Attributes:
        name: As in the file.
        type: Arrow type.
        nullable: False where every row has a value.
        meaning: One sentence, with range and direction.
    """

    name: str
    type: pa.DataType
    nullable: bool
    meaning: str


def report_columns(num_classes: int) -> tuple[Column, ...]:
    """All columns of ``report.parquet`` in order, for K = ``num_classes`` classes."""
    text, real, count, whole = pa.string(), pa.float32(), pa.uint16(), pa.int64()
    return (
        Column("sample_id", text, False, "stable and unique: the source's own id, else the path"),
        Column("path", text, True, "relative to the dataset's root, / separated; null where the image is embedded"),
        Column("split", NAME, True, "train, val, test or as the source calls it; null where it has none"),
        Column("given_label", NAME, True, "class name that people gave; null where the dataset gives none"),
        Column("verdict", NAME, False, f"one of {', '.join(Verdict)}"),
        Column("reason", NAME, False, f"why: one of {', '.join(Reason)}"),
        Column("reason_detail", text, True, "for people: the numbers, or the decoder's message"),
        Column("suggested_label", NAME, True, "another class that is convincing; null where none is"),
        Column("suggested_confidence", real, True, "calibrated probability of the suggestion, in [0, 1]"),
        Column("p_mislabelled", real, True, "calibrated probability that the given label is wrong; higher = worse"),
        Column(
            "label_score",
            real,
            True,
            "1 where no other class comes near, 0.5 at a tie with the best other; lower = worse",
        ),
        Column("confidence", real, True, "posterior at the given label, in [0, 1], combined from all sources"),
        Column("confidence_peer1", real, True, "what the first peer gives the given label"),
        Column("confidence_peer2", real, True, "what the second peer gives the given label"),
        Column("confidence_ridge", real, True, "what leave-one-out ridge gives the given label; null where not run"),
        Column("confidence_neighbours", real, True, "what the neighbours give the given label; null where not run"),
        Column("clean_threshold", real, True, "of the given class: clean from this confidence on"),
        Column("noisy_threshold", real, True, "of the given class: noisy up to this confidence"),
        Column("epochs_clean", count, False, "mined epochs that held the row clean"),
        Column("epochs_ambiguous", count, False, "mined epochs that held the row ambiguous"),
        Column("epochs_noisy", count, False, "mined epochs that held the row noisy"),
        Column("entropy", real, True, "of the posterior, in nats"),
        Column("posterior", pa.list_(real, num_classes), True, "a probability a class, in the metadata's class order"),
        Column("decided_label", NAME, True, "a person's decision that this audit was given and trusted"),
        Column("queue_rank", whole, True, "1 = ask about this first; null = not in the queue"),
        Column("duplicate_group", whole, True, "rows that show the same picture share it"),
        Column(
            "outlier_score", real, True, "how odd the picture is among all, in the trunk's features; higher = odder"
        ),
        Column("sharpness", real, True, "variance of the Laplacian of the grey picture"),
        Column("brightness", real, True, "mean grey value, in [0, 1]"),
        Column("content_sha256", text, True, "of the encoded bytes; null where there were none"),
    )


SLICE_PREFIX = "slice_"
"""Begins the name of each column that a dataset's own column was asked to be a slice by; they follow all others."""


def slice_fields(names: Iterable[str]) -> list[pa.Field]:
    """A column a slice: ``slice_annotator`` of the dataset's column ``annotator``."""
    meaning = {"meaning": "the dataset's own column of this name; null where it says nothing"}
    return [pa.field(f"{SLICE_PREFIX}{name}", NAME, nullable=True, metadata=meaning) for name in names]


def report_schema(num_classes: int) -> pa.Schema:
    """Arrow schema of ``report.parquet``, without the metadata that a run adds."""
    return _schema(report_columns(num_classes))


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema(
        [pa.field(each.name, each.type, each.nullable, metadata={"meaning": each.meaning}) for each in columns]
    )


THRESHOLDS_SCHEMA: pa.Schema = _schema(
    (
        Column("epoch", pa.int32(), False, "epochs done when the thresholds were learned, from 1"),
        Column("fold", pa.int32(), False, "fold of the cross-fitting, from 0"),
        Column("class", NAME, False, "class name"),
        Column("mean_confidence", pa.float32(), True, "mean confidence of the class's given labels; null: no rows"),
        Column("clean_threshold", pa.float32(), True, "clean from this confidence on"),
        Column("noisy_threshold", pa.float32(), True, "noisy up to this confidence"),
        Column("clean", pa.int32(), False, "samples of the class held clean"),
        Column("ambiguous", pa.int32(), False, "samples of the class held ambiguous"),
        Column("noisy", pa.int32(), False, "samples of the class held noisy"),
    )
)
"""Arrow schema of ``thresholds.parquet``: one row an (epoch, fold, class)."""
