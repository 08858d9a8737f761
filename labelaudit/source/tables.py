"""Reading a table from a file: csv, tsv, json lines or Parquet -> pyarrow, with a word about what was not plain.

Text tables are read as text, cell for cell; what a column means is decided later, so that ``007`` stays ``007``.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from labelaudit.errors import SourceError
from labelaudit.jsontext import parse_json
from labelaudit.source.encoding import decoded, text_encoding
from labelaudit.source.words import counted

CSV_SUFFIXES = (".csv", ".tsv")
JSON_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_SUFFIXES = (".parquet", ".pq")
TABLE_SUFFIXES = (*CSV_SUFFIXES, *JSON_SUFFIXES, *PARQUET_SUFFIXES)

_DELIMITERS = (",", ";", "\t", "|")
_BLOCK = 1 << 24  # bytes that pyarrow parses at once; a row must fit


def column_names(path: Path) -> list[str]:
    """The names of a table's columns, without reading the table.

    Raises:
        SourceError: The file cannot be read as its ending says.
    """
    if path.suffix.lower() in PARQUET_SUFFIXES:
        return list(parquet_schema(path).names)
    if path.suffix.lower() in JSON_SUFFIXES:
        return list(next(iter(_json_rows(path, limit=1)), {}))
    return csv_header(path, text_encoding(path, whole=False))[0]


def csv_header(path: Path, encoding: str) -> tuple[list[str], str]:
    """The names of a csv's columns without surrounding space, and what separates them.

    Raises:
        SourceError: The file is empty, or has no line of names.
    """
    names, delimiter = _header(path, encoding)
    return [name.strip() for name in names], delimiter


def read_table(path: Path, assumed: list[str], *, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads a table.

    Args:
        path: The file; its ending names the form.
        assumed: Told about encodings, delimiters and empty rows.
        columns: Only these, as ``column_names`` has them; None = all.

    Raises:
        SourceError: The file cannot be read, or its rows differ in length; the line is named.
    """
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        return _read_parquet(path, columns)
    if suffix in JSON_SUFFIXES:
        return table_of_rows(_json_rows(path))
    if suffix in CSV_SUFFIXES:
        return _read_csv(path, assumed, columns)
    raise SourceError(f"{path.name}: a table must end in {', '.join(TABLE_SUFFIXES)}")


def parquet_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file and their types.

    Raises:
        SourceError: It is no Parquet file.
    """
    try:
        return pyarrow.parquet.read_schema(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: a column's name
        raise SourceError(f"{path.name} cannot be read as Parquet ({_first_line(error)}): is it complete?") from error


def _read_parquet(path: Path, columns: Sequence[str] | None) -> pa.Table:
    try:
        table = pyarrow.parquet.ParquetFile(path).read(columns=None if columns is None else list(columns))
        table.validate(full=True)  # a reader does not look whether text is UTF-8
        return table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: a column's name
        raise SourceError(f"{path.name} cannot be read as Parquet ({_first_line(error)}): is it complete?") from error


def _header(path: Path, encoding: str) -> tuple[list[str], str]:
    """A csv's names as written, and its delimiter."""
    with decoded(path, encoding) as text:
        first = next((line for line in text if line.strip()), "")
        if first.count('"') % 2:  # a name with a line break in it
            first += "".join(text.readline() for _ in range(8))
    if not first.strip():
        raise SourceError(f"{path.name} is empty: it needs a line of column names and rows below")
    marks = "\t" if path.suffix.lower() == ".tsv" else _DELIMITERS
    try:
        names, delimiter = max(((_fields(first, mark), mark) for mark in marks), key=lambda found: len(found[0]))
    except csv.Error as error:
        raise SourceError(f"{path.name} has no line of column names that can be read ({error}): correct it") from error
    return names, delimiter


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=delimiter), [])


def _read_csv(path: Path, assumed: list[str], columns: Sequence[str] | None) -> pa.Table:
    encoding = text_encoding(path)
    names, delimiter = _header(path, encoding)
    clean = _clean_names(names, path.name)
    if columns is not None:
        chosen = [written for written, name in zip(names, clean, strict=True) if name in columns]
    else:
        chosen = names
    if len(set(names)) < len(names):
        raise SourceError(f"{path.name} has two columns without a name: name them")
    try:
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(
                encoding="utf8" if encoding.startswith("utf-8") else encoding, block_size=_BLOCK
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), include_columns=chosen, strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, UnicodeError, OSError) as error:
        fault = _csv_fault(path, delimiter, encoding, len(names))
        raise SourceError(fault or f"{path.name} cannot be read ({_first_line(error)}): correct it") from error
    if (line := _unclosed_quote(path, delimiter, encoding)) is not None:
        raise SourceError(
            f"{path.name}: a quote that opens in line {line:,} is never closed, and would swallow all that follows: "
            "close it, or double it where it belongs to the text"
        )
    if encoding == "latin-1":
        assumed.append(f"{path.name} is not UTF-8; it was read as Latin-1")
    if delimiter != ("\t" if path.suffix.lower() == ".tsv" else ","):
        assumed.append(f"{path.name} separates its columns with {delimiter!r}")
    table = table.rename_columns([name for written, name in zip(names, clean, strict=True) if written in chosen])
    return _without_empty_rows(table, path.name, assumed)


def _clean_names(names: Sequence[str], where: str) -> list[str]:
    clean = [name.strip() or f"column {position + 1}" for position, name in enumerate(names)]
    twins = [name for name, count in Counter(clean).items() if count > 1]
    if twins:
        raise SourceError(f"{where} has the column {twins[0]!r} twice: rename one")
    return clean


def _without_empty_rows(table: pa.Table, where: str, assumed: list[str]) -> pa.Table:
    """Leaves out rows such as ``,,,`` that spreadsheets write below a table."""
    if not table.num_columns or not table.num_rows:
        return table
    filled = pc.not_equal(table.column(0), "")
    for column in table.columns[1:]:
        filled = pc.or_(filled, pc.not_equal(column, ""))
    kept = table.filter(filled)
    if kept.num_rows < table.num_rows:
        empty = counted(table.num_rows - kept.num_rows, "line")
        assumed.append(f"{empty} of {where} with empty cells only left out")
    return kept


def _csv_fault(path: Path, delimiter: str, encoding: str, width: int) -> str | None:
    """Finds the line that pyarrow could not take; slow, and run only on the way to an error."""
    with decoded(path, encoding) as text:
        reader = csv.reader(text, delimiter=delimiter)
        try:
            for fields in reader:
                if fields and len(fields) != width:
                    return (
                        f"{path.name} line {reader.line_num:,} has {counted(len(fields), 'field')} where the header "
                        f"has {width}: correct it, or put fields that hold {delimiter!r} in quotes"
                    )
        except (csv.Error, UnicodeError) as error:
            return f"{path.name} line {reader.line_num + 1:,} cannot be read: {_first_line(error)}"
    return None


def _unclosed_quote(path: Path, delimiter: str, encoding: str) -> int | None:
    """The line in which a cell's quote opens that the file never closes; pyarrow takes the rest for its cell.

    Quotes that are closed come in pairs, so files with an odd number of them are looked through, and no others.
    """
    quotes = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            quotes += block.count(b'"')
    if quotes % 2 == 0:
        return None
    line = 1
    with decoded(path, encoding) as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        while True:
            try:
                next(reader)
            except StopIteration:
                return None
            except csv.Error as error:
                if "end of data" in str(error) or "field limit" in str(error):
                    return line
            line = reader.line_num + 1


def _json_rows(path: Path, *, limit: int | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with decoded(path, text_encoding(path)) as text:
        for number, line in enumerate(text, start=1):
            if len(rows) == limit:
                break
            if not line.strip():
                continue
            try:
                row = parse_json(line)
            except ValueError as error:
                raise SourceError(
                    f"{path.name} line {number:,} is no JSON ({_first_line(error)}): correct it"
                ) from error
            if not isinstance(row, dict):
                raise SourceError(f"{path.name} line {number:,} is no JSON object: write one {{...}} a line")
            rows.append(row)
    return rows


def table_of_rows(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """JSON objects as a table; what an object lacks is null, and a column of mixed kinds becomes text."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column(row.get(name) for row in rows) for name in names})


def _column(values: Iterable[Any]) -> pa.Array:
    cells = list(values)
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # 3 in one row and "happy" in another; beyond 64 bits
        return pa.array(
            [None if cell is None else cell if isinstance(cell, str) else json.dumps(cell) for cell in cells]
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
