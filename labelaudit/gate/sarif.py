"""A gate's result as SARIF 2.1.0 (OASIS), for GitHub code scanning and others that show results beside files.

Rules have stable ids, paths are relative to the repository's root, and fingerprints come from the picture's hash, so a
finding stays the same one when its file is moved. GitHub refuses more than 25,000 results a run: the worst are kept,
and how many were dropped is said.
"""

from __future__ import annotations

import json
from urllib.parse import quote

from labelaudit._version import __version__
from labelaudit.gate.findings import Finding
from labelaudit.gate.limits import Kind
from labelaudit.gate.outcome import GateResult
from labelaudit.gate.sentences import LEADS, sentence
from labelaudit.records import JsonDict
from labelaudit.report.words import counted, shown

MOST_RESULTS = 25_000
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"

_HELP = {
    Kind.UNREADABLE: "The file cannot be decoded as a picture. Replace it or take it out.",
    Kind.CONFLICTS: "The same picture stands in the set under two labels; one of the two is wrong.",
    Kind.MISLABELLED: "Models that never saw this label give the picture another one. Look at it, then correct the "
    "label, or accept it in the allow-list.",
    Kind.AMBIGUOUS: "Several labels fit this picture. Ask another annotator, or leave it out.",
}


def to_sarif(result: GateResult) -> JsonDict:
    """One run with a result a file, worst first."""
    findings = result.findings(MOST_RESULTS)
    dropped = len(result.listed) - len(findings)
    said = [*(f"{each.title}: {each.said}" for each in result.outcomes if each.failed), *result.notes]
    if dropped:
        said.append(f"{counted(dropped, 'result', 'results')} beyond the worst {MOST_RESULTS:,} left out")
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "labelaudit", "semanticVersion": __version__, "rules": _rules()}},
                "automationDetails": {"id": "labelaudit/check/"},
                "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "exitCode": 0 if result.passed else 1,
                        "toolExecutionNotifications": [
                            {"level": "note", "message": {"text": shown(each)}} for each in said
                        ],
                    }
                ],
                "columnKind": "unicodeCodePoints",
                "properties": {"droppedResults": dropped},
                "results": [_result(finding) for finding in findings],
            }
        ],
    }


def render_sarif(result: GateResult) -> str:
    """The same as text."""
    return json.dumps(to_sarif(result), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def _rules() -> list[JsonDict]:
    return [
        {
            "id": rule_id(kind),
            "name": "".join(word.capitalize() for word in lead.split()),
            "shortDescription": {"text": f"{lead.capitalize()}."},
            "help": {"text": _HELP[kind]},
            "defaultConfiguration": {"level": "warning"},
        }
        for kind, lead in LEADS.items()
    ]


def rule_id(kind: Kind) -> str:
    """``labelaudit/mislabelled``: what a finding is known by for ever."""
    return f"labelaudit/{kind}"


def _result(finding: Finding) -> JsonDict:
    found: JsonDict = {
        "ruleId": rule_id(finding.kind),
        "ruleIndex": list(LEADS).index(finding.kind),
        "level": "error" if finding.failing else "warning",
        "message": {"text": f"{LEADS[finding.kind]}: {sentence(finding)}"},
        "locations": [_location(finding)],
        "properties": {
            "given_label": finding.given_label,
            "suggested_label": finding.suggested_label,
            "p_mislabelled": finding.p_mislabelled,
        },
    }
    if finding.content_sha256 is not None:
        found["partialFingerprints"] = {
            "contentSha256/v1": finding.content_sha256,
            "primaryLocationLineHash": f"{finding.content_sha256}:1",  # the only one that GitHub looks at
        }
    if finding.p_mislabelled is not None:
        found["rank"] = round(100.0 * finding.p_mislabelled, 2)
    return found


def _location(finding: Finding) -> JsonDict:
    found: JsonDict = {"logicalLocations": [{"fullyQualifiedName": finding.sample_id, "kind": "member"}]}
    if finding.file is not None:
        found["physicalLocation"] = {
            "artifactLocation": {"uri": as_uri(finding.file), "uriBaseId": _ROOT},
            "region": {"startLine": 1},
        }
    return found


def as_uri(path: str) -> str:
    """A path relative to the root as a URI reference: signs that mean something in one are escaped."""
    return quote(path.lstrip("/"), safe="/")
