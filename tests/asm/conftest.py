"""What the tests of the method share: an accelerator on the CPU, a short run, features that can be told apart."""

from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from labelaudit.asm.batches import FeatureBatches
from labelaudit.evidence.device import build_accelerator
from labelaudit.settings import AsmSettings

CPU = torch.device("cpu")


@pytest.fixture
def accelerator() -> Accelerator:
    return build_accelerator(CPU, mixed=False)


@pytest.fixture
def short_run() -> AsmSettings:
    """Two epochs of warm-up and three that mine."""
    return AsmSettings(epochs=5, warm_up=2, batch=16, learning_rate=0.02)


@pytest.fixture
def labels() -> Tensor:
    """Labels of 60 samples of three classes, every tenth of them wrong."""
    given = torch.arange(60) % 3
    given[::10] = (given[::10] + 1) % 3
    return given


@pytest.fixture
def clusters() -> FeatureBatches:
    """Two views of 60 samples around the corners of three true classes."""
    generator = torch.Generator().manual_seed(5)
    centre = 2.0 * torch.eye(3, 6)[torch.arange(60) % 3]
    features = centre + 0.3 * torch.randn(2, 60, 6, generator=generator)
    return FeatureBatches(features, device=CPU)
