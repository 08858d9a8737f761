"""Writes and reads the report's Parquet files.

Rows are built and written a row group at a time, so memory stays bounded however long the dataset is. The same input
gives the same bytes: nothing in the files tells when or where they were written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from labelaudit.errors import ReportError
from labelaudit.records import Evidence, PixelFacts, SampleTable, ThresholdHistory, VerdictTable
from labelaudit.report.columns import (
    Names,
    evidence_columns,
    fact_columns,
    named,
    real,
    sample_columns,
    verdict_columns,
)
from labelaudit.report.file import Report as Report
from labelaudit.report.file import is_report as is_report
from labelaudit.report.file import open_report
from labelaudit.report.metadata import METADATA_KEY, EpochThreshold, ReportMetadata
from labelaudit.report.schema import NAME, THRESHOLDS_SCHEMA, report_schema, slice_fields
from labelaudit.rundir import RunDir, written_aside

ROWS_A_GROUP = 131_072
"""Rows built and written at once; what Parquet readers skip and share out by."""


def write_report(
    path: Path,
    *,
    table: SampleTable,
    evidence: Evidence,
    facts: PixelFacts,
    verdicts: VerdictTable,
    metadata: ReportMetadata,
) -> None:
    """Writes ``report.parquet``, whole or not at all.

    Args:
        path: The file to be; replaced where it exists.
        table: The samples, N rows.
        evidence: What the models say, N rows.
        facts: What decoding found, N rows.
        verdicts: The verdicts, N rows.
        metadata: Where the report comes from; the last epoch's thresholds are filled in here.

    Raises:
        ValueError: The tables differ in length, or the metadata names other classes.
        ReportError: The file cannot be written.
    """
    lengths = {len(table), len(evidence.posterior), len(facts.error), len(verdicts.verdict)}
    if len(lengths) != 1:
        raise ValueError(f"tables differ in length: {sorted(lengths)}")
    metadata = replace(metadata, last_thresholds=_last_thresholds(evidence.history, table.labels.names))
    with _report_writer(path, table, metadata) as write_rows:
        for start in range(0, len(table), ROWS_A_GROUP):
            rows = slice(start, start + ROWS_A_GROUP)
            write_rows(rows, rows, evidence, facts, verdicts)


def write_report_parts(
    path: Path,
    *,
    table: SampleTable,
    parts: Iterable[tuple[Evidence, PixelFacts, VerdictTable]],
    metadata: ReportMetadata,
) -> None:
    """``write_report`` of rows that come in parts and are nowhere together.

    Args:
        path: The file to be; replaced where it exists.
        table: The samples, N rows.
        parts: What is said of consecutive rows, N in all; ``ROWS_A_GROUP`` at a time give the file of ``write_report``.
        metadata: Where the report comes from.

    Raises:
        ValueError: The parts are not N rows in all, or the metadata names other classes.
        ReportError: The file cannot be written.
    """
    with _report_writer(path, table, metadata) as write_rows:
        start = 0
        for evidence, facts, verdicts in parts:
            count = len(verdicts.verdict)
            write_rows(slice(start, start + count), slice(0, count), evidence, facts, verdicts)
            start += count
        if start != len(table):
            raise ValueError(f"parts of {start} rows are no report of {len(table)}")


_WriteRows = Callable[[slice, slice, Evidence, PixelFacts, VerdictTable], None]


@contextmanager
def _report_writer(path: Path, table: SampleTable, metadata: ReportMetadata) -> Iterator[_WriteRows]:
    """A writer of rows of the table, told which they are there, and which in the rest."""
    classes = table.labels.names
    if metadata.classes != classes:
        raise ValueError(f"metadata names the classes {metadata.classes}, the samples {classes}")
    schema = pa.schema([*report_schema(len(classes)), *slice_fields(table.slices)])
    schema = schema.with_metadata({METADATA_KEY: metadata.to_bytes()})
    names = Names.of(table)
    with _writer(path, schema) as writer:

        def write_rows(
            rows: slice, within: slice, evidence: Evidence, facts: PixelFacts, verdicts: VerdictTable
        ) -> None:
            columns = {
                **sample_columns(table, rows, names),
                **verdict_columns(verdicts, within, classes),
                **evidence_columns(evidence, table.given[rows], within),
                **fact_columns(facts, within),
            }
            writer.write_batch(pa.record_batch([columns[name] for name in schema.names], schema=schema))

        yield write_rows


def write_thresholds(path: Path, *, history: ThresholdHistory, classes: Sequence[str]) -> None:
    """Writes ``thresholds.parquet``, whole or not at all.

    Args:
        path: The file to be; replaced where it exists.
        history: Thresholds through the epochs.
        classes: The K class names.

    Raises:
        ReportError: The file cannot be written.
    """
    columns = [
        pa.array(history.epoch, pa.int32()),
        pa.array(history.fold, pa.int32()),
        named(history.class_index, classes),
        real(history.mean_confidence),
        real(history.clean_threshold),
        real(history.noisy_threshold),
        pa.array(history.clean, pa.int32()),
        pa.array(history.ambiguous, pa.int32()),
        pa.array(history.noisy, pa.int32()),
    ]
    with _writer(path, THRESHOLDS_SCHEMA) as writer:
        writer.write_batch(pa.record_batch(columns, schema=THRESHOLDS_SCHEMA))


def read_report(source: RunDir | Path | str, *, columns: Sequence[str] | None = None) -> Report:
    """Reads a whole report; ``file.open_report`` reads it in parts.

    Args:
        source: A run, its folder, or the path of a ``report.parquet``.
        columns: Only these columns, in this order; None = all.

    Raises:
        ReportError: There is no report, it has another schema version, or a column is missing.
    """
    return open_report(source).read(columns)


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet writer beside the target, which takes its place when all is well."""
    dictionaries = [field.name for field in schema if field.type == NAME]
    try:
        with (
            written_aside(path) as aside,
            pq.ParquetWriter(aside, schema, compression="zstd", use_dictionary=dictionaries) as writer,
        ):
            yield writer
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0]
        raise ReportError(f"cannot write {path}: {reason}; free some space, or name another folder") from error


def _last_thresholds(history: ThresholdHistory, classes: Sequence[str]) -> tuple[EpochThreshold, ...]:
    """Every class's thresholds in the last mined epoch, averaged over folds; classes without any are left out."""
    if len(history.epoch) == 0:
        return ()
    last = history.epoch == history.epoch.max()
    found = []
    for index, label in enumerate(classes):
        rows = last & (history.class_index == index) & np.isfinite(history.mean_confidence)
        if rows.any():
            columns = (history.mean_confidence, history.clean_threshold, history.noisy_threshold)
            found.append(EpochThreshold(label, *(round(float(column[rows].mean()), 6) for column in columns)))
    return tuple(found)
