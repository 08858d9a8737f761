"""Small pictures that tests write themselves."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WritePicture = Callable[..., Path]


def png(value: int = 128, size: tuple[int, int] = (6, 4)) -> bytes:
    """An encoded grey picture of one value; ``size`` is width and height."""
    file = io.BytesIO()
    Image.new("L", size, value).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def write_pictures(tmp_path: Path) -> WritePicture:
    """Writes pictures below a folder by their paths; each has its own grey value."""

    def write(*paths: str, root: Path | None = None) -> Path:
        folder = root or tmp_path / "set"
        for number, path in enumerate(paths):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(png(number % 256))
        return folder

    return write


@pytest.fixture
def pixels_text() -> Callable[[int], str]:
    """48 x 48 grey values as FER2013 writes them."""

    def text(value: int) -> str:
        return " ".join(map(str, np.full(48 * 48, value).tolist()))

    return text


@pytest.fixture
def benchmark_seconds() -> Callable[[float], contextlib.AbstractContextManager[None]]:
    """A limit in seconds, generous enough for a busy machine: it catches work done a row in Python objects."""

    @contextlib.contextmanager
    def limit(seconds: float) -> Iterator[None]:
        start = time.perf_counter()
        yield
        assert time.perf_counter() - start < seconds

    return limit


@pytest.fixture
def part(write_pictures: WritePicture):
    """Three pictures as a dataset of the Hugging Face library, which calls their classes happy and sad."""
    datasets = pytest.importorskip("datasets")
    root = write_pictures("1.png", "2.png", "3.png")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["happy", "sad"])})
    cells = [{"bytes": (root / f"{row}.png").read_bytes(), "path": None} for row in (1, 2, 3)]
    return datasets.Dataset.from_dict({"image": cells, "label": [0, 1, 1]}, features=features)
