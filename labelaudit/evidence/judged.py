"""What a finished model says of new pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.evidence.known import Matches
from labelaudit.likeness import Drift
from labelaudit.records import Evidence, FloatArray


@dataclass(frozen=True)
class BatchEvidence:
    """What a model says of a batch of N pictures.

    Attributes:
        evidence: Of each, NaN where it is unreadable. Pictures without a label, too, have a posterior.
        matches: Those that the model was trained on.
        drift: How unlike the training data the others look; None where they are too few to say.
        computed: How many were scored now; the others were known, cached or unreadable.
    """

    evidence: Evidence
    matches: Matches
    drift: Drift | None
    computed: int


@dataclass(frozen=True)
class Judged:
    """What a model says of each of N pictures by itself, NaN where it is unreadable.

    Attributes:
        peer1, peer2, ridge: Posteriors, (N, K).
        outlier: How odd each is, (N,).
        matches: Those that the model was trained on.
        fresh: True where the finished model judged, and not the audit that knew the picture, (N,).
        computed: How many were scored now; the others were known, cached or unreadable.
    """

    peer1: FloatArray
    peer2: FloatArray
    ridge: FloatArray
    outlier: FloatArray
    matches: Matches
    fresh: NDArray[np.bool_]
    computed: int
