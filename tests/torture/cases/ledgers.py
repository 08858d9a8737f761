"""Ledgers that were changed, to be undone: above all such that would write elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .case import Answer, Case, Must, refused
from .decisions import apply_arguments, decision_line, four_rows
from .ground import Ground, heard


def cases() -> Iterator[Case]:
    """All of them."""
    for name, change, must in _LEDGERS:
        yield _undo(name, change, must)


Lines = list[dict[str, Any]]


def _undo(name: str, change: Callable[[Lines, Path], object], must: Must) -> Case:
    """A ledger that was changed, to be undone."""

    def make(folder: Path, ground: Ground) -> list[str | Path]:
        (folder / "d.jsonl").write_text("".join(decision_line(row) + "\n" for row in four_rows(ground)))
        code, _, stderr = heard(apply_arguments(ground, folder / "d.jsonl", folder))
        if code:
            raise RuntimeError(stderr)
        ledger = folder / "labels" / "ledger.jsonl"
        lines = [json.loads(line) for line in ledger.read_text().splitlines()]
        change(lines, folder)
        ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return ["apply", "--undo", ledger, "--out", folder / "a" / "b" / "undone", "--quiet"]

    return Case("decisions", f"ledger: {name}", make, must)


def _stayed_inside(answer: Answer) -> str | None:
    """Refused, and nothing was written elsewhere."""
    return "a file was written outside" if any(answer.folder.rglob("pwned*")) else refused("outside its folder")(answer)


def _own(lines: Lines, folder: Path) -> None:
    lines[1]["written"] = {"own": "../../../pwned.txt", "was": "evil", "now": None}


def _own_absolute(lines: Lines, folder: Path) -> None:
    lines[1]["written"] = {"own": str(folder / "pwned.txt"), "was": "evil", "now": None}


def _file(lines: Lines, folder: Path) -> None:
    lines[0]["files"] = [{"path": "../d.jsonl", "form": {"kind": "csv"}, "left_out": [], "before": None, "after": None}]


def _moved(lines: Lines, folder: Path) -> None:
    lines[0]["as"] = "copy"
    lines[1]["written"] = {"picture": "../../../pwned.png", "moved": "labels.csv"}


def _windows(lines: Lines, folder: Path) -> None:
    lines[1]["written"] = {"own": "..\\..\\pwned.txt", "was": "evil", "now": None}


_LEDGERS: tuple[tuple[str, Callable[[Lines, Path], object], Must], ...] = (
    ("a label file above the folder", _own, _stayed_inside),
    ("a label file at an absolute path", _own_absolute, _stayed_inside),
    ("a label file above the folder, as Windows has it", _windows, _stayed_inside),
    ("a table above the folder", _file, _stayed_inside),
    ("a picture above the folder", _moved, _stayed_inside),
    ("no files", lambda lines, _folder: lines[0].pop("files"), refused("damaged")),
    ("files that are a number", lambda lines, _folder: lines[0].update(files=3), refused("damaged")),
    ("an unknown form", lambda lines, _folder: lines[0].update({"as": "magic"}), refused("damaged")),
    ("an opening that is a text", lambda lines, _folder: lines[0].update(opening="x"), refused("damaged")),
    ("rows without ids", lambda lines, _folder: lines[1].pop("sample_id"), refused("line 2")),
)
