"""A dataset at a URL: a folder a class, a table with the paths of pictures, or Parquet with the pictures inside.

The place is listed once. Tables are copied to a temporary folder and looked at as any other's; pictures and Parquet
stay where they are and are read from there. Sizes and stamps of the listing stand for the pictures' contents.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pyarrow.fs as pafs
from numpy.typing import NDArray

from labelaudit.errors import SourceError
from labelaudit.source import detect, embedded, folder, manifest
from labelaudit.source.cells import is_picture
from labelaudit.source.embedded import parquet_draft
from labelaudit.source.finish import OpenedSource, finish
from labelaudit.source.ground import Ground
from labelaudit.source.layout import Layout
from labelaudit.source.options import SourceOptions
from labelaudit.source.pictures import FilePictures
from labelaudit.source.shard import Shard
from labelaudit.source.store import Files, Listing
from labelaudit.source.tables import PARQUET_SUFFIXES, TABLE_SUFFIXES
from labelaudit.source.url_pictures import UrlPictures
from labelaudit.source.urls import Url, read_url
from labelaudit.source.walk import Tree, tree_of_paths

_READ = (embedded.FORMAT.name, folder.FORMAT.name, manifest.FORMAT.name)
_AT_ONCE = 16
_LARGEST_TABLE = 1 << 30
"""Bytes of a table that is copied."""


def open_url(place: str | os.PathLike[str], options: SourceOptions) -> OpenedSource:
    """Opens a dataset at a URL.

    Args:
        place: ``s3://``, ``gs://``, ``hf://datasets/`` or ``memory://``, a folder or a single table.
        options: What detection is to be told.

    Raises:
        SourceError: The URL is unfit, the store says no, or the dataset cannot be read or trusted.
    """
    url = read_url(place)
    if options.root is not None:
        raise SourceError("--root is a folder on the disk; the paths of a table at a URL start from where the table is")
    if options.format is not None and options.format not in _READ:
        raise SourceError(f"--format {options.format}: at a URL only {', '.join(_READ)} are read; copy it to a disk")
    kind = Files(url).kind()
    if kind is pafs.FileType.NotFound:
        raise SourceError(f"{url}: there is nothing; is the path right?")
    dataset = _Remote(url, single=kind is pafs.FileType.File)
    if options.format in (None, embedded.FORMAT.name):
        shards = dataset.shards()
        if shards:
            if options.format is None and not dataset.single and dataset.tree.pictures:
                raise SourceError(f"{url} holds pictures and Parquet with pictures: choose one with --format")
            draft, _ = parquet_draft(shards, options, where=url.name)
            return finish(draft, options, format_name=embedded.FORMAT.name, why=_why(shards))
    with tempfile.TemporaryDirectory(prefix="labelaudit-") as copies:
        layout = _UrlLayout(dataset, Path(copies), options)
        found = detect.detect(layout)
        if found.chosen.name not in _READ:
            raise SourceError(
                f"{url} is a dataset of the format {found.chosen.name} ({found.why}); at a URL only {', '.join(_READ)} "
                "are read: copy it to a disk"
            )
        draft = found.chosen.read(layout)
    assert isinstance(draft.pictures, FilePictures)
    paths = draft.pictures.paths
    draft.pictures = UrlPictures(dataset.files, paths, dataset.facts_of(paths))
    draft.places = None
    return finish(draft, options, format_name=found.chosen.name, why=found.why)


def _why(shards: list[Shard]) -> str:
    found = shards[0].name if len(shards) == 1 else f"{len(shards):,} Parquet files"
    return f"{found} with encoded pictures"


class _Remote:
    """A place that is listed when that is first needed."""

    def __init__(self, url: Url, *, single: bool) -> None:
        self.url, self.single = url, single
        self.files = Files(url.parent if single else url)

    @cached_property
    def listing(self) -> Listing:
        """All that lies below the folder."""
        return self.files.list()

    @cached_property
    def rows(self) -> dict[str, int]:
        """Path -> its row in the listing."""
        return {path: row for row, path in enumerate(self.listing.paths)}

    @cached_property
    def tree(self) -> Tree:
        """The listing, sorted into pictures and others."""
        return tree_of_paths(self.listing.paths, self.listing.facts)

    def facts_of(self, paths: Sequence[str | None]) -> NDArray[np.int64]:
        """Size and stamp of files, (N, 2), -1 where there is none."""
        rows = np.array([-1 if path is None else self.rows.get(path, -1) for path in paths], dtype=np.int64)
        found = self.listing.facts[rows] if len(self.listing.facts) else np.empty((len(rows), 2), dtype=np.int64)
        return np.where(rows[:, None] < 0, np.int64(-1), found)

    def shards(self) -> list[Shard]:
        """Parquet files with a column of pictures, in the order of their names."""
        names = [self.url.name] if self.single else self.tree.others
        files = [name for name in names if name.lower().endswith(PARQUET_SUFFIXES)]
        shards = [Shard(name, partial(self.files.open, name), partial(self._stamp, name)) for name in files]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            schemas = list(pool.map(lambda shard: shard.schema, shards))
        return [
            shard
            for shard, schema in zip(shards, schemas, strict=True)
            if any(is_picture(field.type) for field in schema)
        ]

    def _stamp(self, name: str) -> str:
        size, stamp = self.listing.facts[self.rows[name]].tolist()
        return f"{name}\0{size}\0{stamp}\0"


@dataclass(frozen=True)
class _UrlGround:
    """Where a table's pictures are looked for."""

    dataset: _Remote

    def holds(self, path: str) -> bool:
        return path in self.dataset.rows

    def folders_in(self, folder: str) -> list[str]:
        return [each for each in self.dataset.tree.folders if each.rpartition("/")[0] == folder]

    def beginnings(self) -> tuple[str, ...]:
        return (f"{self.dataset.files.url}/",)


class _UrlLayout(Layout):
    """A place in a store as formats look at one on the disk: tables are copied when somebody asks for them."""

    def __init__(self, dataset: _Remote, copies: Path, options: SourceOptions) -> None:
        super().__init__(copies, options)
        self._dataset = dataset
        self.root = copies.resolve()
        self.file = self.root / dataset.url.name if dataset.single else None
        self.ground: Ground | None = _UrlGround(dataset)

    @property
    def name(self) -> str:
        return self._dataset.url.name

    @cached_property
    def tree(self) -> Tree:
        return self._dataset.tree

    def find(self, *names: str) -> list[Path]:
        return [self._copied(path) for path in super().find(*names)]

    def with_suffix(self, *suffixes: str) -> list[Path]:
        return [self._copied(path) for path in super().with_suffix(*suffixes)]

    def _copied(self, path: Path) -> Path:
        """Copies a table; anything else is only there by its name."""
        name = self.relative(path)
        is_table = path.suffix.lower() in (*TABLE_SUFFIXES, ".txt", ".json")
        if is_table and not path.exists():
            size = int(self._dataset.facts_of([name])[0, 0])
            if size > _LARGEST_TABLE:
                raise SourceError(f"{name} is a table of {size / 1e9:.1f} GB: give it as Parquet, or copy it to a disk")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._dataset.files.save_copy(name, path)
        return path
