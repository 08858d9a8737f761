"""WebDataset: tar shards in which files of one key are a sample: ``007.jpg`` with ``007.cls`` or ``007.json``."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import PixelError, SourceError
from labelaudit.jsontext import parse_json
from labelaudit.source.draft import Draft
from labelaudit.source.interface import Picture
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import LARGEST_FILE, files_signature
from labelaudit.source.tables import table_of_rows
from labelaudit.source.tabular import read_facts
from labelaudit.source.walk import PICTURE_SUFFIXES
from labelaudit.source.words import counted, splits_of_shards
from labelaudit.source.written import LabelFile, LabelPlaces, TarLabels, runs_of

_LABELS = ("cls", "json")
_LARGEST_LABEL = 1 << 20  # bytes of one
_LOOKED_AT = 100  # files of a shard


def _probe(layout: Layout) -> Match | None:
    shards = sorted(layout.with_suffix(".tar"))
    if not shards or (layout.file is None and not _holds_labels(shards[0])):
        return None
    named = shards[0].name if len(shards) == 1 else counted(len(shards), "tar file")
    return Match(Fit.GENERIC, f"{named} found: WebDataset shards")


def _read(layout: Layout) -> Draft:
    shards = sorted(layout.with_suffix(".tar"))
    if not shards:
        raise SourceError(f"{layout.name} holds no .tar shards (compressed ones must be unpacked to .tar)")
    by_shard = [_samples(number, path) for number, path in enumerate(shards)]
    samples = [sample for found in by_shard for sample in found]
    if not samples:
        raise SourceError(f"{layout.name} holds no files in its tar shards: nothing to audit")
    assumed: list[str] = []
    table = table_of_rows([sample.label for sample in samples])
    facts = read_facts(table, layout.options, where=layout.name, assumed=assumed, needs_path=False)
    chosen = facts.of_samples(samples)
    split = None
    if facts.columns.split is None and (names := splits_of_shards([path.stem for path in shards])):
        assumed.append("splits come from the names of the shards")
        split = [names[sample.shard] for sample in chosen]
    keys = [sample.key for sample in chosen]
    pictures = TarPictures(shards, chosen)
    draft = facts.draft(pictures, where=layout.name, assumed=assumed, derived_ids=keys, split=split)
    if (key := facts.own_labels) is not None:
        runs = runs_of(list(map(len, by_shard)))
        files = (LabelFile(path, TarLabels(key), rows) for path, rows in zip(shards, runs, strict=True))
        draft.places = LabelPlaces(layout, tuple(files))
    return draft


FORMAT = Format("webdataset", "WebDataset tar shards", _probe, _read)


@dataclass(slots=True)
class _Sample:
    """One key of a shard: where its picture's bytes lie, and what its label files say."""

    shard: int
    key: str
    start: int = 0
    size: int = -1  # no picture
    label: dict[str, Any] = field(default_factory=dict)


class TarPictures:
    """Pictures that lie in tar files, read at their offsets.

    Args:
        shards: The tar files.
        samples: Of each row.
    """

    def __init__(self, shards: Sequence[Path], samples: Sequence[_Sample]) -> None:
        self._shards = shards
        self._keys = [sample.key for sample in samples]
        places = [(sample.shard, sample.start, sample.size) for sample in samples]
        self._places: NDArray[np.int64] = np.array(places, dtype=np.int64).reshape(-1, 3)

    def read(self, row: int) -> Picture:
        """The encoded picture of one row.

        Raises:
            PixelError: The key has no picture, or the shard cannot be read.
        """
        shard, start, size = self._places[row].tolist()
        path = self._shards[shard]
        if size < 0:
            raise PixelError(f"{path.name} holds no picture of the key {self._keys[row]}")
        if size > LARGEST_FILE:  # or so its header says
            raise PixelError(f"{self._keys[row]} in {path.name} is larger than {LARGEST_FILE >> 20} MiB")
        try:
            with open(path, "rb") as file:
                file.seek(start)
                content = file.read(size)
        except OSError as error:
            raise PixelError(f"{path.name} cannot be read: {error.strerror}") from error
        if len(content) < size:
            raise PixelError(f"{path.name} ends in the middle of {self._keys[row]}: is it complete?")
        return content

    def signature(self) -> str:
        """Digest of the shards' names, sizes and times; labels lie in the same files, so they change it too."""
        return files_signature(self._shards)


def _holds_labels(shard: Path) -> bool:
    """Whether labels are among a shard's first files: the archive that a folder was unpacked from has none."""
    try:
        with tarfile.open(shard, "r:") as archive:
            names = [member.name for member in islice(archive, _LOOKED_AT)]
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return False
    return any(name.lower().endswith(tuple(f".{kind}" for kind in _LABELS)) for name in names)


def _samples(shard: int, path: Path) -> list[_Sample]:
    """The samples of a shard in the order of their first files; links and folders in it are passed over."""
    found: dict[str, _Sample] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key, kind = key_and_kind(member.name)
                if not member.isfile() or not key:
                    continue
                sample = found.setdefault(key, _Sample(shard, key))
                if kind in PICTURE_SUFFIXES and sample.size < 0:
                    sample.start, sample.size = member.offset_data, member.size
                elif is_label(kind, member.size):
                    file = archive.extractfile(member)
                    assert file is not None
                    _add_label(sample, kind, file.read(), f"{path.name}: {member.name}")
    except (tarfile.TarError, OSError, EOFError, ValueError, MemoryError) as error:
        raise SourceError(f"{path.name} cannot be read as an uncompressed tar file: is it complete?") from error
    return [sample for sample in found.values() if sample.size >= 0 or sample.label]


def key_and_kind(name: str) -> tuple[str, str]:
    """The sample that a file of a shard belongs to, and its ending in lower case; no key = it belongs to none."""
    folder, slash, file = name.removeprefix("./").rpartition("/")
    stem, _, ending = file.partition(".")
    return f"{folder}{slash}{stem}" if stem else "", ending.rpartition(".")[2].lower()


def is_label(kind: str, size: int) -> bool:
    """Whether a file with this ending and of so many bytes holds labels."""
    return kind in _LABELS and size <= _LARGEST_LABEL


def _add_label(sample: _Sample, kind: str, content: bytes, where: str) -> None:
    try:
        text = content.decode("utf-8-sig").strip()
        if kind == "cls":
            sample.label["cls"] = text
            return
        value = parse_json(text)
    except ValueError as error:
        raise SourceError(f"{where} cannot be read: {str(error)[:100]}") from error
    if isinstance(value, dict):
        sample.label = {**value, **sample.label}
    else:
        sample.label["json"] = value
