"""``--label-map``: names for labels, as pairs or from a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from labelaudit.errors import SourceError
from labelaudit.jsontext import parse_json


def read_label_map(choices: Sequence[str] | None) -> dict[str, str]:
    """Reads ``--label-map``: pairs, or files of them.

    Args:
        choices: Each ``0=angry,1=disgust``, a JSON object's file, or a CSV file of two columns.

    Raises:
        SourceError: A choice is neither, or a file cannot be read.
    """
    found: dict[str, str] = {}
    for choice in choices or ():
        path = Path(choice)
        if path.suffix.lower() in (".json", ".csv") and "=" not in path.name:
            found.update(_read_map_file(path))
            continue
        for pair in choice.split(","):
            label, equals, name = pair.partition("=")
            if not (equals and label.strip() and name.strip()):
                raise SourceError(f"--label-map {choice}: write LABEL=NAME,LABEL=NAME or name a .json or .csv file")
            found[label.strip()] = name.strip()
    return found


def _read_map_file(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
            return {label.strip(): name.strip() for label, name in rows}
        return {str(label): str(name) for label, name in parse_json(text).items()}
    except OSError as error:
        raise SourceError(f"--label-map {path}: {error.strerror}") from error
    except (ValueError, AttributeError) as error:
        kind = "two columns, label and name" if path.suffix.lower() == ".csv" else 'an object like {"0": "angry"}'
        raise SourceError(f"--label-map {path} does not hold {kind}") from error
