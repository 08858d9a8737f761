"""What is said of one file, the same in every format."""

from __future__ import annotations

from labelaudit.gate.findings import Finding
from labelaudit.gate.limits import Kind
from labelaudit.report.words import chance, shown

LEADS = {
    Kind.UNREADABLE: "unreadable",
    Kind.CONFLICTS: "label conflict",
    Kind.MISLABELLED: "likely mislabelled",
    Kind.AMBIGUOUS: "ambiguous label",
}


def sentence(finding: Finding) -> str:
    """What is wrong with a file, on one line: ``labelled happy, rather sad (92 %); wrong with 97 %``."""
    label = f"labelled {shown(finding.given_label)}" if finding.given_label is not None else "without a label"
    rather = ""
    if finding.suggested_label is not None:
        sure = "" if finding.suggested_confidence is None else f" ({chance(finding.suggested_confidence)})"
        rather = f", rather {shown(finding.suggested_label)}{sure}"
    wrong = "" if finding.p_mislabelled is None else f"; wrong with {chance(finding.p_mislabelled)}"
    if finding.kind is Kind.UNREADABLE:
        return f"cannot be decoded: {shown(finding.detail or 'no reason known')}"
    if finding.kind is Kind.CONFLICTS:
        return f"{label}, and the same picture stands under another label{rather}{wrong}"
    return f"{label}{rather}{wrong}"


def title(finding: Finding) -> str:
    """``likely mislabelled: happy``."""
    lead = LEADS[finding.kind]
    return lead if finding.given_label is None else f"{lead}: {shown(finding.given_label)}"
