from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def _old_objects_are_left_alone() -> Iterator[None]:
    """Every fold ends with a garbage collection, which need not walk through all that pytest and torch have loaded."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
