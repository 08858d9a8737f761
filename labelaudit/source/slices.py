"""Slices: what a dataset says of each row beside its label, such as who gave it, or which camera took the picture.

Only columns that were asked for (``--slice``) are taken: how often a named person errs is nothing that a tool should
print unasked. Which other columns of a table name groups is said, so that a person knows what to ask for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelaudit.errors import SourceError
from labelaudit.source.cells import is_name, is_number, texts
from labelaudit.source.words import counted, did_you_mean, some

SPLIT = "split"
"""The slice that every dataset with splits has, whatever its column is called."""
MOST_VALUES = 1_000
_OFFERED = range(2, 51)
_LEAST_ROWS = 20  # a value, on average, for a column to be offered

Values = Sequence[str | None]


def table_slices(
    table: pa.Table, wanted: Sequence[str], *, rows: NDArray[np.int64] | None, keys: Values | None, where: str
) -> dict[str, Values]:
    """The slices of a table's samples.

    Args:
        table: Its columns.
        wanted: Names of columns; ``split`` need not be one.
        rows: Row of the table that each sample was first named in, (N,); None = the table's rows.
        keys: What names the sample of each row, where samples have several rows.
        where: What messages call the table.

    Raises:
        SourceError: There is no such column, it holds no names, or differs between the rows of one sample.
    """
    found: dict[str, Values] = {}
    for told in wanted:
        names = table.column_names
        name = next((each for each in names if each.strip() == told.strip()), None)
        if name is None and told == SPLIT:
            continue
        if name is None:
            hint = did_you_mean(told, names)
            raise SourceError(f"--slice {told}: {where} has no such column{hint} (its columns: {', '.join(names)})")
        kind = table.schema.field(name).type
        if not is_name(kind):
            raise SourceError(f"--slice {told}: the column holds {kind}, which cannot name groups")
        values = texts(table.column(name))
        shared = {value: value for value in set(values)}
        values = [shared[value] for value in values]  # one text a value, not one a row
        if rows is not None:
            assert keys is not None
            _check_same(told, values, keys, where)
            values = [values[row] for row in rows.tolist()]
        found[told] = values
    return found


def _check_same(told: str, values: Values, keys: Values, where: str) -> None:
    first: dict[str | None, str | None] = {}
    for key, value in zip(keys, values, strict=True):
        if first.setdefault(key, value) != value:
            raise SourceError(
                f"--slice {told}: {where} has several values of it for the sample {key!r}, whose label several people "
                "gave together; labelaudit inspect shows how annotators differ"
            )


def slice_candidates(table: pa.Table, taken: Collection[str]) -> list[str]:
    """Columns of a table that name a few groups of many rows each, and hold nothing that is known of them."""
    found = []
    for field in table.schema:
        if field.name in taken or not is_name(field.type) or is_number(field.type):
            continue
        column = table.column(field.name)
        if column.null_count == table.num_rows:
            continue
        values = pc.count_distinct(column).as_py()
        if values in _OFFERED and values * _LEAST_ROWS <= table.num_rows - column.null_count:
            found.append(field.name)
    return found


def offered(candidates: Sequence[str], wanted: Sequence[str]) -> str | None:
    """What to say of columns that could be slices and were not asked for; None = nothing."""
    left = [name for name in candidates if name not in wanted]
    if not left:
        return None
    return f"{some(left)} may name groups of rows; --slice {left[0]} tells how many labels are wrong in each"


def finished_slices(
    found: Mapping[str, Values],
    wanted: Sequence[str],
    split: Values,
    *,
    where: str,
    assumed: list[str],
    may_be_one: bool = False,
) -> dict[str, Values]:
    """The slices that were asked for, of the rows that are audited.

    Args:
        found: What the format read.
        wanted: Names of slices.
        split: The rows' splits.
        where: What messages call the dataset.
        assumed: Told of rows without a value.
        may_be_one: A slice may have a single value, or none.

    Raises:
        SourceError: The dataset does not have one, or it does not name groups.
    """
    slices: dict[str, Values] = {}
    for name in dict.fromkeys(wanted):
        values = split if name == SPLIT and name not in found else found.get(name)
        if values is None:
            known = sorted({*found, SPLIT} if any(split) else set(found))
            raise SourceError(f"--slice {name}: {where} says nothing of it; it has {some(known) or 'no slices'}")
        different = len(set(values) - {None})
        if different < 2 and not may_be_one:
            which = f"one {name} only" if different else f"no {name}"
            raise SourceError(f"--slice {name}: {where} has {which}, so there is nothing to compare")
        if different > MOST_VALUES:
            raise SourceError(
                f"--slice {name}: {where} has {different:,} different values of it, and {MOST_VALUES:,} are the most; "
                "a slice is a group of rows, such as an annotator"
            )
        missing = sum(value is None for value in values)
        if missing and not may_be_one:
            assumed.append(f"{counted(missing, 'row has', 'rows have')} no {name}: in no slice of it")
        slices[name] = values
    return slices
