"""A malformed thing, the command that meets it, and what must come of that."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .ground import Ground


@dataclass(frozen=True)
class Answer:
    """What a command said.

    Attributes:
        code: Exit code.
        stdout, stderr: Text.
        folder: Where the case was made, and where the command ran.
    """

    code: int
    stdout: str
    stderr: str
    folder: Path


Must = Callable[[Answer], str | None]
"""What is wrong with an answer; None = nothing."""

Make = Callable[[Path, Ground], Sequence[str | Path]]
"""Makes the thing in an empty folder; gives the command line that meets it."""


@dataclass(frozen=True)
class Case:
    """A malformed thing.

    Attributes:
        kind: ``images``, ``manifests`` ...
        name: For people; unique.
        make: Makes it.
        must: What must come.
        heavy: Whether it can hang or eat memory where the promise is broken: only tried in a confined child.
    """

    kind: str
    name: str
    make: Make = field(repr=False)
    must: Must = field(repr=False)
    heavy: bool = False


def fault(answer: Answer, must: Must) -> str | None:
    """What is wrong with an answer, in one line; None = nothing."""
    if "Traceback" in answer.stderr:
        return f"a traceback: {answer.stderr.strip().splitlines()[-1]}"
    if "labelaudit: unexpected" in answer.stderr:
        return answer.stderr.strip()
    return must(answer)


def refused(*words: str) -> Must:
    """Exit code 2, and one line on stderr that holds these words."""

    def must(answer: Answer) -> str | None:
        lines = answer.stderr.strip().splitlines()
        if answer.code != 2 or len(lines) != 1:
            return f"exit code {answer.code} and {len(lines)} lines, not 2 and one: {answer.stderr.strip()[-300:]}"
        if answer.stdout.strip():
            return f"something on stdout: {answer.stdout[:100]}"
        missing = [word for word in words if word not in lines[0]]
        return f"no {missing[0]!r} in: {lines[0]}" if missing else None

    return must


def inspected(**wanted: Any) -> Must:
    """Exit code 0 from ``inspect --json``, with these values."""

    def must(answer: Answer) -> str | None:
        if answer.code != 0:
            return f"exit code {answer.code}: {answer.stderr.strip()}"
        found = json.loads(answer.stdout)
        for name, value in wanted.items():
            if found[name] != value:
                return f"{name} is {found[name]!r}, not {value!r}"
        return None

    return must


def one_unreadable(*words: str) -> Must:
    """``inspect --json`` counts one unreadable row, and says why in these words."""

    def must(answer: Answer) -> str | None:
        wrong = inspected(unreadable=1)(answer)
        if wrong is not None:
            return wrong
        [example] = json.loads(answer.stdout)["unreadable_examples"]
        if str(answer.folder) in example["message"] or "\n" in example["message"]:
            return f"a path of this machine, or several lines: {example['message']!r}"
        missing = [word for word in words if word not in example["message"]]
        return f"no {missing[0]!r} in: {example['message']}" if missing else None

    return must


def inspect(dataset: Path, *more: str) -> list[str | Path]:
    """The command that looks at a dataset and trains nothing; its cache lies beside the dataset."""
    return ["inspect", dataset, "--json", "--quiet", "--cache-dir", dataset.parent / "cache", *more]
