"""JSON that somebody else wrote: whatever is wrong with it is a ``ValueError``."""

from __future__ import annotations

import json
import re
from typing import Any

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Escapes one of which is half a character, and two of which may be a whole one."""


def parse_json(content: bytes | str) -> Any:
    """The value of a JSON document.

    Args:
        content: The document; bytes in UTF-8, UTF-16 or UTF-32, as the standard library tells them apart.

    Raises:
        ValueError: It is no JSON, is nested too deeply, or holds half a character (a lone surrogate, ``"\\ud83d"``),
            which no table and no file in UTF-8 could hold.
    """
    text = content if isinstance(content, str) else content.decode(json.detect_encoding(content))
    try:
        value = json.loads(text)
        if _HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except UnicodeEncodeError as error:
        raise ValueError(f"it holds half a character, {error.object[error.start]!a}") from error
    return value
