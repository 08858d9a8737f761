"""Decisions back in, whatever tool they were made with; and whether they belong to a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelaudit.decision import Decision
from labelaudit.errors import DecisionError
from labelaudit.jsontext import parse_json
from labelaudit.queue.choices import choices_of
from labelaudit.queue.decision_lines import read_decision_lines
from labelaudit.queue.returned import read_json
from labelaudit.queue.tabular import read_tabular
from labelaudit.report.table import Report
from labelaudit.source.words import counted, did_you_mean, some

DECISION_COLUMNS = ("sample_id", "content_sha256")
"""Columns of a report that ``check_decisions`` needs."""

Reader = Callable[[Path], tuple[Decision, ...]]
_HEAD = 65_536


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """Reads the decisions of one file. What it is, is seen from its content and not from its name.

    Known are our own lines, the ledger of ``labelaudit apply``, csv, tsv and Parquet tables of ``labelaudit queue``,
    and exports of Label Studio (JSON), CVAT (XML, or the zip that it comes in), Datumaro (JSON) and FiftyOne (JSON).

    Raises:
        DecisionError: It is none of these, or is damaged; the message names the file.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DecisionError(f"{path} is a pipe or a device; save what comes out of it to a file")
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        hint = "name the file in it" if path.is_dir() else "is the path right?"
        raise DecisionError(f"{path} cannot be read: {error.strerror}; {hint}") from error
    return _reader(path, head)(path)


def check_decisions(decisions: Sequence[Decision], report: Report) -> NDArray[np.int64]:
    """Finds the rows that decisions speak of, and refuses decisions that were made for something else.

    Args:
        decisions: M decisions.
        report: With at least ``DECISION_COLUMNS``.

    Returns:
        The row number of each decision, (M,), in [0, N).

    Raises:
        DecisionError: Decisions name rows or classes that the report does not have, or were made of pictures that
            have changed since the audit; the first few are named.
    """
    known = report.table
    return find_rows(
        decisions,
        sample_id=known["sample_id"].combine_chunks(),
        content_sha256=known["content_sha256"].combine_chunks(),
        classes=report.classes,
    )


def find_rows(
    decisions: Sequence[Decision], *, sample_id: pa.Array, content_sha256: pa.Array, classes: Sequence[str]
) -> NDArray[np.int64]:
    """``check_decisions`` against columns of N rows.

    Raises:
        DecisionError: As ``check_decisions``.
    """
    rows = _rows_of([each.sample_id for each in decisions], sample_id)
    _refuse("no row of this report", [each.sample_id for each, row in zip(decisions, rows, strict=True) if row < 0])
    _check_labels(decisions, classes)
    changed = [
        each.sample_id
        for each, digest in zip(decisions, content_sha256.take(pa.array(rows)).to_pylist(), strict=True)
        if None not in (digest, each.content_sha256) and each.content_sha256 != digest
    ]
    _refuse("a picture that is not the one that was audited", changed)
    return rows


def _reader(path: Path, head: bytes) -> Reader:
    """The reader of a file, by how it begins."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"<", b"PK\x03\x04")):  # CVAT gives XML, mostly in a zip
        from labelaudit.queue.cvat import read_cvat

        return read_cvat
    if not start.startswith((b"{", b"[")):
        return read_tabular
    first = _json_object(start.partition(b"\n")[0])
    if "act" in first:
        from labelaudit.queue.ledger import read_ledger_decisions

        return read_ledger_decisions
    if "sample_id" in first:
        return read_decision_lines if "ruling" in first else read_tabular
    return _json_reader(path)


def _json_reader(path: Path) -> Reader:
    value = read_json(path)
    if isinstance(value, list):
        from labelaudit.queue.label_studio import read_label_studio

        return read_label_studio
    if "items" in value:
        from labelaudit.queue.datumaro import read_datumaro

        return read_datumaro
    if "samples" in value or "labels" in value:
        from labelaudit.queue.fiftyone import read_fiftyone

        return read_fiftyone
    raise DecisionError(
        f"{path} is JSON of no kind that is known; known are exports of Label Studio, Datumaro and FiftyOne"
    )


def _json_object(line: bytes) -> dict[str, Any]:
    """A line's JSON object; empty where it is none."""
    try:
        value = parse_json(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _rows_of(sample_ids: Sequence[str], known: pa.Array) -> NDArray[np.int64]:
    """Row number of each id, -1 where none is such."""
    found = pc.index_in(pa.array(sample_ids, known.type), value_set=known)
    rows: NDArray[np.int64] = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return rows


def _check_labels(decisions: Sequence[Decision], classes: Sequence[str]) -> None:
    unknown = Counter(each.label for each in decisions if each.label is not None and each.label not in classes)
    if unknown:
        (label, count), *others = unknown.most_common()
        more = f" (and {counted(len(others), 'other name')} that the report does not have)" if others else ""
        hint = did_you_mean(label, choices_of(classes)) or f"; choices are {', '.join(choices_of(classes))}"
        raise DecisionError(f"{counted(count, 'decision')} chose {label!r}, which is no class{more}{hint}")


def _refuse(what: str, sample_ids: Sequence[str]) -> None:
    if sample_ids:
        verb = "names" if len(sample_ids) == 1 else "name"
        named = some([repr(each) for each in dict.fromkeys(sample_ids)])
        raise DecisionError(
            f"{counted(len(sample_ids), 'decision')} {verb} {what}: {named}; were they made for another run?"
        )
