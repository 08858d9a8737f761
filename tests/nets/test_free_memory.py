from __future__ import annotations

import pytest
import torch

from labelaudit.errors import TrainingError
from labelaudit.nets.memory import AtOnce, is_out_of_memory


def test_what_says_that_memory_ran_out():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(KeyError("out of memory"))


def test_what_does_not_fit_is_done_again_by_halves():
    tried: list[int] = []

    def double(rows: slice) -> list[int]:
        tried.append(rows.stop - rows.start)
        if tried[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return [2 * row for row in range(rows.start, rows.stop)]

    at_once = AtOnce(16)
    found = [each for _, part in at_once.over(11, double) for each in part]
    assert found == [2 * row for row in range(11)]
    assert tried == [11, 5, 2, 2, 2, 2, 2, 1]
    assert at_once.samples == 2
    assert list(at_once.over(0, double)) == []


def test_another_error_is_raised_as_it_is():
    def broken(_rows: slice) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(AtOnce(4).over(4, broken))


def test_where_not_even_one_picture_fits():
    def never(_rows: slice) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(TrainingError, match="does not hold a single picture; lower --size"):
        list(AtOnce(4).over(4, never))
