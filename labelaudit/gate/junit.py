"""A gate's result as JUnit XML: a testcase a limit and class, so that CI systems show which limit broke.

The form is the one that Jenkins's xunit plugin describes (junit-10.xsd), which GitLab, Azure and others read.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from labelaudit.gate.outcome import GateResult, Outcome
from labelaudit.gate.sentences import sentence
from labelaudit.report.words import number, shown

LISTED = 50
"""Files that a failed limit names."""
_SUITE = "labelaudit check"


def render_junit(result: GateResult) -> str:
    """One suite, with a case a limit."""
    failed = sum(outcome.failed for outcome in result.outcomes)
    counts = {"tests": str(len(result.outcomes)), "failures": str(failed), "errors": "0"}
    suites = ET.Element("testsuites", {"name": _SUITE, **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": _SUITE, **counts, "skipped": "0"})
    properties = ET.SubElement(suite, "properties")
    facts = {"dataset": result.name, "model": result.model, "files": str(result.rows), "fail_on": str(result.fail_on)}
    for name, value in facts.items():
        ET.SubElement(properties, "property", {"name": name, "value": shown(value)})
    for outcome in result.outcomes:
        _add_case(suite, result, outcome)
    if result.notes:
        ET.SubElement(suite, "system-out").text = "\n".join(shown(note) for note in result.notes)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _add_case(suite: ET.Element, result: GateResult, outcome: Outcome) -> None:
    limit = outcome.limit
    name = shown(limit.label) if limit.label is not None else "all files"
    case = ET.SubElement(suite, "testcase", {"classname": f"labelaudit.check.{limit.kind}", "name": name})
    if not outcome.failed:
        ET.SubElement(case, "system-out").text = shown(outcome.said)
        return
    worst = result.findings_of(outcome, LISTED)
    lines = [f"{shown(each.name)}: {sentence(each)}" for each in worst]
    left = outcome.found - len(worst)
    if worst and left:
        lines.append(f"and {number(left)} more")
    failure = ET.SubElement(case, "failure", {"message": shown(outcome.said), "type": f"labelaudit.{limit.kind}"})
    failure.text = "\n".join(lines)
