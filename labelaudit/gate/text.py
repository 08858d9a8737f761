"""A gate's result for a terminal or a log."""

from __future__ import annotations

from labelaudit.gate.limits import Kind
from labelaudit.gate.outcome import GateResult
from labelaudit.gate.sentences import sentence
from labelaudit.report.words import counted, number, shown

LISTED = 20
"""Files of failed limits that are named; the rest is counted."""
_WIDEST = 60


def render_text(result: GateResult) -> str:
    """Limits, one a line, then the files of those that failed, worst first."""
    lines = [
        f"labelaudit check: {result.verdict}",
        f"{shown(result.name)}, {counted(result.rows, 'file', 'files')}, judged by {shown(result.model)}",
        "",
    ]
    width = max((len(shown(each.title)) for each in result.outcomes), default=0)
    lines += [
        f"{'FAILED' if each.failed else 'passed'}  {shown(each.title):<{width}}  {shown(each.said)}"
        for each in result.outcomes
    ]
    if result.accepted:
        lines.append(f"accepted: {counted(result.accepted, 'file', 'files')} of the allow-list")
    if result.known:
        lines.append(f"known: {counted(result.known, 'finding', 'findings')} that the baseline has, too")
    lines += [f"note: {shown(note)}" for note in result.notes]
    return "\n".join([*lines, *_files(result)]) + "\n"


def _files(result: GateResult) -> list[str]:
    worst = result.failing_findings(LISTED)
    if not worst:
        return []
    width = min(max(len(shown(each.name)) for each in worst), _WIDEST)
    left = result.failing_count - len(worst)
    return [
        "",
        f"Worst first, {number(len(worst))} of {counted(result.failing_count, 'file', 'files')}:",
        *(f"  {shown(each.name):<{width}}  {_marked(each.kind)}{sentence(each)}" for each in worst),
        *([f"  and {number(left)} more; --output json=FILE names them all"] if left else []),
    ]


def _marked(kind: Kind) -> str:
    """What is said before a sentence that does not tell by itself what the finding is."""
    return "ambiguous: " if kind is Kind.AMBIGUOUS else ""
