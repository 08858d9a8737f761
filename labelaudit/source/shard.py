"""One Parquet file of a dataset, on the disk or in a store."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from labelaudit.errors import SourceError


@dataclass(frozen=True)
class Shard:
    """A Parquet file whose footer is read once.

    Attributes:
        name: For messages, and for what it says of its split.
        open: Gives what ``ParquetFile`` takes: a path, or an open file.
        stamp: Names it, its size and its time.
    """

    name: str
    open: Callable[[], Path | pa.NativeFile]
    stamp: Callable[[], str]

    @cached_property
    def metadata(self) -> Any:
        """Of the whole file.

        Raises:
            SourceError: It is no Parquet file.
        """
        try:
            with self.opened(metadata=False) as file:
                return file.metadata
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.name} cannot be read as Parquet: is it complete?") from error

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""
        return self.metadata.schema.to_arrow_schema()

    @contextlib.contextmanager
    def opened(self, *, metadata: bool = True) -> Iterator[Any]:
        """The file, open; the footer is not read again where it is known."""
        known = self.metadata if metadata else None
        place = self.open()
        with (
            contextlib.nullcontext() if isinstance(place, Path) else place,
            pyarrow.parquet.ParquetFile(place, metadata=known, pre_buffer=not isinstance(place, Path)) as file,
        ):
            yield file


def shard_on_disk(path: Path) -> Shard:
    """A file on the disk."""

    def stamp() -> str:
        facts = path.stat()
        return f"{path.name}\0{facts.st_size}\0{facts.st_mtime_ns}\0"

    return Shard(path.name, lambda: path, stamp)
