"""Finding annotators' votes in a table: a column a class, a list a sample, a struct of counts, a row an annotator."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelaudit.errors import SourceError
from labelaudit.source.cells import as_column, is_list, is_number, is_text, label_texts, looks_numeric, numbers
from labelaudit.source.draft import Votes
from labelaudit.source.votes import count_votes
from labelaudit.source.words import means_no_class, names_expression, squeezed

_PREFIXES = ("votes_", "vote_", "votes.", "vote.", "votes ", "vote ")
_LISTS = frozenset({"votes", "annotations", "annotatorlabels", "annotatorvotes", "labels", "crowdlabels"})
_FEWEST_COLUMNS = 3  # columns named after expressions that make votes and not chance
_SEPARATORS = ("|", ";")


def find_votes(table: pa.Table, taken: Collection[str], where: str) -> tuple[Votes | None, list[str]]:
    """Votes that stand in columns, one row a sample.

    Args:
        table: The table.
        taken: Columns that hold something else.
        where: What messages call the table.

    Returns:
        The votes, or None; the columns that hold them.

    Raises:
        SourceError: A cell holds no vote.
    """
    free = [name for name in table.column_names if name not in taken]
    columns = _columns_of_votes(table, free)
    if columns:
        counts = np.stack([numbers(table.column(column), name=column, where=where) for column in columns], axis=1)
        origin = f"the votes in {columns[0]!r} to {columns[-1]!r}"
        return Votes(tuple(_class_of(column) for column in columns), counts, origin), columns
    for name in free:
        kind = table.schema.field(name).type
        if squeezed(name) not in _LISTS:
            continue
        if pa.types.is_struct(kind) and all(is_number(field.type) for field in kind):
            return _counted_struct(table.column(name), name, where), [name]
        if is_list(kind):
            return listed_votes(table.column(name), name), [name]
        if is_text(kind) and squeezed(name) != "labels" and not looks_numeric(table.column(name)):
            return listed_votes(_split_cells(table.column(name), name, where), name), [name]
    return None, []


def listed_votes(column: pa.ChunkedArray, name: str) -> Votes:
    """Votes of a column whose cells list one label an annotator.

    Raises:
        SourceError: The lists hold something else than names or codes.
    """
    column = column.combine_chunks()
    sample = np.asarray(pc.list_parent_indices(column), dtype=np.int64)  # (M,)
    labels = label_texts(pa.chunked_array([pc.list_flatten(column)]))
    return count_votes(sample, labels, len(column), f"the votes listed in {name!r}")


def may_hold_votes(names: Collection[str]) -> bool:
    """Whether a header's names look like votes: a prefix of votes, several expressions, or a list of annotations."""
    return bool(_vote_names(names)) or any(squeezed(name) in _LISTS for name in names)


def _vote_names(names: Collection[str]) -> list[str]:
    prefixed = [name for name in names if name.casefold().startswith(_PREFIXES)]
    if len(prefixed) > 1:
        return prefixed
    if sum(map(names_expression, names)) < _FEWEST_COLUMNS:
        return []
    return [name for name in names if names_expression(name) or means_no_class(name)]


def _columns_of_votes(table: pa.Table, free: Collection[str]) -> list[str]:
    kinds = {name: table.schema.field(name).type for name in free}
    found = _vote_names([name for name, kind in kinds.items() if is_number(kind) or is_text(kind)])
    prefixed = all(name.casefold().startswith(_PREFIXES) for name in found)
    return [name for name in found if prefixed or looks_numeric(table.column(name))]


def _class_of(column: str) -> str:
    prefix = next((prefix for prefix in _PREFIXES if column.casefold().startswith(prefix)), "")
    return column[len(prefix) :].strip()


def _counted_struct(column: pa.ChunkedArray, name: str, where: str) -> Votes:
    flat = pa.Table.from_arrays(column.flatten(), names=[field.name for field in column.type])
    counts = [numbers(flat.column(field), name=f"{name}.{field}", where=where) for field in flat.column_names]
    return Votes(tuple(flat.column_names), np.stack(counts, axis=1), f"the votes counted in {name!r}")


def _split_cells(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    """Lists that a text table had to write as text: ``["sad", "fear"]``, ``sad|fear`` or ``sad;fear``."""
    cells: list[list[str] | None] = []
    for row, text in enumerate(column.to_pylist(), start=1):
        cells.append(None if not text else _split_cell(text.strip(), row, name, where))
    return pa.chunked_array([pa.array(cells, pa.large_list(pa.large_string()))])


def _split_cell(text: str, row: int, name: str, where: str) -> list[str]:
    if not text.startswith("["):
        separator = next((mark for mark in _SEPARATORS if mark in text), _SEPARATORS[0])
        return [part.strip() for part in text.split(separator)]
    try:
        values: list[Any] = json.loads(text)
    except ValueError:
        values = [part.strip().strip("'\"") for part in text.strip("[]").split(",")]  # as Python prints a list
    if any(isinstance(value, dict | list) for value in values):
        raise SourceError(f"the column {name!r} of {where} holds no list of labels in row {row:,}: correct it")
    return label_texts(as_column([str(value) for value in values if value is not None]))  # type: ignore[return-value]
