"""Text files with many labels: csv, json lines, lists of words. Untouched records stay byte for byte as they are."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from labelaudit.errors import DecisionError
from labelaudit.queue.rewrite.spans import Record, csv_records, json_records, word_records
from labelaudit.source.encoding import decoded, text_encoding
from labelaudit.source.tables import csv_header
from labelaudit.source.written import CsvCells, JsonCells, LabelForm, Words

_LITTLE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF16_LE)


class TextRewriter:
    """A ``Rewriter`` of text files.

    Args:
        form: How the file holds its labels.
    """

    def __init__(self, form: LabelForm) -> None:
        self._form = form

    def spellings(self, path: Path) -> list[str | None]:
        """The label of every record as it is written."""
        return [
            None if record.label is None else record.text[slice(*record.label)]
            for record in self._records(path)
            if record.is_row
        ]

    def write_edited(
        self, path: Path, target: Path, edits: Mapping[int, str], left_out: Collection[int], aside: Path
    ) -> list[int]:
        """Writes the file with new spellings and without some records; gives the places of those."""
        places: list[int] = []
        kept_aside: list[str] = []
        row = -1
        encoding = _exact_encoding(path)
        with _as_decision_error(path), open(target, "w", encoding=encoding, newline="") as file:
            for place, (text, is_row, label) in enumerate(self._records(path)):
                row += is_row
                if is_row and row in left_out:
                    places.append(place)
                    kept_aside.append(text)
                elif is_row and row in edits:
                    assert label is not None
                    file.write(f"{text[: label[0]]}{edits[row]}{text[label[1] :]}")
                else:
                    file.write(text)
            if kept_aside:
                with open(aside, "w", encoding=encoding, newline="") as other:
                    other.writelines(kept_aside)
        return places

    def write_joined(self, path: Path, target: Path, places: Sequence[int], aside: Path) -> None:
        """Writes the file with the records of ``aside`` back in their places."""
        encoding = self._encoding(path, aside)
        returning = iter(places)
        place = next(returning, None)
        here = 0
        back = self._records(aside, like=path)
        with _as_decision_error(path), open(target, "w", encoding=encoding, newline="") as file:
            for record in self._records(path):
                while place == here:
                    file.write(next(back).text)
                    here += 1
                    place = next(returning, None)
                file.write(record.text)
                here += 1
            file.writelines(record.text for record in back)

    @staticmethod
    def _encoding(path: Path, aside: Path) -> str:
        """The encoding of a file and of records that were taken out of it, which may hold all that is not ASCII."""
        own = _exact_encoding(path)
        return text_encoding(aside) if own == "utf-8" else own

    def _records(self, path: Path, *, like: Path | None = None) -> Iterator[Record]:
        """The records of a file, or of records that were taken out of the file ``like``."""
        form, main = self._form, like or path
        if isinstance(form, CsvCells):
            names, delimiter = csv_header(main, text_encoding(main))
            read = names if form.read is None else form.read
            try:
                columns = [names.index(name) for name in (form.column, *read)]
            except ValueError as error:
                raise DecisionError(f"{main.name} has no column {form.column!r} any more") from error
            split = partial(csv_records, delimiter=delimiter, column=columns[0], read=columns[1:], header=like is None)
        elif isinstance(form, JsonCells):
            split = partial(json_records, key=form.key)
        else:
            assert isinstance(form, Words)
            split = partial(
                word_records,
                position=form.position,
                least=form.least,
                header=form.header if like is None else 0,
            )
        encoding = _exact_encoding(main) if like is None else self._encoding(like, path)
        with _as_decision_error(path), decoded(path, encoding) as lines:
            yield from split(iter(lines))


def _exact_encoding(path: Path) -> str:
    """The encoding by a name under which a byte order mark is a character like others and stays where it is."""
    name = text_encoding(path)
    if name in ("utf-16", "utf-32"):
        with open(path, "rb") as file:
            return f"{name}-{'le' if file.read(4).startswith(_LITTLE) else 'be'}"
    return "utf-8" if name == "utf-8-sig" else name


@contextmanager
def _as_decision_error(path: Path) -> Iterator[None]:
    """Names the file in whatever is wrong with it."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise DecisionError(
            f"{path.name} is {error.encoding} text and cannot hold {error.object[error.start : error.end]!r}: "
            "save it as UTF-8 and audit again, or use --as manifest"
        ) from error
    except DecisionError as error:
        if str(error).startswith(path.name):
            raise
        raise DecisionError(f"{path.name}: {error}") from error
