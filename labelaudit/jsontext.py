"""JSON that somebody else wrote: whatever is wrong with it is a ``ValueError``, or a ``TypeError`` that says where."""

from __future__ import annotations

import functools
import json
import re
import types
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

_LONGEST = 60
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Escapes one of which is half a character, and two of which may be a whole one."""


def parse_json(content: bytes | str) -> Any:
    r"""The value of a JSON document.

    Args:
        content: The document; bytes in UTF-8, UTF-16 or UTF-32, as the standard library tells them apart.

    Raises:
        ValueError: It is no JSON, is nested too deeply, or holds half a character (a lone surrogate, ``"\ud83d"``),
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


def check_kinds(value: Any) -> None:
    """Looks whether a dataclass that was filled from JSON holds what its annotations say, as deep as they go.

    A whole number may stand for a float. What an annotation leaves open (``Any``, the values of a dict) is passed over.

    Args:
        value: The dataclass; its fields may be other ones, texts, numbers, tuples and dicts of them, and None.

    Raises:
        TypeError: Something is of another kind; the field is named.
    """
    kind: Any = type(value)
    for name, hint in _hints(kind).items():
        if not _fits(getattr(value, name), hint):
            raise TypeError(f"{name} is {_short(getattr(value, name))}")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    told = get_type_hints(kind)
    return {each.name: told[each.name] for each in fields(kind)}


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        hints = (inner[0],) * len(value) if inner[1:] == (...,) else inner
        return len(value) == len(hints) and all(map(_fits, value, hints))
    if hint is Any or not isinstance(origin or hint, type):
        return True
    if hint in (int, float) and isinstance(value, bool):
        return False
    if hint is float and isinstance(value, int):
        return True
    if not isinstance(value, origin or hint):
        return False
    if is_dataclass(value):
        check_kinds(value)
    return True


def _short(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}..."
