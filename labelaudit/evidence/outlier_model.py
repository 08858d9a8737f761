"""What scores how odd new pictures are, once ``outliers`` has learned it.

With l the log odds of being a non-face and d the mean absolute deviation of the standardised features,

    outlier_score = z(l) + z(d),        z(v) = (v - median) / (1.4826 * median absolute deviation)

the median and the deviation being the dataset's. A new picture's l is the mean over the regressions of all parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from labelaudit.asm.batches import standardise
from labelaudit.evidence.features import HeadFeatures, view_means
from labelaudit.nets.features import FeatureArray
from labelaudit.records import FloatArray

Floats = NDArray[np.float64]
_BLOCK = 4_096


@dataclass(frozen=True)
class OutlierModel:
    """From a trunk's features to an outlier score.

    Attributes:
        weights: Of each part's regression on the principal components, (P, H).
        offset: Its constant, (P,).
        middle, deviation: Median and scaled median absolute deviation of the dataset's log odds and spread, (2,).
        threshold: Off topic from this score on; infinite where planted non-faces could not be told from the dataset.
    """

    weights: Floats
    offset: Floats
    middle: Floats
    deviation: Floats
    threshold: float

    def score(self, groups: list[FeatureArray], components: HeadFeatures) -> FloatArray:
        """Scores of pictures by their features, one (V, N, D_g) a group: (N,), higher = odder."""
        short, spread = short_form(groups, np.arange(groups[0].shape[1]), components)
        odds = (short @ self.weights.T + self.offset).mean(axis=1)
        return standing(odds, spread, self.middle, self.deviation).astype(np.float32)


def short_form(groups: list[FeatureArray], rows: NDArray[np.int64], components: HeadFeatures) -> tuple[Floats, Floats]:
    """Components (n, H) in units of the first one's deviation, and mean absolute deviation (n,) of all features."""
    parts, spread = [], []
    unit = float(components.scale[0]) * 3.0
    for start in range(0, len(rows), _BLOCK):
        joined = np.concatenate(view_means(groups, rows[start : start + _BLOCK]), axis=1).astype(np.float32)
        standard = standardise(torch.from_numpy(joined), components.mean, components.std)
        parts.append((standard @ components.basis / unit).double().numpy())
        spread.append(standard.abs().mean(dim=1).double().numpy())
    return np.concatenate(parts), np.concatenate(spread)


def standing(odds: Floats, spread: Floats, middle: Floats, deviation: Floats) -> Floats:
    """z(l) + z(d) of log odds (n,) and spread (n,)."""
    both = (np.stack([odds, spread], axis=1) - middle) / deviation
    found: Floats = both.sum(axis=1)
    return found
