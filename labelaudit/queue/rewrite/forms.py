"""Files that hold many labels: what stands in each, and writing the file anew with some of them changed.

Records are a file's rows that have a label or room for one, numbered from 0 in the order in which the dataset's format
reads them. A spelling is a label exactly as the file has it, quotes, spaces and all, so that putting an old spelling
back gives the old file back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from labelaudit.errors import DecisionError
from labelaudit.records import JsonDict
from labelaudit.source.written import (
    CsvCells,
    JsonCells,
    LabelForm,
    ParquetCells,
    SavedCells,
    TarLabels,
    Words,
)


class Rewriter(Protocol):
    """Reads and writes the labels of one form of file."""

    def spellings(self, path: Path) -> list[str | None]:
        """The label of every record as it is written; None where the record has no room for one.

        Raises:
            DecisionError: The file is not as it was when the dataset was opened.
        """
        ...

    def write_edited(
        self, path: Path, target: Path, edits: Mapping[int, str], left_out: Collection[int], aside: Path
    ) -> list[int]:
        """Writes the file anew.

        Args:
            path: The file.
            target: The file to be.
            edits: Record -> its new spelling.
            left_out: Records that the new file does not have.
            aside: Takes these records; not touched where there are none.

        Returns:
            Where those records stood, for ``write_joined``.
        """
        ...

    def write_joined(self, path: Path, target: Path, places: Sequence[int], aside: Path) -> None:
        """Writes the file anew with the records of ``aside`` back in their places."""
        ...


def rewriter_of(form: LabelForm) -> Rewriter:
    """What reads and writes a form; what it needs is imported only now."""
    if isinstance(form, ParquetCells):
        from labelaudit.queue.rewrite.parquet import ParquetRewriter

        return ParquetRewriter(form)
    if isinstance(form, TarLabels):
        from labelaudit.queue.rewrite.tar import TarRewriter

        return TarRewriter(form)
    if isinstance(form, SavedCells):
        from labelaudit.queue.rewrite.saved import SavedRewriter

        return SavedRewriter(form)
    from labelaudit.queue.rewrite.text import TextRewriter

    return TextRewriter(form)


_KINDS: dict[str, Callable[..., LabelForm]] = {
    kind.__name__: kind for kind in (CsvCells, JsonCells, Words, ParquetCells, TarLabels, SavedCells)
}


def form_to_json(form: LabelForm) -> JsonDict:
    """A form as a ledger has it."""
    return {"kind": type(form).__name__, **asdict(form)}


def form_from_json(value: Any) -> LabelForm:
    """What ``form_to_json`` gave.

    Raises:
        DecisionError: It is no form.
    """
    try:
        told = {name: tuple(each) if isinstance(each, list) else each for name, each in value.items() if name != "kind"}
        return _KINDS[value["kind"]](**told)
    except (KeyError, TypeError, AttributeError) as error:
        raise DecisionError(f"the ledger names a form of file that is not known ({error})") from error
