from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.asm.mining import Partition
from labelaudit.asm.parts import BatchSizes, Part, Pieces, batch_sizes, whole
from labelaudit.errors import TrainingError
from labelaudit.settings import Reduction


@given(count=st.integers(0, 200), pieces=st.integers(1, 20))
def test_pieces_cover_a_batch_and_differ_by_one_at_most(count: int, pieces: int):
    cut = list(whole(count).cut(pieces))
    assert [row for piece in cut for row in range(*piece.rows.indices(count))] == list(range(count))
    assert max(map(len, cut)) - min(map(len, cut)) <= 1
    assert {piece.total for piece in cut} == {count}


def test_a_piece_of_a_part_keeps_the_whole_in_mind():
    assert list(Part(4, 9, 20).cut(2)) == [Part(4, 7, 20), Part(7, 9, 20)]
    assert whole(3).is_whole
    assert not Part(0, 2, 3).is_whole


def test_the_noisy_samples_of_a_part_are_a_part_of_the_noisy_samples():
    noisy = torch.tensor([1, 4, 5, 9])
    assert Part(0, 5, 10).among(noisy) == Part(0, 2, 4)
    assert Part(5, 10, 10).among(noisy) == Part(2, 4, 4)
    assert Part(6, 8, 10).among(noisy) == Part(3, 3, 4)


def test_losses_are_divided_by_the_batch_or_by_the_partition():
    sizes = batch_sizes(torch.tensor([0, 2, 0, 0], dtype=torch.uint8))
    assert sizes == BatchSizes(4, (3, 0, 1))
    assert [sizes.divisor(part, Reduction.BATCH) for part in Partition] == [4, 4, 4]
    assert [sizes.divisor(part, Reduction.SUBSET) for part in Partition] == [3, 1, 1]


def test_pieces_are_halved_until_they_would_be_of_one():
    pieces = Pieces()
    pieces.double(8)
    pieces.double(8)
    assert pieces.count == 4
    with pytest.raises(TrainingError, match="training step on 2 pictures; lower --size"):
        pieces.double(8)
