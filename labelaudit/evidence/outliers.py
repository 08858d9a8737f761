"""Pictures that no class fits (not a face, a wrong crop), found by planting pictures that are none.

Distance alone does not find them: non-faces resemble each other, and a dataset holds few. So non-faces are made from
the dataset's own pictures and put beside them: faces cut into tiles and shuffled, small parts of faces enlarged, and
smooth and rough noise. A logistic regression on the trunk's principal components learns to tell them from the dataset
(outlier exposure; Hendrycks, Mazeika, Dietterich, ICLR 2019), cross-fitted, so that no picture is judged by a model
that was told to call it a face. With l the log odds and d the mean absolute deviation of the standardised features,

    outlier_score = z(l) + z(d),        z(v) = (v - median) / (1.4826 * median absolute deviation)

over the dataset. A picture is off topic where its score reaches that of three in four of the planted ones; where the
two kinds cannot be told apart (AUROC below 0.95), or the faces are few, none is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from labelaudit.evidence.features import VIEWS, HeadFeatures
from labelaudit.evidence.outlier_model import Floats, OutlierModel, short_form, standing
from labelaudit.evidence.threads import threaded_features
from labelaudit.nets.features import FeatureArray
from labelaudit.nets.interface import Net
from labelaudit.records import FloatArray, Progress, Stage, no_progress

PLANTED = 300
"""Non-faces that are made."""
LEAST_FACES = 200
"""Of fewer the models know too little of how faces differ: an odd one is not called none."""
_TOLD_APART = 0.95
_CAUGHT = 0.75
_PARTS = 5
_LEARN_FROM = 8_000
_PENALTY = 0.01


@dataclass(frozen=True)
class Outliers:
    """How odd n pictures are.

    Attributes:
        score: Higher = odder, (n,); 0 = as odd as the middle one.
        threshold: Off topic from this score on; infinite where planted non-faces could not be told from the dataset.
        separation: AUROC of the planted non-faces against the dataset, in [0, 1].
        model: What scores new pictures.
    """

    score: FloatArray
    threshold: float
    separation: float
    model: OutlierModel

    @property
    def note(self) -> str:
        """What is marked, in a sentence."""
        if np.isfinite(self.threshold):
            return f"pictures that fit no class are marked from an outlier_score of {self.threshold:.2f} on"
        if self.separation < _TOLD_APART:
            why = f"planted ones cannot be told apart (AUROC {self.separation:.2f})"
        else:
            why = f"that needs {LEAST_FACES} faces"
        return f"pictures that fit no class are not marked: {why}"


def score_outliers(
    net: Net,
    pixels: NDArray[np.uint8],
    groups: list[FeatureArray],
    rows: NDArray[np.int64],
    *,
    components: HeadFeatures,
    seed: int = 0,
    device: torch.device | None = None,
    progress: Progress = no_progress,
) -> Outliers:
    """Scores pictures of a dataset.

    Args:
        net: The frozen trunk whose features are given.
        pixels: The dataset's, uint8, (N, S, S, 3); may be a memory map.
        groups: Its features, one (V, N, D_g) a group.
        rows: Rows to score, (n,).
        components: The principal components of these features.
        seed: Makes the non-faces and deals the parts of the cross-fitting.
        device: Where the trunk runs; None = the CPU.
        progress: Told when it begins and when it is done.
    """
    progress(Stage("outliers", 0, len(rows), "faces"))
    generator = np.random.default_rng(seed)
    planted = plant_non_faces(pixels, rows, PLANTED, generator)
    theirs = threaded_features(net, planted, views=VIEWS, device=device or torch.device("cpu"))
    real, real_spread = short_form(groups, rows, components)
    fake, fake_spread = short_form(theirs, np.arange(len(planted)), components)
    odds, fake_odds, regressions = _cross_fitted(real, fake, generator)
    seen = np.stack([odds, real_spread], axis=1)
    middle = np.median(seen, axis=0)
    deviation = 1.4826 * np.median(np.abs(seen - middle), axis=0) + 1e-9
    score = standing(odds, real_spread, middle, deviation)
    fake_score = standing(fake_odds, fake_spread, middle, deviation)
    truth = np.r_[np.zeros(len(score)), np.ones(len(fake_score))]
    separation = float(roc_auc_score(truth, np.r_[score, fake_score]))
    marking = separation >= _TOLD_APART and len(rows) >= LEAST_FACES
    threshold = float(np.quantile(fake_score, 1.0 - _CAUGHT)) if marking else np.inf
    progress(Stage("outliers", len(rows), len(rows), "faces"))
    model = OutlierModel(
        weights=np.concatenate([each.coef_ for each in regressions]),
        offset=np.concatenate([each.intercept_ for each in regressions]),
        middle=middle,
        deviation=deviation,
        threshold=threshold,
    )
    return Outliers(score.astype(np.float32), threshold, separation, model)


def plant_non_faces(
    pixels: NDArray[np.uint8], rows: NDArray[np.int64], count: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Makes pictures that show no face, a third of each kind: shuffled tiles, enlarged parts, noise.

    Args:
        pixels: Faces, uint8, (N, S, S, 3).
        rows: Which of them may be used, (n,).
        count: M.
        generator: Of everything random.

    Returns:
        uint8, (M, S, S, 3).
    """
    side = pixels.shape[1]
    made = np.empty((count, side, side, 3), dtype=np.uint8)
    for place in range(count):
        face = pixels[generator.choice(rows)]
        match place % 3:
            case 0:
                made[place] = _shuffled(face, int(generator.integers(4, 8)), generator)
            case 1:
                made[place] = _enlarged(face, generator)
            case _:
                made[place] = _noise(side, generator)
    return made


def _shuffled(face: NDArray[np.uint8], tiles: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """The face cut into ``tiles`` x ``tiles`` squares in another order."""
    cell = -(-face.shape[0] // tiles)
    grid = _resized(face, cell * tiles).reshape(tiles, cell, tiles, cell, 3).swapaxes(1, 2).reshape(-1, cell, cell, 3)
    mixed = grid[generator.permutation(len(grid))].reshape(tiles, tiles, cell, cell, 3).swapaxes(1, 2)
    return _resized(mixed.reshape(cell * tiles, cell * tiles, 3), face.shape[0])


def _enlarged(face: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """A part of the face, a seventh to two fifths of its side, as large as the whole."""
    side = face.shape[0]
    part = int(generator.integers(max(2, side // 7), max(3, 2 * side // 5)))
    top, left = generator.integers(0, side - part + 1, 2)
    return _resized(face[top : top + part, left : left + part], side)


def _noise(side: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Grey noise of one to three grains, between two random levels."""
    grains = generator.choice([0.6, 1.0, 2.0, 4.0, 8.0, 16.0], size=int(generator.integers(1, 4)), replace=False)
    field = sum(gaussian_filter(generator.normal(size=(side, side)), grain) * grain for grain in grains)
    low, high = np.sort(generator.integers(0, 256, 2))
    unit = (field - np.min(field)) / (np.ptp(field) + 1e-9)
    grey = np.rint(low + unit * (high - low)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _resized(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    found = torch.nn.functional.interpolate(
        torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float(),
        size=(side, side),
        mode="bilinear",
        antialias=True,
    )
    pixels: NDArray[np.uint8] = found[0].round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return pixels


def _cross_fitted(
    real: Floats, fake: Floats, generator: np.random.Generator
) -> tuple[Floats, Floats, list[LogisticRegression]]:
    """Log odds of being a non-face, (n,) and (M,), each from a model that was not fitted to it; and the models."""
    part = generator.permutation(len(real)) % _PARTS
    fake_part = generator.permutation(len(fake)) % _PARTS
    odds, fake_odds = np.empty(len(real)), np.empty(len(fake))
    models = []
    for held in range(_PARTS):
        learned = generator.permutation(np.flatnonzero(part != held))[:_LEARN_FROM]
        faces, others = real[learned], fake[fake_part != held]
        model = LogisticRegression(C=_PENALTY, class_weight="balanced", max_iter=300)
        model.fit(np.r_[faces, others], np.r_[np.zeros(len(faces)), np.ones(len(others))])
        odds[part == held] = model.decision_function(real[part == held])
        fake_odds[fake_part == held] = model.decision_function(fake[fake_part == held])
        models.append(model)
    return odds, fake_odds, models
