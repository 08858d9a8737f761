from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from labelaudit.evidence.row_cache import RowCache


def _vectors(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 5)).astype(np.float32)


def test_what_was_written_is_read_back_bit_by_bit(tmp_path: Path):
    cache = RowCache(tmp_path, key="abc", width=5)
    assert cache.read(["a"]) == {}
    said = _vectors(3)
    said[1, 2] = np.nan
    cache.write_rows(["a", "b", "c"], said)
    found = RowCache(tmp_path, key="abc", width=5).read(["c", "b", "missing"])
    assert set(found) == {"b", "c"}
    np.testing.assert_array_equal(found["c"], said[2])
    np.testing.assert_array_equal(found["b"], said[1])


def test_models_do_not_share_and_the_last_word_counts(tmp_path: Path):
    said = _vectors(2)
    cache = RowCache(tmp_path, key="abc", width=5)
    cache.write_rows(["a"], said[:1])
    assert RowCache(tmp_path, key="other", width=5).read(["a"]) == {}
    assert RowCache(tmp_path, key="abc", width=4).read(["a"]) == {}
    cache.write_rows(["a"], said[1:])
    np.testing.assert_array_equal(cache.read(["a"])["a"], said[1])


def test_a_damaged_file_is_replaced(tmp_path: Path):
    cache = RowCache(tmp_path, key="abc", width=5)
    cache.write_rows(["a"], _vectors(1))
    (file,) = (tmp_path / "scores").iterdir()
    file.write_bytes(b"no database at all" * 100)
    assert cache.read(["a"]) == {}
    cache.write_rows(["a"], _vectors(1))
    assert set(cache.read(["a"])) == {"a"}


def test_a_byte_that_the_disk_changed_is_not_believed(tmp_path: Path):
    cache = RowCache(tmp_path, key="abc", width=5)
    cache.write_rows(["a", "b"], said := _vectors(2))
    (file,) = (tmp_path / "scores").iterdir()
    content = bytearray(file.read_bytes())
    content[content.index(said[0].tobytes()) + 7] ^= 1
    file.write_bytes(content)
    assert set(cache.read(["a", "b"])) == {"b"}


def test_a_table_of_another_form_is_passed_over(tmp_path: Path):
    (tmp_path / "scores").mkdir()
    database = sqlite3.connect(tmp_path / "scores" / "abc.sqlite")
    database.execute("CREATE TABLE rows (other TEXT)")
    database.close()
    cache = RowCache(tmp_path, key="abc", width=5)
    assert cache.read(["a"]) == {}
    cache.write_rows(["a"], _vectors(1))


def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path: Path):
    (tmp_path / "scores").write_text("a file where a folder should be")
    cache = RowCache(tmp_path, key="abc", width=5)
    cache.write_rows(["a"], _vectors(1))
    assert cache.read(["a"]) == {}


def test_many_may_write_at_once(tmp_path: Path):
    said = _vectors(40)

    def write(row: int) -> None:
        RowCache(tmp_path, key="abc", width=5).write_rows([str(row)], said[row : row + 1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    found = RowCache(tmp_path, key="abc", width=5).read([str(row) for row in range(40)])
    assert len(found) == 40
    np.testing.assert_array_equal(found["17"], said[17])
