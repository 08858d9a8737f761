"""A gate's result for GitHub Actions: annotations at files, and the whole in the step summary.

A step shows ten warnings at most, so the ten worst files are annotated; the summary names the rest. What stands in a
command is escaped as GitHub's toolkit does it (actions/toolkit, packages/core/src/command.ts).
"""

from __future__ import annotations

from pathlib import Path

from labelaudit.errors import GateError
from labelaudit.gate.outcome import GateResult
from labelaudit.gate.sentences import sentence, title
from labelaudit.report.words import number

ANNOTATIONS = 10
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""The environment variable that names the file of the step's summary."""
_TITLE = "labelaudit check"


def render_github(result: GateResult) -> str:
    """Workflow commands, one a line: the verdict, then the worst files of failed limits."""
    broken = "; ".join(f"{each.title}: {each.said}" for each in result.outcomes if each.failed)
    worst = result.failing_findings(ANNOTATIONS)
    left = result.failing_count - len(worst)
    more = f"; {number(left)} more files than are annotated stand in the summary" if left else ""
    verdict = f"{result.verdict}: {broken}{more}" if broken else result.verdict
    lines = [_command("notice" if result.passed else "error", verdict, title=_TITLE)]
    for finding in worst:
        named = "" if finding.file is not None else f"{finding.sample_id}: "
        lines.append(_command("warning", named + sentence(finding), title=title(finding), file=finding.file))
    return "".join(f"{line}\n" for line in lines)


def write_step_summary(path: Path, text: str) -> None:
    """Adds text to the summary of a step; earlier commands of the step may have written to it.

    Raises:
        GateError: The file cannot be written.
    """
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise GateError(
            f"cannot write the step summary {path}: {error.strerror}; is {SUMMARY_VARIABLE} right?"
        ) from error


def _command(level: str, message: str, *, title: str, file: str | None = None) -> str:
    """``::warning file=a%2Cb.png,title=...::message``."""
    properties = f"title={_property(title)}"
    if file is not None:
        properties = f"file={_property(file)},{properties}"
    return f"::{level} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
