"""A gate's result in Markdown, for a pull request or the summary of a step.

Names stand in code spans: nothing that a file is called becomes markup.
"""

from __future__ import annotations

import re

from labelaudit.gate.findings import Finding
from labelaudit.gate.outcome import GateResult
from labelaudit.gate.sentences import LEADS
from labelaudit.report.words import chance, counted, number, shown

LISTED = 100
"""Files that are named; a summary holds a megabyte, a comment 65,536 signs."""


def render_markdown(result: GateResult) -> str:
    """The verdict, a table of limits, a table of the worst files."""
    sign = "✅" if result.passed else "❌"
    lines = [
        f"### {sign} labelaudit check: {result.verdict}",
        "",
        f"{_code(result.name)}, {counted(result.rows, 'file', 'files')}, judged by {_code(result.model)}",
        "",
        "| | limit on | figures |",
        "|---|---|---|",
    ]
    for each in result.outcomes:
        mark = "❌" if each.failed else "✅"
        label = "" if each.limit.label is None else f" {_code(each.limit.label)}"
        lines.append(f"| {mark} | {each.limit.kind}{label} | {_plain(each.said)} |")
    said = [_plain(note) for note in result.notes]
    if result.accepted:
        said.append(f"{counted(result.accepted, 'file', 'files')} accepted by the allow-list")
    if result.known:
        said.append(f"{counted(result.known, 'finding', 'findings')} known from the baseline")
    if said:
        lines += ["", *(f"- {each}" for each in said)]
    return "\n".join([*lines, *_files(result)]) + "\n"


def _files(result: GateResult) -> list[str]:
    worst = result.failing_findings(LISTED)
    if not worst:
        return []
    left = result.failing_count - len(worst)
    return [
        "",
        f"<details open><summary>{counted(result.failing_count, 'file', 'files')}, worst first</summary>",
        "",
        "| file | label | rather | wrong with | why |",
        "|---|---|---|---|---|",
        *(_row(each) for each in worst),
        *(["", f"and {number(left)} more"] if left else []),
        "",
        "</details>",
    ]


def _row(finding: Finding) -> str:
    label = "" if finding.given_label is None else _code(finding.given_label)
    rather = ""
    if finding.suggested_label is not None:
        sure = "" if finding.suggested_confidence is None else f" ({chance(finding.suggested_confidence)})"
        rather = f"{_code(finding.suggested_label)}{sure}"
    wrong = "" if finding.p_mislabelled is None else chance(finding.p_mislabelled)
    return f"| {_code(finding.name)} | {label} | {rather} | {wrong} | {LEADS[finding.kind]} |"


def _code(text: str) -> str:
    """Text in a code span of a table's cell, whatever stands in it."""
    text = shown(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest or text != text.strip() else ""
    return f"{ticks}{pad}{text}{pad}{ticks}".replace("|", "\\|")


def _plain(text: str) -> str:
    """Text outside of code spans: signs of markup are escaped."""
    return re.sub(r"([\\`*_\[\]<>|#&~@])", r"\\\1", shown(text))
