"""A Hugging Face dataset: from a folder that ``save_to_disk`` wrote, or open in memory."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.arrow_files import check_saved_dataset
from labelaudit.source.cells import is_picture
from labelaudit.source.draft import Draft
from labelaudit.source.interface import Picture
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.options import SourceOptions
from labelaudit.source.pictures import read_below
from labelaudit.source.tabular import read_facts
from labelaudit.source.walk import stays_inside
from labelaudit.source.written import LabelFile, LabelPlaces, SavedCells

_SAVED = (("dataset_dict.json",), ("dataset_info.json", "state.json"))


def _probe(layout: Layout) -> Match | None:
    found = _saved(layout)
    return Match(Fit.KNOWN, f"{found} found: a saved Hugging Face dataset") if found else None


def _read(layout: Layout) -> Draft:
    if not _saved(layout):
        raise SourceError(f"{layout.name} is no folder that save_to_disk of Hugging Face datasets wrote")
    datasets = library()
    try:
        check_saved_dataset(layout.root)
        found = datasets.load_from_disk(str(layout.root))
    except Exception as error:  # the library raises many kinds on a folder that it did not write
        raise SourceError(
            f"{layout.name} cannot be opened as a saved Hugging Face dataset: {one_line(error, layout.root)}"
        ) from error
    return hub_draft(found, layout.options, where=layout.name, roots=[layout.root], saved=layout)


FORMAT = Format("huggingface", "a Hugging Face dataset", _probe, _read)


def _saved(layout: Layout) -> str | None:
    """The file by which a saved dataset is known."""
    if layout.file is not None:
        return None
    return next((names[0] for names in _SAVED if all((layout.root / name).is_file() for name in names)), None)


def hub_draft(
    found: Any, options: SourceOptions, *, where: str, roots: Sequence[Path], saved: Layout | None = None
) -> Draft:
    """Reads an open ``datasets.Dataset`` or ``DatasetDict``.

    Args:
        found: The dataset.
        options: What the user said about the columns.
        where: What messages call it.
        roots: Folders from which pictures that are files may be read.
        saved: Where it was saved to; None = it is not on disk in a form that can be written.

    Raises:
        SourceError: It streams, or its columns leave a choice.
    """
    datasets = library()
    if isinstance(found, datasets.IterableDatasetDict | datasets.IterableDataset):
        raise SourceError(f"{where} is a stream: open it without streaming=True, so that rows have an order")
    parts = dict(found) if isinstance(found, datasets.DatasetDict) else {str(found.split or ""): found}
    plain = {name: _undecoded(part, datasets) for name, part in parts.items()}
    assumed: list[str] = []
    facts = read_facts(_small_columns(plain), options, where=where, assumed=assumed, needs_path=False)
    if facts.columns.image is None:
        raise SourceError(f"{where} has no column of pictures")
    if facts.id is None:
        assumed.append("sample ids are split and row number (--id-column)")
    numbered = [(name, row) for name, part in plain.items() for row in range(len(part))]
    draft = facts.draft(
        HubPictures(list(plain.values()), facts.columns.image, roots, facts.rows),
        where=where,
        assumed=assumed,
        derived_ids=facts.of_samples([f"{name or 'row'}/{row}" for name, row in numbered]),
        split=facts.of_samples([name or None for name, _ in numbered]) if facts.columns.split is None else None,
    )
    draft.ids_numbered = facts.id is None
    if saved is not None and (column := facts.own_labels) is not None:
        draft.places = LabelPlaces(saved, (LabelFile(saved.root, SavedCells(column), range(len(numbered))),))
    return draft


class HubPictures:
    """Pictures of ``datasets.Dataset`` objects whose image column is not decoded.

    Args:
        parts: The datasets, one after the other.
        column: The column of pictures.
        roots: Folders from which pictures that are files may be read.
        rows: Row for each sample, shape (N,); None = every row.
    """

    def __init__(
        self, parts: Sequence[Any], column: str, roots: Sequence[Path], rows: NDArray[np.int64] | None = None
    ) -> None:
        self._parts = [part.select_columns([column]) for part in parts]
        self._starts = np.cumsum([0, *(len(part) for part in parts)]).tolist()
        self._column = column
        self._roots = [os.path.realpath(root) for root in roots]
        self._rows = rows

    def read(self, row: int) -> Picture:
        """The encoded picture of one row.

        Raises:
            PixelError: The row holds none, or names a file outside the dataset.
        """
        row = row if self._rows is None else int(self._rows[row])
        part = bisect_right(self._starts, row) - 1
        cell = self._parts[part][row - self._starts[part]][self._column]
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if content is not None:
            return bytes(content)
        path = cell.get("path") if isinstance(cell, dict) else None
        if not path:
            raise PixelError("the row holds no picture")
        return self._read_file(str(path))

    def signature(self) -> str:
        """Digest of the fingerprints that the library gives its datasets."""
        prints = "\0".join(part._fingerprint for part in self._parts)
        chosen = b"" if self._rows is None else self._rows.tobytes()
        return hashlib.sha256(prints.encode() + chosen).hexdigest()

    def _read_file(self, path: str) -> bytes:
        for root in self._roots:
            real = os.path.realpath(os.path.join(root, path))  # noqa: PTH118
            if stays_inside(real, root):
                return read_below(root, os.path.relpath(real, root))
        raise PixelError(f"{os.path.basename(path)} leaves the root: it lies outside the dataset")  # noqa: PTH119


def library() -> ModuleType:
    """The library.

    Raises:
        SourceError: It is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise SourceError("Hugging Face datasets need an extra: pip install 'labelaudit[hf]'") from error
    module: ModuleType = datasets
    return module


def _undecoded(part: Any, datasets: ModuleType) -> Any:
    """The dataset with bytes for pictures, so that what is audited is what lies there."""
    part = part.with_format(None)
    for name, feature in part.features.items():
        if isinstance(feature, datasets.Image):
            part = part.cast_column(name, datasets.Image(decode=False))
    return part


def _small_columns(parts: dict[str, Any]) -> pa.Table:
    """All columns but the pictures, which are there empty so that one can be chosen by its type."""
    tables: list[pa.Table] = []
    for part in parts.values():
        schema = part.features.arrow_schema
        images = [field.name for field in schema if is_picture(field.type)]
        small = part.remove_columns(images)
        rows = small.with_format("arrow")[:] if small.num_columns else pa.table({})
        columns = [
            pa.nulls(len(part), field.type) if field.name in images else rows.column(field.name) for field in schema
        ]
        tables.append(pa.Table.from_arrays(columns, names=schema.names).replace_schema_metadata(schema.metadata))
    return pa.concat_tables(tables, promote_options="permissive")


def one_line(error: Exception, root: Path | None = None) -> str:
    """What the library says, without the path of the dataset's folder."""
    text = " ".join(str(error).split()) or type(error).__name__
    return (text if root is None else text.replace(str(root), root.name))[:200]
