from __future__ import annotations

import numpy as np

from labelaudit.evidence.combine import combine


def test_the_pool_is_the_mean_of_its_sources():
    one = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]], dtype=np.float32)
    other = np.array([[0.0, 0.75, 0.25], [0.5, 0.5, 0.0]], dtype=np.float32)
    found = combine([one, other])
    assert found.dtype == np.float32
    assert found.tolist() == [[0.25, 0.5, 0.25], [0.75, 0.25, 0.0]]
    np.testing.assert_array_equal(combine([one]), one)


def test_what_one_source_does_not_know_the_pool_does_not_know():
    known, unknown = np.full((1, 2), 0.5, dtype=np.float32), np.full((1, 2), np.nan, dtype=np.float32)
    assert np.isnan(combine([known, unknown])).all()
