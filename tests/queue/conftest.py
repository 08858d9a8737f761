"""Reports made of a few rows, to ask about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from labelaudit.records import Reason, Verdict
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.schema import report_columns, report_schema
from labelaudit.report.table import Report

CLASSES = ("happy", "neutral", "sad")
_ROW = {
    "given_label": "happy",
    "verdict": Verdict.MISLABELLED,
    "reason": Reason.BELOW_NOISY_THRESHOLD,
    "reason_detail": "confidence 0.100 in happy, noisy up to 0.200",
    "suggested_label": "sad",
    "suggested_confidence": 0.8,
    "p_mislabelled": 0.9,
    "posterior": [0.1, 0.1, 0.8],
    "epochs_clean": 0,
    "epochs_ambiguous": 0,
    "epochs_noisy": 0,
}
METADATA = ReportMetadata(
    tool_version="0.1.0",
    dataset="faces",
    dataset_fingerprint="f00d",
    source_format="folder",
    source_why="a folder a class",
    classes=CLASSES,
    settings={},
    seed=0,
    device="cpu",
    weights="none",
    torch_version="2.6.0",
    model_hash="0123456789abcdef",
)


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """Makes a report of the rows that are named, by what differs from a mislabelled ``happy`` that looks ``sad``.

    Row i has the id ``a/i.png`` and, unless it is said otherwise, the rank i + 1. Words change the metadata.
    """

    def make(*rows: dict[str, Any], **metadata: Any) -> Report:
        filled = [
            {
                **_ROW,
                "sample_id": f"a/{i}.png",
                "path": f"a/{i}.png",
                "content_sha256": f"{i:064x}",
                "queue_rank": i + 1,
            }
            | row
            for i, row in enumerate(rows)
        ]
        names = [column.name for column in report_columns(len(CLASSES))]
        columns = {name: [row.get(name) for row in filled] for name in names}
        schema = report_schema(len(CLASSES))
        table = pa.table([pa.array(columns[name], schema.field(name).type) for name in names], schema=schema)
        return Report(table, replace(METADATA, **metadata))

    return make
