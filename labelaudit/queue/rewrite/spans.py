"""Where in a record of a text file the label stands: csv cells, values of json lines, words.

Csv is read as the dataset's reader has it (RFC 4180): a field that begins with a quote ends with the next single one,
two quotes in it are one, and line ends in it are its own.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from labelaudit.errors import DecisionError

Span = tuple[int, int]

_LINE_END = "\r\n"
_QUOTE = '"'
_WORD = re.compile(r"\S+")
_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


class Record(NamedTuple):
    """A piece of a text file; all of them together are the file.

    Attributes:
        text: With its line end.
        is_row: Whether it is a row of the dataset, and not a header or a blank line.
        label: Where the label stands in the text; None where there is no room for one.
    """

    text: str
    is_row: bool
    label: Span | None = None


def csv_records(
    lines: Iterator[str], *, delimiter: str, column: int, read: Sequence[int], header: bool
) -> Iterator[Record]:
    """The records of a csv file.

    Args:
        lines: Its lines with their ends.
        delimiter: Between fields.
        column: Which field is the label.
        read: Fields that were read: a record that is empty in all of them is no row.
        header: Whether the first record that is not blank has the names.

    Raises:
        DecisionError: A record is too short, or a quote is not closed.
    """
    for text in _whole_records(lines, delimiter):
        if header or not text.strip(_LINE_END):
            header = header and not text.strip()
            yield Record(text, is_row=False)
            continue
        fields = csv_fields(text, delimiter)
        assert fields is not None
        if len(fields) <= max(column, *read):
            raise DecisionError(f"a line has {len(fields)} fields and is no row of the table: {text[:40].strip()!r}")
        empty = all(text[slice(*fields[each])] in ("", _QUOTE * 2) for each in read)
        yield Record(text, not empty, None if empty else fields[column])


def csv_fields(text: str, delimiter: str) -> list[Span] | None:
    """Where the fields of a record stand, quotes with them; None where the record ends within quotes."""
    end = len(text.rstrip(_LINE_END))
    if _QUOTE not in text:
        lengths = [len(field) for field in text[:end].split(delimiter)]
        starts = itertools.accumulate(lengths, lambda start, length: start + length + 1, initial=0)
        return [(start, start + length) for start, length in zip(starts, lengths, strict=False)]
    fields: list[Span] = []
    start = 0
    while True:
        stop = start
        if text.startswith(_QUOTE, start):
            closed = _closing_quote(text, start + 1)
            if closed is None:
                return None
            stop = closed + 1
        following = text.find(delimiter, stop, end)
        fields.append((start, end if following < 0 else following))
        if following < 0:
            return fields
        start = following + len(delimiter)


def _closing_quote(text: str, start: int) -> int | None:
    """Where the quote stands that closes a field, or None."""
    at = text.find(_QUOTE, start)
    while at >= 0 and text.startswith(_QUOTE, at + 1):
        at = text.find(_QUOTE, at + 2)
    return at if at >= 0 else None


def _whole_records(lines: Iterator[str], delimiter: str) -> Iterator[str]:
    for line in lines:
        text = line
        while _QUOTE in text and csv_fields(text, delimiter) is None:
            more = next(lines, None)
            if more is None:
                raise DecisionError(f"a quote is not closed: {text[:40].strip()!r}")
            text += more
        yield text


def json_records(lines: Iterator[str], *, key: str) -> Iterator[Record]:
    """The records of json lines.

    Raises:
        DecisionError: A line is no JSON object.
    """
    for text in lines:
        is_row = bool(text.strip("\ufeff \t\r\n"))
        yield Record(text, is_row, json_span(text, key) if is_row else None)


def json_span(text: str, key: str) -> Span | None:
    """Where the value of a key stands in a JSON object; of a key that is there twice, the last.

    Raises:
        DecisionError: It is no JSON object.
    """
    found: Span | None = None
    try:
        at = _after_space(text, text.index("{") + 1)
        while text[at] != "}":
            name, at = _DECODER.raw_decode(text, at)
            start = _after_space(text, text.index(":", at) + 1)
            _, stop = _DECODER.raw_decode(text, start)
            if name == key:
                found = (start, stop)
            at = _after_space(text, stop)
            if text[at] == ",":
                at = _after_space(text, at + 1)
    except (ValueError, IndexError) as error:
        raise DecisionError(f"a line is no JSON object: {text[:40].strip()!r}") from error
    return found


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def word_records(lines: Iterator[str], *, position: int, least: int, header: int) -> Iterator[Record]:
    """The records of a list with words between spaces; a label's spelling has the space before it.

    Args:
        lines: Its lines with their ends.
        position: Which word is the label, -1 = the last.
        least: Words of a line that has one.
        header: Lines before the first row, blank ones not counted.
    """
    for text in lines:
        words = [match.span() for match in _WORD.finditer(text)]
        if not words or header > 0:
            header -= bool(words)
            yield Record(text, is_row=False)
        elif len(words) < least:
            yield Record(text, True, (words[-1][1], words[-1][1]))
        else:
            label = position % len(words)
            yield Record(text, True, (words[label - 1][1], words[label][1]))
