"""Decisions in our own form: a JSON line each, appended and synced, never rewritten.

``{"sample_id": "a/1.png", "ruling": "label", "label": "sad", "annotator": "ann", "decided_at":
"2026-01-31T12:00:00.000Z", "tool": "review", "content_sha256": "..."}``

A line that a killed process left half written, the last one without its end, was never promised to anybody: it is
passed over when reading and cut off when appending.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.jsontext import parse_json
from labelaudit.rundir import sync_folder

DECISION_SUFFIX = ".jsonl"


def read_decision_lines(path: Path) -> tuple[Decision, ...]:
    """Reads decisions in the order in which they were made.

    Raises:
        DecisionError: The file cannot be read, or a line is none; the line is named.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DecisionError(f"{path} cannot be read: {error.strerror}; is the path right?") from error
    lines = content.split(b"\n")[:-1]  # what follows the last line's end was never finished
    return tuple(_decision(line, f"{path.name}, line {number}") for number, line in enumerate(lines, 1) if line.strip())


def write_decision_lines(path: Path, decisions: Iterable[Decision]) -> None:
    """Appends decisions to a file and syncs it: when this returns, they are kept, whatever happens.

    One process appends at a time: hold a lock.

    Raises:
        DecisionError: The file cannot be written; nothing of these decisions is then in it.
    """
    lines = "".join(
        json.dumps(asdict(each), ensure_ascii=False, separators=(",", ":")) + "\n" for each in decisions
    ).encode()
    try:
        with open(path, "ab+", buffering=0) as file:  # a buffer would still write on a full disk when it is closed
            whole = _whole_length(file.seek(0, os.SEEK_END), path)
            file.truncate(whole)
            try:
                rest = memoryview(lines)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
                if whole == 0:  # its name may be as new as its first line
                    sync_folder(path.parent)
            except OSError:
                file.truncate(whole)
                raise
    except OSError as error:
        raise DecisionError(f"cannot write {path}: {error.strerror}; free some space and decide again") from error


def latest(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Everybody's last word on each sample; what was withdrawn or skipped is left out.

    Later is what stands later among the decisions, as files are appended to, unless both say when they were made.
    """
    last: dict[tuple[str, str], Decision] = {}
    for each in decisions:
        key = (each.sample_id, each.annotator)
        before = last.get(key)
        if before is None or not (each.decided_at and before.decided_at) or each.decided_at >= before.decided_at:
            last[key] = each
    return tuple(each for each in last.values() if each.ruling not in (Ruling.WITHDRAWN, Ruling.SKIP))


def _whole_length(size: int, path: Path) -> int:
    """Bytes of a file up to and with the end of its last whole line."""
    with open(path, "rb") as file:
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


def _decision(line: bytes, where: str) -> Decision:
    try:
        value = parse_json(line)
        known = {each.name: value[each.name] for each in fields(Decision) if each.name in value}
        return Decision(**{**known, "ruling": Ruling(known["ruling"])})
    except (ValueError, KeyError, TypeError) as error:
        raise DecisionError(f"{where}: not a decision ({error}); correct the line or remove it") from error
