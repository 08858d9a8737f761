from __future__ import annotations

import torch
from hypothesis import given as given_cases
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from labelaudit.asm.mining import Partition, mine
from labelaudit.asm.thresholds import ClassThresholds, learn_thresholds


def _thresholds(clean: list[float], noisy: list[float]) -> ClassThresholds:
    return ClassThresholds(
        mean_confidence=torch.zeros(len(clean)), clean=torch.tensor(clean), noisy=torch.tensor(noisy)
    )


def test_each_sample_is_held_against_its_own_class_and_bounds_belong_to_the_outer_parts():
    thresholds = _thresholds([0.5, 0.25], [0.125, 0.0625])
    confidence = torch.tensor([0.5, 0.49, 0.125, 0.13, 0.3, 0.2, 0.0625])
    given = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    expected = [
        Partition.CLEAN,
        Partition.AMBIGUOUS,
        Partition.NOISY,
        Partition.AMBIGUOUS,
        Partition.CLEAN,
        Partition.AMBIGUOUS,
        Partition.NOISY,
    ]
    found = mine(confidence, given, thresholds)
    assert found.dtype == torch.uint8
    assert found.tolist() == expected


def test_clean_wins_where_both_hold():
    found = mine(torch.tensor([0.0, 0.4]), torch.tensor([0, 1]), _thresholds([0.0, 0.4], [0.0, 0.4]))
    assert found.tolist() == [Partition.CLEAN, Partition.CLEAN]


def test_what_is_not_known_is_ambiguous():
    assert (
        mine(torch.tensor([float("nan")]), torch.tensor([0]), _thresholds([0.5], [0.1])).item() == Partition.AMBIGUOUS
    )


@given_cases(st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 2)), min_size=1, max_size=30), st.integers(0))
@hypothesis_settings(max_examples=60, deadline=None)
def test_the_partition_covers_and_follows_its_samples(samples, seed):
    confidence = torch.tensor([c for c, _ in samples])
    given = torch.tensor([k for _, k in samples])
    thresholds = learn_thresholds(confidence, given, 3)
    found = mine(confidence, given, thresholds)
    assert set(found.tolist()) <= set(Partition)
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed % 2**31))
    assert torch.equal(mine(confidence[order], given[order], thresholds), found[order])
