from __future__ import annotations

import pytest
import torch
from hypothesis import given as given_cases
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from labelaudit.asm.thresholds import learn_thresholds
from labelaudit.settings import ThresholdKind


def test_thresholds_are_scaled_class_means():
    confidence = torch.tensor([0.9, 0.7, 0.2, 0.5, 0.6])
    given = torch.tensor([0, 0, 1, 1, 1])
    found = learn_thresholds(confidence, given, 2, clean_scale=0.8, noisy_scale=0.2)
    # means: (0.9 + 0.7) / 2 = 0.8 and (0.2 + 0.5 + 0.6) / 3 = 0.433333
    torch.testing.assert_close(found.mean_confidence, torch.tensor([0.8, 1.3 / 3]))
    torch.testing.assert_close(found.clean, torch.tensor([0.64, 1.04 / 3]))
    torch.testing.assert_close(found.noisy, torch.tensor([0.16, 0.26 / 3]))


def test_an_empty_class_takes_the_mean_of_the_other_classes_not_of_the_samples():
    confidence = torch.tensor([0.9, 0.9, 0.9, 0.3])
    given = torch.tensor([0, 0, 0, 2])
    found = learn_thresholds(confidence, given, 3)
    torch.testing.assert_close(found.mean_confidence, torch.tensor([0.9, 0.6, 0.3]))


def test_fixed_thresholds_are_the_scales_and_the_mean_is_still_told():
    found = learn_thresholds(
        torch.tensor([0.4, 0.2]),
        torch.tensor([0, 1]),
        2,
        kind=ThresholdKind.FIXED,
        clean_scale=0.9,
        noisy_scale=0.1,
    )
    torch.testing.assert_close(found.clean, torch.tensor([0.9, 0.9]))
    torch.testing.assert_close(found.noisy, torch.tensor([0.1, 0.1]))
    torch.testing.assert_close(found.mean_confidence, torch.tensor([0.4, 0.2]))


@pytest.mark.parametrize("kind", list(ThresholdKind))
def test_no_samples_at_all_gives_numbers(kind: ThresholdKind):
    found = learn_thresholds(torch.zeros(0), torch.zeros(0, dtype=torch.long), 3, kind=kind)
    assert torch.isfinite(torch.stack([found.mean_confidence, found.clean, found.noisy])).all()


def test_half_precision_confidence_is_averaged_in_float32():
    confidence = torch.full((4096,), 0.1, dtype=torch.bfloat16)
    found = learn_thresholds(confidence, torch.zeros(4096, dtype=torch.long), 1)
    assert found.mean_confidence.dtype == torch.float32
    assert found.mean_confidence.item() == pytest.approx(float(confidence[0]), rel=1e-5)


_samples = st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 4)), min_size=1, max_size=40)


@given_cases(_samples, st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=60, deadline=None)
def test_thresholds_are_ordered_bounded_and_blind_to_order(samples, random):
    shuffled = random.sample(samples, len(samples))
    first, second = (
        learn_thresholds(torch.tensor([c for c, _ in some]), torch.tensor([k for _, k in some]), 5)
        for some in (samples, shuffled)
    )
    assert (first.noisy <= first.clean).all()
    assert (first.clean >= 0).all() and (first.clean <= 1).all()
    torch.testing.assert_close(first.mean_confidence, second.mean_confidence)
