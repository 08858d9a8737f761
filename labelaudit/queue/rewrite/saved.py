"""Datasets that the Hugging Face library saved: a column's cells changed, in the same parts and with the same features.

A spelling is the cell as JSON. Rows are those of all parts, one part after the other.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.queue.rewrite.parquet import as_json
from labelaudit.source.huggingface import library
from labelaudit.source.written import SavedCells, runs_of

_ONLY = "data"
"""What a dataset without splits calls its part when records of it are kept aside."""


class SavedRewriter:
    """A ``Rewriter`` of saved datasets; a path is a folder.

    Args:
        form: Which column holds the labels.
    """

    def __init__(self, form: SavedCells) -> None:
        self._column = form.column

    def spellings(self, path: Path) -> list[str | None]:
        """Every cell of the column as JSON."""
        found: list[str | None] = []
        for part in _parts(_load(path)).values():
            found += as_json(part.select_columns([self._column]).with_format("arrow")[:].column(0))
        return found

    def write_edited(
        self, path: Path, target: Path, edits: Mapping[int, str], left_out: Collection[int], aside: Path
    ) -> list[int]:
        """Writes the dataset with new cells and without some rows; gives the numbers of those."""
        parts = _parts(before := _load(path))
        runs = runs_of([len(part) for part in parts.values()])
        new: dict[str, Any] = {}
        taken: dict[str, Any] = {}
        for (name, part), rows in zip(parts.items(), runs, strict=True):
            edited = self._edited(part, {row - rows.start: text for row, text in edits.items() if row in rows})
            gone = [row - rows.start for row in sorted(left_out) if row in rows]
            if gone:
                taken[name] = edited.select(gone)
                edited = edited.select(np.delete(np.arange(len(edited)), gone))
            new[name] = edited
        _write_saved(_like(before, new), target)
        if taken:
            _write_saved(library().DatasetDict(taken), aside)
        return sorted(left_out)

    def write_joined(self, path: Path, target: Path, places: Sequence[int], aside: Path) -> None:
        """Writes the dataset with the rows of ``aside`` back in their places."""
        parts, back = _parts(before := _load(path)), _parts(_load(aside))
        lengths = [len(part) + len(back.get(name, ())) for name, part in parts.items()]
        new: dict[str, Any] = {}
        for (name, part), rows in zip(parts.items(), runs_of(lengths), strict=True):
            if name in back:
                gone = [place - rows.start for place in places if place in rows]
                order = np.argsort(np.concatenate([np.delete(np.arange(len(rows)), gone), gone]))
                part = library().concatenate_datasets([part, back[name]]).select(order)
            new[name] = part
        _write_saved(_like(before, new), target)

    def _edited(self, part: Any, edits: Mapping[int, str]) -> Any:
        if not edits:
            return part
        names, feature = part.column_names, part.features[self._column]
        cells = part.select_columns([self._column]).with_format("arrow")[:].column(0).to_pylist()
        for row, text in edits.items():
            cells[row] = json.loads(text)
        return part.remove_columns(self._column).add_column(self._column, cells, feature=feature).select_columns(names)


def _load(path: Path) -> Any:
    return library().load_from_disk(str(path))


def _parts(found: Any) -> dict[str, Any]:
    return dict(found) if isinstance(found, library().DatasetDict) else {_ONLY: found}


def _like(before: Any, parts: dict[str, Any]) -> Any:
    return library().DatasetDict(parts) if isinstance(before, library().DatasetDict) else parts[_ONLY]


def _write_saved(found: Any, target: Path) -> None:
    with _no_bars():
        found.save_to_disk(str(target))


@contextmanager
def _no_bars() -> Iterator[None]:
    """The library's progress bars left out: commands have their own."""
    bars = library().utils.logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
