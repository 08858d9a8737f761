"""A small audited dataset, and a batch of new faces with one of everything that is odd."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from labelaudit.faces import EXPRESSIONS, draw_dataset, write_dataset
from labelaudit.pipeline import audit
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings


@dataclass(frozen=True)
class Scene:
    """Where things are.

    Attributes:
        model: A finished audit.
        trained: What it was trained on.
        batch: New faces, some of the old ones, twins under two labels, a broken file, a strange class.
    """

    model: Path
    trained: Path
    batch: Path


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    root = tmp_path_factory.mktemp("scene")
    shares = dict.fromkeys(EXPRESSIONS, 1.0)
    write_dataset(draw_dataset(140, seed=3, class_shares=shares), root / "trained")
    write_dataset(draw_dataset(70, seed=5, class_shares=shares), root / "batch")
    sad, happy = (sorted((root / "batch" / name).iterdir()) for name in ("sad", "happy"))
    (happy[0].parent / "twin.png").write_bytes(sad[0].read_bytes())
    (happy[0].parent / "broken.png").write_bytes(b"no picture")
    known = sorted((root / "trained" / "happy").iterdir())[0]
    (sad[0].parent / "known.png").write_bytes(known.read_bytes())
    (root / "batch" / "bored").mkdir()
    (root / "batch" / "bored" / "x.png").write_bytes(happy[1].read_bytes())
    settings = AuditSettings(
        folds=2,
        device="cpu",
        cache_dir=root / "cache",
        nets=NetSettings(backbone="gradients", weights="none"),
        asm=AsmSettings(epochs=2, warm_up=1, batch=32),
    )
    audit(root / "trained", out=root / "model", settings=settings)
    return Scene(root / "model", root / "trained", root / "batch")


@pytest.fixture
def store() -> Iterator[MemoryFileSystem]:
    """The process's one store at memory://, empty before and after."""
    system = MemoryFileSystem()
    system.store.clear()
    yield system
    system.store.clear()


@pytest.fixture
def put(store: MemoryFileSystem):
    """Copies a folder into the store."""

    def copy(folder: Path, place: str) -> None:
        for file in folder.rglob("*"):
            if file.is_file():
                store.pipe_file(f"{place}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    return copy
