"""A dataset in memory, and pictures that the tests draw."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from labelaudit.errors import PixelError
from labelaudit.labels import LabelSpace
from labelaudit.records import SampleTable
from labelaudit.source.interface import Picture


@dataclass
class MemorySource:
    """Pictures in a list; a string stands for a picture that cannot be read, and is the reason."""

    pictures: list[Picture | str]
    given: Sequence[str | None]
    splits: Sequence[str | None]
    reads: list[int] = field(default_factory=list)
    format: str = "memory"
    why: str = "given as a list"
    assumed: Sequence[str] = ()
    version: str = "1"

    @property
    def table(self) -> SampleTable:
        count = len(self.pictures)
        ids = [f"face{row}" for row in range(count)]
        return SampleTable(ids, self.given, [None] * count, self.splits, LabelSpace.from_labels(self.given))

    def read(self, row: int) -> Picture:
        self.reads.append(row)
        picture = self.pictures[row]
        if isinstance(picture, str):
            raise PixelError(picture)
        return picture

    def signature(self) -> str:
        return hashlib.sha256(self.version.encode()).hexdigest()


MakeSource = Callable[..., MemorySource]


@pytest.fixture
def memory_source() -> MakeSource:
    def make(
        pictures: Sequence[Picture | str],
        given: Sequence[str | None] | None = None,
        splits: Sequence[str | None] | None = None,
    ) -> MemorySource:
        count = len(pictures)
        return MemorySource(list(pictures), given or ["happy"] * count, splits or [None] * count)

    return make


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    def encode(picture: Image.Image | NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    return encode
