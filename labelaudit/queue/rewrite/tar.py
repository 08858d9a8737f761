"""WebDataset shards: the label files in them changed, every other byte of the shard as it is.

A spelling is the content of a ``.cls`` file, or the value of a key in a ``.json`` file as it is written there. A
sample without a label file has no room for a label.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from labelaudit.errors import DecisionError
from labelaudit.queue.rewrite.spans import json_span
from labelaudit.source.walk import PICTURE_SUFFIXES
from labelaudit.source.webdataset import is_label, key_and_kind
from labelaudit.source.written import TarLabels

_BLOCK = 512
_SIZE, _CHECKSUM = slice(124, 136), slice(148, 156)
_DIGITS = re.compile(rb"[0-7]+")


@dataclass(frozen=True, slots=True)
class _Member:
    """A file of a shard and all that belongs to it: bytes ``start`` to ``end``, its content from ``data`` on."""

    name: str
    start: int
    data: int
    size: int
    end: int
    is_file: bool


@dataclass(slots=True)
class _Sample:
    """The members of a sample, by number, and which of them holds the label."""

    members: list[int]
    has_picture: bool = False
    has_label: bool = False
    label: int | None = None


class TarRewriter:
    """A ``Rewriter`` of tar shards.

    Args:
        form: Which files, or which of their keys, hold the labels.
    """

    def __init__(self, form: TarLabels) -> None:
        self._key = form.key

    def spellings(self, path: Path) -> list[str | None]:
        """The label of every sample as it is written."""
        with _opened(path) as (file, members):
            return [
                None if sample.label is None else self._spelling(_content(file, members[sample.label]), members, sample)
                for sample in self._samples(file, members)
            ]

    def write_edited(
        self, path: Path, target: Path, edits: Mapping[int, str], left_out: Collection[int], aside: Path
    ) -> list[int]:
        """Writes the shard with other labels and without some samples; gives the places of their files."""
        with _opened(path) as (file, members):
            samples = self._samples(file, members)
            places = sorted(number for row in left_out for number in samples[row].members)
            changed = {samples[row].label: (samples[row], text) for row, text in edits.items()}
            gone = set(places)
            with open(target, "wb") as out:
                for number, member in enumerate(members):
                    if number in gone:
                        continue
                    if number in changed:
                        sample, text = changed[number]
                        content = self._edited(_content(file, member), members, sample, text)
                        _write_member(file, member, content, out)
                    else:
                        _write_bytes(file, member.start, member.end, out)
                _write_bytes(file, members[-1].end if members else 0, None, out)
            if places:
                with open(aside, "wb") as out:
                    for number in places:
                        _write_bytes(file, members[number].start, members[number].end, out)
        return places

    def write_joined(self, path: Path, target: Path, places: Sequence[int], aside: Path) -> None:
        """Writes the shard with the files of ``aside`` back in their places."""
        with _opened(path) as (file, members), _opened(aside) as (other, back), open(target, "wb") as out:
            returned = dict(zip(places, back, strict=True))
            kept = iter(members)
            for place in range(len(members) + len(back)):
                member = returned.get(place)
                source, member = (file, next(kept)) if member is None else (other, member)
                _write_bytes(source, member.start, member.end, out)
            _write_bytes(file, members[-1].end if members else 0, None, out)

    def _samples(self, file: BinaryIO, members: Sequence[_Member]) -> list[_Sample]:
        """The samples as the dataset's reader finds them: the last ``.cls`` counts, the first fitting ``.json``."""
        found: dict[str, _Sample] = {}
        for number, member in enumerate(members):
            key, kind = key_and_kind(member.name)
            if not member.is_file or not key:
                continue
            sample = found.setdefault(key, _Sample([]))
            sample.members.append(number)
            if kind in PICTURE_SUFFIXES:
                sample.has_picture = True
            elif is_label(kind, member.size):
                sample.has_label = True
                if self._holds(kind, file, member, first=sample.label is None):
                    sample.label = number
        return [sample for sample in found.values() if sample.has_picture or sample.has_label]

    def _holds(self, kind: str, file: BinaryIO, member: _Member, *, first: bool) -> bool:
        if kind == "cls":
            return self._key == "cls"
        text = _content(file, member)
        if not text.lstrip("\ufeff \t\r\n").startswith("{"):
            return self._key == "json"
        return first and json_span(text, self._key) is not None

    def _spelling(self, text: str, members: Sequence[_Member], sample: _Sample) -> str:
        start, stop = self._span(text, members, sample)
        return text[start:stop]

    def _edited(self, text: str, members: Sequence[_Member], sample: _Sample, label: str) -> bytes:
        start, stop = self._span(text, members, sample)
        return f"{text[:start]}{label}{text[stop:]}".encode()

    def _span(self, text: str, members: Sequence[_Member], sample: _Sample) -> tuple[int, int]:
        assert sample.label is not None
        kind = key_and_kind(members[sample.label].name)[1]
        inside = json_span(text, self._key) if kind == "json" and self._key != "json" else None
        return (0, len(text)) if inside is None else inside


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, list[_Member]]]:
    """A shard and its members."""
    try:
        with open(path, "rb") as file:
            members: list[_Member] = []
            end = 0
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for each in archive:
                    size = each.size if each.isfile() else 0
                    start, end = end, each.offset_data + -(-size // _BLOCK) * _BLOCK
                    members.append(_Member(each.name, start, each.offset_data, size, end, each.isfile()))
            yield file, members
    except (tarfile.TarError, EOFError, UnicodeError) as error:
        raise DecisionError(f"{path.name} is not the shard that was audited: {str(error)[:100]}") from error


def _content(file: BinaryIO, member: _Member) -> str:
    file.seek(member.data)
    return file.read(member.size).decode("utf-8")


def _write_member(file: BinaryIO, member: _Member, content: bytes, out: BinaryIO) -> None:
    """Writes a member with another content; its header keeps its bytes but for the size and the checksum."""
    head = member.data - _BLOCK
    _write_bytes(file, member.start, head, out)
    file.seek(head)
    header = bytearray(file.read(_BLOCK))
    header[_SIZE] = _with_number(bytes(header[_SIZE]), len(content))
    blank = bytes(header[: _CHECKSUM.start]) + b" " * 8 + bytes(header[_CHECKSUM.stop :])
    header[_CHECKSUM] = _with_number(bytes(header[_CHECKSUM]), sum(blank))
    out.write(bytes(header))
    out.write(content + b"\0" * (-len(content) % _BLOCK))


def _with_number(field: bytes, number: int) -> bytes:
    """An octal field of a header with another number, as wide as it was."""
    digits = _DIGITS.search(field)
    if digits is None or len(text := f"{number:o}".encode().rjust(len(digits[0]), b"0")) > len(digits[0]):
        raise tarfile.TarError("a header's number is not written in octal digits")
    return field[: digits.start()] + text + field[digits.end() :]


def _write_bytes(file: BinaryIO, start: int, end: int | None, out: BinaryIO) -> None:
    file.seek(start)
    if end is None:
        shutil.copyfileobj(file, out, 1 << 20)
        return
    left = end - start
    while left > 0 and (block := file.read(min(left, 1 << 20))):
        out.write(block)
        left -= len(block)
