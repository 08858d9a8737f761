"""A gate's result for programs: every limit, every file that counts."""

from __future__ import annotations

import json

from labelaudit._version import __version__
from labelaudit.gate.findings import Finding
from labelaudit.gate.limits import Bound, Count, Share
from labelaudit.gate.outcome import GateResult, Outcome
from labelaudit.records import JsonDict
from labelaudit.report.metadata import plain

GATE_SCHEMA_VERSION = 1
"""Grows when a key changes its name or meaning."""
_DIGITS = 6


def to_json(result: GateResult) -> JsonDict:
    """Plain values, the version first."""
    found: JsonDict = plain(
        {
            "schema_version": GATE_SCHEMA_VERSION,
            "tool_version": __version__,
            "passed": result.passed,
            "dataset": result.name,
            "model": result.model,
            "rows": result.rows,
            "fail_on": str(result.fail_on),
            "limits": [_limit(outcome) for outcome in result.outcomes],
            "notes": list(result.notes),
            "accepted": result.accepted,
            "known": result.known,
            "failing_files": result.failing_count,
            "findings": [_finding(finding) for finding in result.findings()],
        }
    )
    return found


def render_json(result: GateResult) -> str:
    """The same as text."""
    return json.dumps(to_json(result), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _limit(outcome: Outcome) -> JsonDict:
    return {
        "kind": str(outcome.limit.kind),
        "class": outcome.limit.label,
        "limit": _bound(outcome.limit.bound),
        "failed": outcome.failed,
        "rows": outcome.rows,
        "found": outcome.found,
        "share": _rounded(outcome.share),
        "low": _rounded(outcome.low),
        "high": _rounded(outcome.high),
        "expected_wrong": _rounded(outcome.expected_wrong),
        "usual": _rounded(outcome.usual),
        "chance": _rounded(outcome.chance),
        "said": outcome.said,
    }


def _bound(bound: Bound) -> JsonDict:
    match bound:
        case Count(files):
            return {"files": files}
        case Share(share):
            return {"share": share}
        case _:
            return {"trained": True}


def _finding(finding: Finding) -> JsonDict:
    return {
        "kind": str(finding.kind),
        "failing": finding.failing,
        "sample_id": finding.sample_id,
        "file": finding.file,
        "given_label": finding.given_label,
        "suggested_label": finding.suggested_label,
        "suggested_confidence": _rounded(finding.suggested_confidence),
        "p_mislabelled": _rounded(finding.p_mislabelled),
        "content_sha256": finding.content_sha256,
        "detail": finding.detail,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
