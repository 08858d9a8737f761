from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from labelaudit.faces import DrawnFaces
from labelaudit.pixels.build import build_store
from labelaudit.pixels.overview import PictureSizes, picture_sizes, summarise_duplicates


def test_sizes(memory_source: Callable, tmp_path: Path) -> None:
    pictures = [np.zeros(shape, dtype=np.uint8) for shape in ((10, 20), (5, 4), (30, 30), (10, 20), (9, 9))]
    facts = build_store(memory_source([*pictures, "gone"]), size=8, cache_dir=tmp_path).facts
    # Areas 20, 81, 200, 200, 900.
    assert picture_sizes(facts) == PictureSizes(smallest=(4, 5), median=(20, 10), largest=(30, 30), distinct=4)


def test_no_sizes_where_nothing_is_readable(memory_source: Callable, tmp_path: Path) -> None:
    assert picture_sizes(build_store(memory_source(["gone"]), size=8, cache_dir=tmp_path).facts) is None


def test_groups_conflicts_and_splits(memory_source: Callable, drawn: DrawnFaces, tmp_path: Path) -> None:
    mirrored = np.ascontiguousarray(drawn.images[0][:, ::-1])
    pictures = [*drawn.images[:4], drawn.images[1], mirrored, drawn.images[2]]
    given = ["happy", "sad", "fear", "sad", "happy", "happy", "fear"]
    splits = ["train", "train", "train", "test", "train", "test", None]
    source = memory_source(pictures, given, splits)
    found = summarise_duplicates(build_store(source, size=48, cache_dir=tmp_path), source.table)
    # Rows 0 and 5 (mirrored, across splits), 1 and 4 (equal, sad and happy), 2 and 6 (equal).
    assert (found.groups, found.rows, found.conflicts) == (3, 6, 1)
    assert (found.exact_groups, found.exact_rows, found.exact_conflicts) == (2, 4, 1)
    assert found.across_splits == 1
    assert found.conflict_examples == [[("face1", "sad"), ("face4", "happy")]]
