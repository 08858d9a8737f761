from __future__ import annotations

import numpy as np
import pytest
import torch

from labelaudit.evidence.features import VIEWS
from labelaudit.evidence.threads import threaded_features
from labelaudit.nets.features import trunk_features
from labelaudit.nets.registry import build_net
from labelaudit.records import Stage


@pytest.mark.parametrize("threads", [1, 3])
def test_features_do_not_depend_on_threads_or_on_the_pictures_beside(threads: int):
    before = torch.get_num_threads()
    torch.manual_seed(0)
    net = build_net("resnet-small", num_classes=2, size=32)
    pixels = np.random.default_rng(0).integers(0, 256, (11, 24, 24, 3), dtype=np.uint8)
    cpu = torch.device("cpu")
    try:
        torch.set_num_threads(1)
        alone = trunk_features(net, pixels[4:5], views=VIEWS, device=cpu)
        plain = trunk_features(net, pixels, views=VIEWS, device=cpu)
        torch.set_num_threads(threads)
        told: list[Stage] = []
        found = threaded_features(net, pixels, views=VIEWS, device=cpu, at_once=4, progress=told.append)
        assert torch.get_num_threads() == threads  # as it was
    finally:
        torch.set_num_threads(before)
    assert [stage.done for stage in told] == [4, 8, 11]
    for group, expected, single in zip(found, plain, alone, strict=True):
        assert group.dtype == np.float16
        assert group.shape == (2, 11, expected.shape[2])
        np.testing.assert_allclose(group, expected, atol=2e-3, rtol=2e-3)
        np.testing.assert_allclose(group[:, 4:5], single, atol=2e-3, rtol=2e-3)
