"""Whatever a program gives as a dataset -> a ``LabelSource``."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from labelaudit.errors import SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.finish import finish
from labelaudit.source.huggingface import FORMAT, hub_draft
from labelaudit.source.interface import LabelSource
from labelaudit.source.memory import ArraySource, table_source
from labelaudit.source.options import SourceOptions


def source_from(data: Any, options: SourceOptions | None = None) -> LabelSource:
    """Turns what a program has into a source.

    Args:
        data: A path or the name of a Hugging Face dataset; a pair ``(images, labels)`` as ``ArraySource`` takes it; a
            pandas or polars data frame or a pyarrow table with a column of paths (below ``options.root``) or of encoded
            pictures; an open Hugging Face dataset; or a ``LabelSource``, which is given back.
        options: What a dataset leaves open.

    Raises:
        SourceError: It is none of these, or cannot be read.
    """
    options = options or SourceOptions()
    if isinstance(data, str | os.PathLike):
        return open_source(data, options)
    if isinstance(data, LabelSource):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return ArraySource(data[0], data[1], options=options)
    library = type(data).__module__.split(".", 1)[0]
    if library == "datasets":
        draft = hub_draft(data, options, where="the dataset", roots=[] if options.root is None else [options.root])
        return finish(draft, options, format_name=FORMAT.name, why="a Hugging Face dataset in memory")
    if library == "pandas":
        return table_source(_from_pandas(data), options)
    if hasattr(data, "__arrow_c_stream__"):
        return table_source(pa.table(data), options)
    raise SourceError(
        f"a {type(data).__name__} is no dataset: give a path, a data frame, a pyarrow table or a pair (images, labels)"
    )


def _from_pandas(frame: Any) -> pa.Table:
    """A data frame as a table; pictures that are arrays or Pillow objects become encoded ones, without loss."""
    frame = frame.rename(columns=str)
    for name in frame.columns:
        first = next((cell for cell in frame[name] if cell is not None), None)
        if isinstance(first, Image.Image) or (isinstance(first, np.ndarray) and first.ndim > 1):
            frame = frame.assign(**{name: [_encoded(cell) for cell in frame[name]]})
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError) as error:
        first_line = str(error).split("\n", 1)[0]
        raise SourceError(f"the data frame has a column that mixes kinds of values: {first_line}") from error


def _encoded(cell: Any) -> bytes | None:
    if cell is None:
        return None
    picture = cell if isinstance(cell, Image.Image) else Image.fromarray(cell)
    file = io.BytesIO()
    picture.save(file, format="PNG", compress_level=1)
    return file.getvalue()
