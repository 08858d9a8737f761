"""What the tests of the bench share: drawn faces with ten votes each, as a data frame."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from labelaudit.faces import EXPRESSIONS, DrawnFaces
from labelaudit.faces.dataset import LabelTruth
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings


@pytest.fixture(scope="session")
def quick() -> AuditSettings:
    """Heads on gradient histograms, two folds, four epochs."""
    return AuditSettings(
        folds=2,
        device="cpu",
        nets=NetSettings(backbone="gradients", weights="none"),
        asm=AsmSettings(epochs=4, warm_up=2, batch=32),
    )


@pytest.fixture(scope="session")
def voted(drawn: DrawnFaces) -> pd.DataFrame:
    """140 drawn faces: nine of ten votes for what was drawn, five and five on blends, and the given label."""
    votes = np.zeros((len(drawn), len(EXPRESSIONS)), dtype=int)
    for row, (true, second, kind) in enumerate(zip(drawn.true, drawn.second, drawn.kind, strict=True)):
        k = EXPRESSIONS.index(true)
        other = (k + 1) % len(EXPRESSIONS) if second is None else EXPRESSIONS.index(second)
        first = 5 if kind is LabelTruth.AMBIGUOUS else 9
        votes[row, k], votes[row, other] = first, 10 - first
    frame = {f"votes_{name}": votes[:, k] for k, name in enumerate(EXPRESSIONS)}
    return pd.DataFrame(
        {
            "image_id": [f"face{row:03d}" for row in range(len(drawn))],
            "label": drawn.given,
            **frame,
            "image": [_encoded(image) for image in drawn.images],
        }
    )


def _encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", compress_level=1)
    return file.getvalue()
