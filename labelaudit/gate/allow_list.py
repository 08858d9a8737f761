"""A committed list of samples that people looked at and accepted.

One a line: the SHA-256 of the file's bytes, the label that was accepted, and after ``#`` who said so and why::

    3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d39a14ee5b3a3d6ad6b0d11  happy  # Ann: a smile with closed eyes

A row is accepted where both agree: the same picture under another label is found again. A line without a label accepts
the picture under any. A label that has ``#`` or quotes in it, or spaces at its ends, stands in JSON's quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelaudit.errors import GateError
from labelaudit.gate.findings import Finding, Mask
from labelaudit.report.file import ReportFile
from labelaudit.report.words import shown
from labelaudit.rundir import written_aside

ALLOW_LIST_NAME = "labelaudit-allow.txt"
_LINE = re.compile(r"""([0-9a-fA-F]{64})(?:\s+("(?:[^"\\]|\\.)*"|[^\s#"](?:[^#]*[^\s#])?))?\s*(?:#.*)?""")
_HEAD = """\
# Samples that labelaudit check accepts: SHA-256 of the file, its label, # who accepted it and why.
"""


@dataclass(frozen=True)
class AllowList:
    """Accepted samples.

    Attributes:
        labels: SHA-256 in lower case -> the labels it is accepted with; None among them = any.
    """

    labels: Mapping[str, frozenset[str | None]]

    def __len__(self) -> int:
        return sum(len(labels) for labels in self.labels.values())

    def accepts(self, content_sha256: str | None, label: str | None) -> bool:
        """True for a sample that is on the list with this label."""
        labels = self.labels.get(content_sha256 or "", frozenset())
        return None in labels or (label is not None and label in labels)

    def accepted(self, report: ReportFile) -> Mask:
        """Rows that are on the list, (N,)."""
        if not self.labels:
            return np.zeros(len(report), dtype=bool)
        parts = report.parts(("content_sha256", "given_label"))
        return np.concatenate([np.zeros(0, dtype=bool), *(self.accepted_of(part.table) for part in parts)])

    def accepted_of(self, table: pa.Table) -> Mask:
        """Rows of a part of a report that are on the list, (n,).

        Args:
            table: With ``content_sha256`` and ``given_label``.
        """
        found = np.zeros(table.num_rows, dtype=bool)
        listed = pc.is_in(table["content_sha256"], value_set=pa.array(list(self.labels), pa.string()))
        rows = np.flatnonzero(listed.to_numpy())
        some = table.select(["content_sha256", "given_label"]).take(pa.array(rows)).to_pylist()
        found[rows] = [self.accepts(row["content_sha256"], row["given_label"]) for row in some]
        return found


NOTHING_ALLOWED = AllowList({})


def read_allow_list(path: Path) -> AllowList:
    """Reads a list.

    Raises:
        GateError: It cannot be read, or a line is none of its kind; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise GateError(f"{path} cannot be read: {error.strerror}; is the path of the allow-list right?") from error
    except UnicodeDecodeError as error:
        raise GateError(f"{path} is not UTF-8 text; an allow-list has a line a sample") from error
    return parse_allow_list(text, where=str(path))


def parse_allow_list(text: str, *, where: str) -> AllowList:
    """Reads the text of a list; ``where`` is its name for messages. Raises as ``read_allow_list``."""
    found: dict[str, frozenset[str | None]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            sha256, label = _parse_line(line, where=f"{where}, line {number}")
            found[sha256] = found.get(sha256, frozenset()) | {label}
    return AllowList(found)


def _parse_line(text: str, *, where: str) -> tuple[str, str | None]:
    match = _LINE.fullmatch(text)
    if match is None:
        raise GateError(f"{where} is no accepted sample; write the SHA-256 of its file, its label, and # why")
    label = match[2]
    if label is not None and label.startswith('"'):
        try:
            label = json.loads(label)
        except ValueError as error:
            raise GateError(f"{where} has a label in broken quotes; write it as JSON does") from error
    return match[1].lower(), label


def allow_line(finding: Finding, *, why: str) -> str:
    """The line that accepts a finding.

    Args:
        finding: With a hash.
        why: Who accepts it and why; on one line.
    """
    label = finding.given_label or ""
    if label != label.strip() or set(label) & set('#"\\') or not label.isprintable():
        label = json.dumps(label, ensure_ascii=not label.isprintable())
    said = f"  # {shown(' '.join(f'{why} {finding.name}'.split()))}"
    return f"{finding.content_sha256}{f'  {label}' if label else ''}{said}"


def write_accepted(path: Path, findings: Iterable[Finding], *, why: str) -> int:
    """Adds findings to a list, or begins one; lines that stand there stay as they are.

    Args:
        path: The list.
        findings: What is accepted; those without a hash cannot be.
        why: Who accepts them and why.

    Returns:
        How many lines were added; what the list holds already is not added again.

    Raises:
        GateError: The list cannot be read or written.
    """
    before = read_allow_list(path) if path.exists() else NOTHING_ALLOWED
    fresh = [each for each in findings if each.content_sha256 is not None]
    fresh = [each for each in fresh if not before.accepts(each.content_sha256, each.given_label)]
    lines = list(dict.fromkeys(allow_line(each, why=why) for each in fresh))
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else _HEAD
        if text and not text.endswith("\n"):
            text += "\n"
        with written_aside(path) as aside:
            aside.write_text(text + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise GateError(f"cannot write {path}: {error.strerror}; name another allow-list") from error
    return len(lines)
