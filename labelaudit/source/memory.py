"""Datasets that a program holds in memory: arrays and labels, or a table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from labelaudit.errors import PixelError, SourceError
from labelaudit.records import SampleTable
from labelaudit.source.cells import is_picture
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.embedded import picture_of_cell
from labelaudit.source.finish import OpenedSource, finish
from labelaudit.source.interface import Picture
from labelaudit.source.locate import named_files
from labelaudit.source.options import SourceOptions
from labelaudit.source.tabular import read_facts
from labelaudit.source.words import counted

ArrayImages = NDArray[np.uint8] | Sequence[NDArray[np.uint8] | Image.Image | bytes]
"""Pixels of shape (N, H, W) grey or (N, H, W, 3) RGB, or N arrays, Pillow pictures or encoded files."""


class ArraySource:
    """Pictures and labels that are in memory; a ``LabelSource``.

    Args:
        images: N pictures; arrays are uint8.
        labels: N class names or codes; None or NaN where there is none.
        ids: N unique sample ids; None = row numbers.
        splits: N names of splits, or None.
        class_names: Names of the codes 0, 1, 2, ..., or a map from codes to names.

    Raises:
        SourceError: The lengths differ, an array has another type or shape, or there are not two classes.
    """

    format: str
    why: str
    assumed: Sequence[str]
    table: SampleTable

    def __init__(
        self,
        images: ArrayImages,
        labels: Sequence[Any] | NDArray[Any],
        *,
        ids: Sequence[Any] | None = None,
        splits: Sequence[str | None] | None = None,
        class_names: Sequence[str] | Mapping[Any, str] | None = None,
        options: SourceOptions | None = None,
    ) -> None:
        n = len(images)
        for what, column in (("labels", labels), ("ids", ids), ("splits", splits)):
            if column is not None and len(column) != n:
                raise SourceError(f"{counted(n, 'image')} and {len(column):,} {what}: give one a picture")
        _check_pixels(images)
        if class_names is not None and not isinstance(class_names, Mapping):
            class_names = dict(enumerate(class_names))
        draft = Draft(
            sample_id=[str(row) for row in range(n)] if ids is None else [str(each) for each in ids],
            label=[_label(label) for label in labels],
            path=[None] * n,
            split=[None] * n if splits is None else list(splits),
            pictures=HeldPictures(images),
            where="the data in memory",
            ids_derived=ids is None,
            codes=ClassCodes({str(code): str(name) for code, name in (class_names or {}).items()}),
        )
        why = f"{counted(n, 'picture')} in memory"
        self._opened = finish(draft, options or SourceOptions(), format_name="arrays", why=why)
        self.format, self.why, self.assumed = self._opened.format, self._opened.why, self._opened.assumed
        self.table = self._opened.table

    def read(self, row: int) -> Picture:
        """The picture of one row.

        Raises:
            PixelError: It is no picture.
        """
        return self._opened.read(row)

    def signature(self) -> str:
        """Digest of the pictures' content."""
        return self._opened.signature()


class HeldPictures:
    """Pictures in memory: arrays, Pillow pictures, bytes, or mappings with ``bytes``."""

    def __init__(self, images: ArrayImages | Sequence[Any]) -> None:
        self._images = images

    def read(self, row: int) -> Picture:
        """The picture of one row, encoded or as pixels.

        Raises:
            PixelError: It is no picture.
        """
        return _picture(self._images[row])

    def signature(self) -> str:
        """Digest of every picture's content: in memory there are no times to go by."""
        digest = hashlib.sha256()
        for row in range(len(self._images)):
            try:
                picture = self.read(row)
            except PixelError as error:
                picture = str(error).encode()
            digest.update(repr(getattr(picture, "shape", len(picture))).encode())
            digest.update(np.ascontiguousarray(picture).data if isinstance(picture, np.ndarray) else picture)
        return digest.hexdigest()


class ColumnPictures:
    """Encoded pictures in a column of a table in memory."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    def read(self, row: int) -> Picture:
        """The encoded picture of one row.

        Raises:
            PixelError: The cell is empty.
        """
        return picture_of_cell(self._column[row].as_py())

    def signature(self) -> str:
        """Digest of every picture's content."""
        digest = hashlib.sha256()
        for cell in self._column:
            content = cell.as_py()
            content = content.get("bytes") if isinstance(content, dict) else content
            digest.update(f"{-1 if content is None else len(content)}\0".encode())
            digest.update(content or b"")
        return digest.hexdigest()


def table_source(table: pa.Table, options: SourceOptions) -> OpenedSource:
    """Opens a table in memory that has a column of paths (below ``options.root``) or of encoded pictures.

    Raises:
        SourceError: A column is missing or leaves a choice; paths without ``options.root``.
    """
    where = "the table"
    assumed: list[str] = []
    embedded = options.path_column is None and any(is_picture(field.type) for field in table.schema)
    facts = read_facts(table, options, where=where, assumed=assumed, needs_path=not embedded)
    if embedded:
        assert facts.columns.image is not None
        column = table.column(facts.columns.image)
        pictures = ColumnPictures(column if facts.rows is None else column.take(pa.array(facts.rows)))
        row_numbers = [str(row) for row in range(len(facts.label))]
        draft = facts.draft(pictures, where=where, assumed=assumed, derived_ids=row_numbers)
    else:
        if options.root is None:
            raise SourceError("a table of paths needs the folder that they are relative to: SourceOptions(root=...)")
        files = named_files(facts.path, root=options.root, where=where, assumed=assumed)
        draft = facts.draft(files.pictures, where=where, assumed=assumed, derived_ids=files.sample_id, path=files.path)
    kind = "pictures" if embedded else "paths"
    return finish(draft, options, format_name="table", why=f"a table in memory with a column of {kind}")


def _picture(value: Any) -> Picture:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, Image.Image):
        return np.asarray(value if value.mode in ("L", "RGB") else value.convert("RGB"))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise PixelError(f"a {type(value).__name__} is no picture: give uint8 arrays, Pillow pictures or bytes")


def _check_pixels(images: Any) -> None:
    if not isinstance(images, np.ndarray) or images.dtype == object:
        return
    colour = images.ndim == 4 and images.shape[-1] == 3
    if images.dtype != np.uint8 or not (images.ndim == 3 or colour):
        raise SourceError(
            f"images are {images.dtype} of shape {images.shape}: give uint8 of shape (N, H, W) grey or (N, H, W, 3) RGB"
        )


def _label(value: Any) -> str | None:
    """A label as text; None, NaN, an empty text and missing values of pandas are no label."""
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value).strip() or None
