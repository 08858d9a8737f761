from __future__ import annotations

import numpy as np
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from labelaudit.queue.diversity import ALIKE_P, alike_apart


def apart(rows, p, given, nearest) -> list[int]:
    return alike_apart(
        np.array(rows, dtype=np.int64),
        np.array(p, dtype=np.float32),
        np.array(given, dtype=np.int32),
        np.array(nearest, dtype=np.int32),
    ).tolist()


def test_of_two_that_look_alike_the_second_comes_after_equals() -> None:
    nearest = [[7, 9, 8], [5, 9, 8], [1, 2, 3], [1, 2, 3]]
    assert apart([5, 7, 9, 8], [1.0] * 4, [0] * 4, nearest) == [5, 9, 8, 7]
    assert apart([5, 7, 9, 8], [1.0] * 4, [0, 1, 0, 0], nearest) == [5, 7, 9, 8]  # another label
    one_sided = [[7, 9, 8], [1, 2, 3], [1, 2, 3], [1, 2, 3]]
    assert apart([5, 7, 9, 8], [1.0] * 4, [0] * 4, one_sided) == [5, 7, 9, 8]


def test_never_behind_what_is_less_likely_wrong() -> None:
    nearest = [[7, -1], [5, -1], [-1, -1]]
    assert apart([5, 7, 9], [0.99, 0.99, 0.9], [0] * 3, nearest) == [5, 7, 9]


def test_forty_frames_of_one_person_do_not_stand_in_a_row() -> None:
    frames = list(range(40))
    nearest = [[(row + 1) % 40, (row - 1) % 40, -1] for row in frames] + [[-1] * 3] * 60
    found = apart(range(100), [0.95] * 100, [0] * 100, nearest)
    assert sum(row < 40 for row in found[:60]) <= 2
    assert sorted(found) == list(range(100))


def test_one_row_or_none() -> None:
    assert apart([3], [0.5], [0], [[-1]]) == [3]
    assert (
        alike_apart(
            np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int32), np.empty((0, 8), np.int32)
        ).tolist()
        == []
    )


@drawn(st.integers(2, 60), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_every_cut_is_expected_to_bring_about_as_much(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.permutation(count)
    p = np.sort(rng.random(count).astype(np.float32))[::-1]
    nearest = rng.integers(-1, count, (count, 4))
    found = apart(rows, p, rng.integers(0, 2, count), nearest)
    assert sorted(found) == list(range(count))
    by_row = dict(zip(rows.tolist(), p.tolist(), strict=True))
    after = np.cumsum([by_row[row] for row in found])
    looks = np.arange(1, count + 1)
    assert (np.cumsum(p) - after <= ALIKE_P * looks + 1e-4).all()
