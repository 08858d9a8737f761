"""Runs that look finished: a report of a dataset as it lies there, without anything having been trained."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from labelaudit.errors import PixelError
from labelaudit.records import Reason, Verdict
from labelaudit.report.metadata import METADATA_KEY, ReportMetadata
from labelaudit.report.schema import report_schema
from labelaudit.rundir import RunDir
from labelaudit.source.detect import open_source
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import Origin, write_origin


def picture_folder(folder: Path, *paths: str) -> Path:
    """Pictures in a folder by their paths; each has its own grey value."""
    for value, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(grey_png(value))
    return folder


def grey_png(value: int) -> bytes:
    """An encoded grey picture of one value."""
    file = io.BytesIO()
    Image.new("L", (6, 4), value).save(file, "PNG")
    return file.getvalue()


def finished_run(root: Path, dataset: Path, options: SourceOptions | None = None) -> RunDir:
    """A run of a dataset on disk, which its later commands find again."""
    run = run_of(root, open_source(dataset, options))
    write_origin(run, Origin(str(dataset), options or SourceOptions()))
    return run


def run_of(root: Path, source: LabelSource) -> RunDir:
    """A run of any source, all of its rows clean."""
    table, run = source.table, RunDir(root)
    rows = len(table)
    known = {
        "sample_id": list(table.sample_id),
        "path": list(table.path),
        "split": list(table.split),
        "given_label": list(table.given_label),
        "verdict": [Verdict.CLEAN] * rows,
        "reason": [Reason.ABOVE_CLEAN_THRESHOLD] * rows,
        "content_sha256": [content_sha256(source, row) for row in range(rows)],
        **{name: [0] * rows for name in ("epochs_clean", "epochs_ambiguous", "epochs_noisy")},
    }
    metadata = ReportMetadata(
        tool_version="0.1.0",
        dataset="copy",
        dataset_fingerprint="f00d",
        source_format=source.format,
        source_why=source.why,
        classes=table.labels.names,
        settings={},
        seed=0,
        device="cpu",
        weights="none",
        torch_version="2.6.0",
        model_hash="0123456789abcdef",
    )
    schema = report_schema(len(table.labels)).with_metadata({METADATA_KEY: metadata.to_bytes()})
    columns = [pa.array(known.get(field.name, [None] * rows), field.type) for field in schema]
    root.mkdir(parents=True)
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), run.report)
    return run


def content_sha256(source: LabelSource, row: int) -> str | None:
    """As the report has it."""
    try:
        picture = source.read(row)
    except PixelError:
        return None
    content = picture if isinstance(picture, bytes) else picture.tobytes()
    return hashlib.sha256(content).hexdigest() if content else None
