"""Which encoding a text file is written in: a byte order mark says so, else UTF-8 if it is valid, else Latin-1."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TextIO

from labelaudit.errors import SourceError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1 << 20


def text_encoding(path: Path, *, whole: bool = True) -> str:
    """The name of a file's encoding, as Python knows it.

    Args:
        path: The file.
        whole: False = look at the first megabyte only, to read a header.

    Raises:
        SourceError: The file cannot be read, holds NUL bytes as no text does, or does not go on as its mark says.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(_BLOCK)
            name = _begins_as(head)
            if name is None:
                raise SourceError(f"{path.name} is not a text file: save the table as UTF-8 text")
            decoder = codecs.getincrementaldecoder(name)()
            decoder.decode(head, final=len(head) < _BLOCK)
            while whole and (block := file.read(_BLOCK)):
                decoder.decode(block, final=len(block) < _BLOCK)
    except UnicodeError as error:
        if name == "utf-8":
            return "latin-1"
        raise SourceError(f"{path.name} begins as {name} text and does not go on so: save it as UTF-8") from error
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror}") from error
    return name


def decoded(path: Path, encoding: str) -> TextIO:
    """Opens a file as text, line ends as they are written."""
    return open(path, encoding=encoding, newline="")


def text_lines(path: Path) -> list[str]:
    """The lines of a small or middling text file without their ends; blank ones at the end are left out.

    Raises:
        SourceError: The file cannot be read.
    """
    lines = path.read_text(encoding=text_encoding(path)).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _begins_as(head: bytes) -> str | None:
    """The encoding that a file's first bytes speak for, or None for no text."""
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is not None:
        return marked
    return _wide(head) if b"\0" in head else "utf-8"


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: in mostly western text every other byte is NUL."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < len(head) // 4:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"
