"""The cells of a table's column as text or numbers, however the file had them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelaudit.errors import SourceError
from labelaudit.records import FloatArray

_NO_LABEL = frozenset({"nan", "null", "na", "n/a", "#n/a", "<na>"})  # never "none": AffectNet has it as a code's name
_GROUPED = r"^(0|-?[1-9]\d{0,2}(,\d{3})*)$"
_EXACT = 2.0**53  # floating-point numbers below it have no gaps between whole ones
_WHOLE_FLOAT = r"^-?\d+\.0+$"
_LARGEST_COORDINATE = 2**31


def texts(column: pa.ChunkedArray) -> list[str | None]:
    """Cells as text without surrounding space, None where empty or null; ``3.0`` of a column of whole floats is ``3``.

    Raises:
        SourceError: The column holds lists, bytes or the like.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_floating(kind):
        column = _whole(column)
    if not (_is_text(kind) or pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)):
        raise SourceError(f"a column of {kind} cannot be read as names: choose another one")
    trimmed = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    return [text or None for text in trimmed.to_pylist()]


def label_texts(column: pa.ChunkedArray) -> list[str | None]:
    """Like ``texts``, for labels: ``NaN`` and the like are None, ``3.0`` and ``1,234`` are ``3`` and ``1234``.

    A thousands separator or ``.0`` is taken off only where every label of the column is a number.
    """
    labels = texts(column)
    plain = {name: None if name.casefold() in _NO_LABEL else name for name in set(labels) if name is not None}
    kept = pa.array([name for name in plain.values() if name is not None], pa.large_string())
    if len(kept) and _all_match(kept, _GROUPED):
        plain = {name: short and short.replace(",", "") for name, short in plain.items()}
    elif len(kept) and _all_match(kept, _WHOLE_FLOAT):
        plain = {name: short and short.partition(".")[0] for name, short in plain.items()}
    return [None if name is None else plain[name] for name in labels]


def numbers(column: pa.ChunkedArray, *, name: str, where: str) -> FloatArray:
    """Cells as counts or shares >= 0, shape (N,); empty cells are 0, ``1,234`` is 1234.

    Raises:
        SourceError: A cell is no number, or is below 0.
    """
    if _is_text(column.type):
        column = pc.replace_substring(pc.utf8_trim_whitespace(column), ",", "")
        column = pc.if_else(pc.equal(column, ""), None, column)
    try:
        values = np.asarray(column.cast(pa.float32()).fill_null(0).to_numpy(), dtype=np.float32)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(f"the column {name!r} of {where} holds a vote that is no number: correct it") from error
    values = np.where(np.isnan(values), np.float32(0), values)
    if not np.isfinite(values).all() or (values < 0).any():
        row = int(np.flatnonzero(~np.isfinite(values) | (values < 0))[0])
        raise SourceError(f"the column {name!r} of {where} holds {values[row]:g} votes in row {row + 1:,}: correct it")
    return values


def is_text(kind: pa.DataType) -> bool:
    """Whether a column's cells are text, plain or as a dictionary."""
    return _is_text(kind.value_type) if pa.types.is_dictionary(kind) else _is_text(kind)


def is_name(kind: pa.DataType) -> bool:
    """Whether a column's cells can be names or codes: text, numbers, booleans."""
    return is_text(kind) or pa.types.is_primitive(kind) or pa.types.is_dictionary(kind) or pa.types.is_null(kind)


def is_number(kind: pa.DataType) -> bool:
    """Whether a column's cells are numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_picture(kind: pa.DataType) -> bool:
    """Whether a column's cells are encoded pictures: bytes, or a struct of bytes and path as Hugging Face writes."""
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_bytes(field.type) for field in kind)
    return _is_bytes(kind)


def is_list(kind: pa.DataType) -> bool:
    """Whether a column's cells are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def looks_numeric(column: pa.ChunkedArray) -> bool:
    """Whether a column holds nothing but numbers, as numbers or as text."""
    if is_number(column.type):
        return True
    if not _is_text(column.type):
        return False
    return _all_match(pc.utf8_trim_whitespace(column), r"^(-?\d[\d,]*(\.\d*)?(e-?\d+)?)?$")


def as_column(values: Iterable[str | None]) -> pa.ChunkedArray:
    """Text as a column."""
    return pa.chunked_array([pa.array(values, pa.large_string())])


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _all_match(column: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(column, pattern)).as_py())


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Floating-point numbers as whole ones where all of them are; NaN becomes null."""
    column = pc.if_else(pc.is_nan(column), None, column)
    whole = pc.all(pc.and_(pc.equal(column, pc.round(column)), pc.less(pc.abs(column), _EXACT))).as_py()
    return column.cast(pa.int64()) if whole or whole is None else column


def code_text(text: str) -> str:
    """A label's code however it is written: ``3``, ``3.0`` and ``3.0000000e+00`` as ``3``; other text as it is."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.strip()


def coordinate(text: str) -> int:
    """A coordinate in whole pixels.

    Raises:
        ValueError: It is no number, or larger than any picture.
    """
    value = float(text)
    if not abs(value) < _LARGEST_COORDINATE:
        raise ValueError(text)
    return int(value)
