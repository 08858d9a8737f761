"""Files that annotators' tools gave back: how they are opened and distrusted, whatever the tool."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelaudit.decision import Decision, Ruling, time_text
from labelaudit.errors import DecisionError
from labelaudit.jsontext import parse_json
from labelaudit.queue.choices import decided

LARGEST_BYTES = 1 << 30
"""A file of decisions beyond this size is refused: a decision takes about a kilobyte."""


def read_bytes(path: Path) -> bytes:
    """Reads a file whole.

    Raises:
        DecisionError: It cannot be read, or is too large to be decisions.
    """
    try:
        check_size(path, path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise DecisionError(f"{path} cannot be read: {error.strerror}; is the path right?") from error


def check_size(path: Path, size: int) -> None:
    """Refuses what is too large to be decisions.

    Raises:
        DecisionError: ``size`` bytes are more than ``LARGEST_BYTES``.
    """
    if size > LARGEST_BYTES:
        raise DecisionError(
            f"{path} holds {size >> 20:,} MiB, more than the {LARGEST_BYTES >> 20:,} MiB that are read; "
            "export annotations without pictures, or in parts"
        )


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        DecisionError: As ``read_bytes``, or it is not JSON.
    """
    try:
        return parse_json(read_bytes(path))
    except ValueError as error:
        raise DecisionError(f"{path} is not JSON ({error}); export it again") from error


def records_in(value: Any, where: str) -> list[dict[str, Any]]:
    """Checks that a value is a list of JSON objects.

    Raises:
        DecisionError: It is not.
    """
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise DecisionError(f"{where} is not a list of objects; export it again")
    return value


def object_in(record: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """An object that a record may have; empty where it has none.

    Raises:
        DecisionError: What stands there is no object.
    """
    value = record.get(name)
    if value is not None and not isinstance(value, dict):
        raise DecisionError(f"{where} has a field {name} that is no object; export it again")
    return value or {}


def text_in(record: dict[str, Any], name: str, where: str) -> str:
    """A text that a record must have.

    Raises:
        DecisionError: It has none.
    """
    value = record.get(name)
    if not isinstance(value, str) or not value:
        raise DecisionError(f"{where} has no {name}; was it made from a queue of labelaudit?")
    return value


def in_utc(time: Any, where: str) -> str:
    """An ISO 8601 time as ``2026-01-31T12:00:00.000Z``; "" for None. A time without a zone is in UTC.

    Raises:
        DecisionError: It is no such time.
    """
    if time is None:
        return ""
    try:
        moment = datetime.fromisoformat(time)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise DecisionError(f"{where} has the time {time!r}, which is none; export it again") from error
    return time_text(moment)


def decision(
    choices: list[str],
    *,
    sample_id: str,
    tool: str,
    annotator: str = "",
    decided_at: str = "",
    content_sha256: Any = None,
) -> Decision:
    """What somebody decided by choosing.

    Args:
        choices: What was chosen. Nothing at all says nothing; two different classes on one picture say that both fit.
        sample_id: Of the report.
        tool: Where.
        annotator: Who; "" where the tool did not say.
        decided_at: When, in UTC; "" where the tool did not say.
        content_sha256: As the tool carried it; anything but a text is none.
    """
    different = list(dict.fromkeys(choices))
    ruling, label = decided(different[0]) if len(different) == 1 else (_ruling_of_several(different), None)
    digest = content_sha256 if isinstance(content_sha256, str) and content_sha256 else None
    return Decision(sample_id, ruling, label, annotator, decided_at, tool, digest)


def _ruling_of_several(different: list[str]) -> Ruling:
    return Ruling.AMBIGUOUS if different else Ruling.SKIP
