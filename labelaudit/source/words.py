"""Words that datasets share: names of splits, spellings of expressions, how counts and near misses are said."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "publictest": "val",
    "test": "test",
    "testing": "test",
    "privatetest": "test",
}
_EXPRESSIONS = (
    ("neutral", "neutrality"),
    ("happy", "happiness", "joy"),
    ("sad", "sadness"),
    ("surprise", "surprised"),
    ("fear", "fearful", "afraid"),
    ("disgust", "disgusted"),
    ("angry", "anger"),
    ("contempt", "contemptuous"),
)
_NO_CLASS = ("unknown", "nf", "notaface", "noface", "notface", "unsure", "uncertain", "none")
_SAME_EXPRESSION = {spelling: words[0] for words in _EXPRESSIONS for spelling in words}
_SHOWN = 3
_SHARD_NAME = re.compile(r"(?P<split>[A-Za-z]+)([-_]\d+)*([-_]of[-_]\d+)?", re.ASCII)


def split_name(text: str) -> str:
    """``train``, ``val`` or ``test`` for the usual names of these splits in any case, other names as they are."""
    return _SPLITS.get(text.casefold(), text)


def is_split(text: str) -> bool:
    """Whether a name is a usual one for a split."""
    return text.casefold() in _SPLITS


def splits_of_shards(names: Sequence[str]) -> list[str]:
    """``train`` of ``train-00000-of-00005`` for each name, where all of them begin with a split; else nothing."""
    matches = [_SHARD_NAME.fullmatch(name) for name in names]
    splits = [match["split"] for match in matches if match is not None and is_split(match["split"])]
    return splits if len(splits) == len(names) else []


def squeezed(text: str) -> str:
    """A name without case, spaces, dashes and underscores: ``Not a-Face`` -> ``notaface``."""
    return "".join(character for character in text.casefold() if character.isalnum())


def means_no_class(name: str) -> bool:
    """Whether a column of votes stands for no class: unknown, not a face and the like."""
    return squeezed(name) in _NO_CLASS


def names_expression(name: str) -> bool:
    """Whether a name is a usual one for a facial expression."""
    return squeezed(name) in _SAME_EXPRESSION


def same_label(one: str, other: str) -> bool:
    """Whether two datasets that name the same classes mean the same by these names: ``angry`` and ``anger``."""
    first, second = squeezed(one), squeezed(other)
    return _SAME_EXPRESSION.get(first, first) == _SAME_EXPRESSION.get(second, second)


def twin_spellings(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that are two spellings of one class: ``Happy`` and ``happy``, ``sad`` and ``sadness``."""
    first: dict[str, str] = {}
    twins: list[tuple[str, str]] = []
    for name in names:
        key = squeezed(name) or name
        earlier = first.setdefault(_SAME_EXPRESSION.get(key, key), name)
        if earlier != name:
            twins.append((earlier, name))
    return twins


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 row``, ``1,234 rows``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def some(names: Sequence[str]) -> str:
    """The first few of many names: ``a, b, c and 4 more``."""
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN:,} more"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """``; did you mean X?`` where one of the names is close, else nothing."""
    by_squeezed = {squeezed(other): other for other in names}
    close = difflib.get_close_matches(squeezed(name), by_squeezed, n=1)
    return f"; did you mean {by_squeezed[close[0]]!r}?" if close else ""
