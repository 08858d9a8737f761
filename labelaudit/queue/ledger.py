"""The history of a dataset's labels: JSON lines beside them, added to and never rewritten.

An act is a line ``{"act": "apply", ...}`` (or ``"undo"``) and a line for every row that people decided, whether its
label changed or not::

    {"sample_id": "a/1.png", "content_sha256": "...", "old": "happy", "new": "sad", "ruling": "label", "who": ["ann"],
     "when": "2026-01-31T12:00:00.000Z", "tool": ["review"], "model_hash": "...", "dataset_fingerprint": "...",
     "tool_version": "0.1.0", "written": {"file": "labels.csv", "record": 16, "was": "happy", "now": "sad"}}

``new`` is null for a row that was left out. ``written`` is what taking the act back needs. Labels that were put right
twice have the ledger of both times: each act's lines follow the earlier ones, which stay as they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.jsontext import parse_json
from labelaudit.queue.how import ApplyAs
from labelaudit.queue.rewrite.write import Undoing
from labelaudit.records import JsonDict
from labelaudit.source.pictures import leaves_root

LEDGER_NAME = "ledger.jsonl"
APPLY, UNDO = "apply", "undo"
CONFLICT = "conflict"
"""In the place of a ruling: people disagree."""
LEDGER = "ledger"
"""Who decided, and where, as far as decisions read from a ledger are told apart."""


@dataclass(frozen=True)
class Act:
    """One act of a ledger.

    Attributes:
        about: Its first line: ``act``, ``when``, ``as``, ``files`` and what the labels belong to.
        rows: A line a row.
    """

    about: JsonDict
    rows: Sequence[JsonDict]

    def undoing(self) -> Undoing:
        """What has to be taken back.

        Raises:
            DecisionError: The lines are damaged.
        """
        edits: dict[str, dict[int, tuple[str, str]]] = {}
        own: dict[str, tuple[bytes | None, bytes | None]] = {}
        moves: dict[str, str | None] = {}
        content: dict[str, str] = {}
        try:
            for row in self.rows:
                written = row.get("written", {})
                if "own" in written:
                    own[written["own"]] = (_bytes(written["was"]), _bytes(written["now"]))
                elif "now" in written:
                    edits.setdefault(written["file"], {})[written["record"]] = (written["was"], written["now"])
                if "picture" in written:
                    moves[written["picture"]] = written["moved"]
                    if row["content_sha256"] is not None:
                        content[written["picture"]] = row["content_sha256"]
            files = [{**each, "path": str(each["path"])} for each in self.about["files"]]
            _check_inside([*edits, *own, *moves, *(each["path"] for each in files), *filter(None, moves.values())])
            return Undoing(ApplyAs(self.about["as"]), files, edits, own, moves, content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DecisionError(f"the ledger is damaged ({error}): it cannot be undone") from error


def read_ledger(path: Path) -> tuple[Act, ...]:
    """Reads the acts of a ledger, the earliest first.

    Raises:
        DecisionError: It cannot be read, or is no ledger.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError) as error:
        raise DecisionError(f"{path} cannot be read as a ledger ({error}); is the path right?") from error
    acts: list[tuple[JsonDict, list[JsonDict]]] = []
    for number, line in enumerate(lines, start=1):
        try:
            value = parse_json(line)
            if "act" in value:
                acts.append((value, []))
            else:
                acts[-1][1].append({**value, "sample_id": value["sample_id"]})
        except (ValueError, IndexError, KeyError, TypeError) as error:
            raise DecisionError(f"{path}, line {number:,}: not a line of a ledger of labelaudit apply") from error
    if not acts:
        raise DecisionError(f"{path} is empty: there is nothing in it to undo")
    return tuple(Act(about, rows) for about, rows in acts)


def standing_acts(acts: Sequence[Act]) -> list[Act]:
    """The acts that were not taken back, the earliest first."""
    standing: list[Act] = []
    for act in acts:
        if act.about["act"] == APPLY:
            standing.append(act)
        elif standing:
            standing.pop()
    return standing


def last_standing(acts: Sequence[Act]) -> Act:
    """The latest act that was not taken back.

    Raises:
        DecisionError: All of them were.
    """
    standing = standing_acts(acts)
    if not standing:
        raise DecisionError("everything in this ledger is undone already")
    return standing[-1]


def read_ledger_decisions(path: Path) -> tuple[Decision, ...]:
    """What people decided, as a ledger tells it: one word a row, theirs together, in the acts that stand.

    Raises:
        DecisionError: It cannot be read, or is no ledger.
    """
    found = []
    for row in (row for act in standing_acts(read_ledger(path)) for row in act.rows):
        try:
            if row["ruling"] != CONFLICT:
                ruling = Ruling(row["ruling"])
                label = row["new"] if ruling is Ruling.LABEL else None
                when, digest = row["when"], row["content_sha256"]
                found.append(Decision(row["sample_id"], ruling, label, LEDGER, when, LEDGER, digest, row["old"]))
        except (KeyError, ValueError, TypeError) as error:
            raise DecisionError(f"{path}: the line of {row['sample_id']!r} is damaged ({error})") from error
    return tuple(found)


def earlier_ledger(folder: Path) -> bytes:
    """The ledger that lies beside a dataset's labels, or nothing."""
    path = folder / LEDGER_NAME
    if not is_ledger(path):
        return b""
    content = path.read_bytes()
    return content if content.endswith(b"\n") else content + b"\n"


def is_ledger(path: Path) -> bool:
    """Whether a file begins as our ledgers do."""
    try:
        with open(path, "rb") as file:
            return file.read(8) == b'{"act": '
    except OSError:
        return False


def write_ledger(folder: Path, *, earlier: bytes, about: JsonDict, rows: Iterable[JsonDict]) -> None:
    """Writes a ledger into a folder that has none: the earlier acts as they are, then this one."""
    with open(folder / LEDGER_NAME, "wb") as file:
        file.write(earlier)
        file.writelines(_line(each) for each in (about, *rows))
        file.flush()
        os.fsync(file.fileno())


def _line(value: JsonDict) -> bytes:
    try:
        return f"{json.dumps(value, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:  # a file's name that is no UTF-8
        return f"{json.dumps(value)}\n".encode()


def _check_inside(paths: Iterable[str]) -> None:
    """Refuses a ledger that names anything outside its folder: what is taken back is written where it says.

    Raises:
        ValueError: It does.
    """
    for path in paths:
        if leaves_root(path) or leaves_root(path.replace("\\", "/")):
            raise ValueError(f"{path!r} lies outside its folder")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")
