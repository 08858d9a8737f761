"""Labels whose errors are known, beside the posteriors that a perfect model would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax


@dataclass(frozen=True)
class Simulated:
    """Posteriors (n, K), given labels (n,), and whether each is wrong (n,)."""

    posterior: NDArray[np.float32]
    given: NDArray[np.int32]
    wrong: NDArray[np.bool_]


def simulate(
    count: int, classes: int = 6, *, seed: int = 0, slips: float = 0.0, redrawn: bool = False, sharp: float = 6.0
) -> Simulated:
    """Pictures on which people split as the posterior says; the truth is what most would say.

    Args:
        count: n.
        classes: K.
        seed: Of everything random.
        slips: Share of labels replaced by any other class.
        redrawn: Labels are what one person says, else what most say.
        sharp: How firmly people agree.
    """
    rng = np.random.default_rng(seed)
    posterior = softmax(rng.normal(0.0, sharp, (count, classes)), axis=1).astype(np.float32)
    true = posterior.argmax(axis=1).astype(np.int32)
    drawn = (posterior.cumsum(axis=1) > rng.random((count, 1)) * 0.9999).argmax(axis=1).astype(np.int32)
    given = drawn if redrawn else true.copy()
    slipped = rng.random(count) < slips
    given[slipped] = (given[slipped] + rng.integers(1, classes, slipped.sum())) % classes
    return Simulated(posterior, given, given != true)
