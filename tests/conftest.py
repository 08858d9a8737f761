"""What all tests share: drawn faces, a home of their own, one thread a process."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

# Test processes run side by side, one thread each; numpy's BLAS and torch read this when they are imported.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

from labelaudit.faces import EXPRESSIONS, DrawnFaces, draw_dataset, write_dataset  # noqa: E402

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fer_votes_train.parquet"


def pytest_configure(config: pytest.Config) -> None:
    """Gives the session a home, so that no test reads or fills the caches of whoever runs it."""
    home = tempfile.TemporaryDirectory(prefix="labelaudit-tests-")
    config.add_cleanup(home.cleanup)
    os.environ["HOME"] = home.name
    for name in ("LABELAUDIT_CACHE", "XDG_CACHE_HOME"):
        os.environ[name] = str(Path(home.name) / "cache")
    os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def drawn() -> DrawnFaces:
    """140 faces, 20 of each expression, some with wrong labels and some blended. Not to be changed."""
    return draw_dataset(140, seed=7, size=48, class_shares=dict.fromkeys(EXPRESSIONS, 1.0))


@pytest.fixture
def face_folder(drawn: DrawnFaces, tmp_path: Path) -> Path:
    """The drawn faces as a class-per-folder dataset that the test may spoil."""
    folder = tmp_path / "faces"
    write_dataset(drawn, folder)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real faces with votes, where they lie beside the checkout; they may not be shipped."""
    if not _SHARED_DATA.is_file():
        pytest.skip("no real faces beside the checkout")
    return _SHARED_DATA
