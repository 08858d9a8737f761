"""Where a gate's result goes: ``FORMAT`` to stdout, ``FORMAT=PATH`` to a file, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from labelaudit.errors import GateError
from labelaudit.gate.github import render_github
from labelaudit.gate.json_ import render_json
from labelaudit.gate.junit import render_junit
from labelaudit.gate.markdown import render_markdown
from labelaudit.gate.outcome import GateResult
from labelaudit.gate.sarif import render_sarif
from labelaudit.gate.text import render_text
from labelaudit.rundir import written_aside


class OutputFormat(StrEnum):
    """Forms of a result."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    MARKDOWN = "markdown"


_RENDERERS: dict[OutputFormat, Callable[[GateResult], str]] = {
    OutputFormat.TEXT: render_text,
    OutputFormat.JSON: render_json,
    OutputFormat.JUNIT: render_junit,
    OutputFormat.SARIF: render_sarif,
    OutputFormat.GITHUB: render_github,
    OutputFormat.MARKDOWN: render_markdown,
}
_LINES = (OutputFormat.TEXT, OutputFormat.GITHUB)
"""Forms of which several may follow one another on stdout."""


@dataclass(frozen=True, slots=True)
class Output:
    """One form of a result.

    Attributes:
        format: The form.
        path: The file to be; None = stdout.
    """

    format: OutputFormat
    path: Path | None = None


def parse_outputs(texts: Sequence[str]) -> tuple[Output, ...]:
    """Reads ``junit=report.xml``, ``github``, ``json=-``.

    Args:
        texts: As they were written; none = text on stdout.

    Raises:
        GateError: A format is unknown, two go to one file, or two to stdout that cannot share it.
    """
    outputs = tuple(_parse(text) for text in texts) or (Output(OutputFormat.TEXT),)
    paths = [output.path.absolute() for output in outputs if output.path is not None]
    for path in paths:
        if paths.count(path) > 1:
            raise GateError(f"two outputs go to {path.name}; give each a file of its own")
    shown = [output.format for output in outputs if output.path is None]
    if len(shown) > 1 and not (set(shown) <= set(_LINES) and len(set(shown)) == len(shown)):
        raise GateError(f"{' and '.join(shown)} cannot share stdout; give one of them a file, such as {shown[0]}=FILE")
    return outputs


def _parse(text: str) -> Output:
    name, _, path = text.partition("=")
    if name not in list(OutputFormat):
        raise GateError(f"the output {text!r} has no known format; write FORMAT or FORMAT=FILE, {_names()}")
    return Output(OutputFormat(name), None if path in ("", "-") else Path(path))


def _names() -> str:
    return f"with one of {', '.join(OutputFormat)}"


def render(result: GateResult, form: OutputFormat) -> str:
    """A result in one form, with a line's end at its end."""
    return _RENDERERS[form](result)


def write_output(result: GateResult, output: Output) -> None:
    """Writes one form to its file, whole or not at all; an earlier one is replaced, as CI expects of reports.

    Raises:
        GateError: The file cannot be written.
    """
    assert output.path is not None
    text = render(result, output.format)
    try:
        output.path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(output.path) as aside:
            aside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GateError(f"cannot write {output.path}: {error.strerror}; name another file") from error
