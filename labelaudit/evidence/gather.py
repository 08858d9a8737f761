"""Gathers all evidence about the audited samples: ridge on the frozen trunk, cross-fitted peers, and their pool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelaudit.asm.peers import Peers
from labelaudit.asm.ranks import ONE, Ranks
from labelaudit.evidence.combine import combine, combine_balanced
from labelaudit.evidence.crossfit import CrossFit, cross_fit
from labelaudit.evidence.device import repeatable
from labelaudit.evidence.features import HeadFeatures, fit_head_features, view_means
from labelaudit.evidence.health import TrainingFigures
from labelaudit.evidence.learners import frozen_features
from labelaudit.evidence.neighbours import Neighbours, find_neighbours
from labelaudit.evidence.outlier_model import OutlierModel
from labelaudit.evidence.outliers import Outliers, score_outliers
from labelaudit.evidence.plan import Plan
from labelaudit.evidence.ridge import RidgeEvidence, RidgeModel, leave_one_out_ridge
from labelaudit.evidence.together import prepare_folds, train_apart
from labelaudit.nets.features import FeatureArray
from labelaudit.nets.interface import Net
from labelaudit.pixels.store import PixelStore
from labelaudit.records import Evidence, FloatArray, IntArray, Progress, Stage, no_progress
from labelaudit.settings import Targets, Training


@dataclass(frozen=True)
class Gathered:
    """Evidence, and the networks it came from.

    Attributes:
        evidence: N rows in input order, NaN where not audited; its posterior is the balanced pool.
        plain: The plain pool of the same sources, (N, K): what p_mislabelled is calibrated on.
        judges: The peers that judge new images: of every fold where they are heads, of the first one where they are
            whole networks, each of which costs as much as the trunk.
        ridge: What judges new images by the trunk's features.
        trunk: The frozen network whose features ridge, and heads, rest on.
        components: What prepares these for heads and outlier scores.
        outliers: What scores how odd new images are.
        size: Side of the networks' input in pixels.
        frozen_blocks: First blocks that peers share with the trunk; 0 = none, or they are heads.
        figures: What shows whether the training went well.
        notes: What was found or assumed on the way, one sentence each.
    """

    evidence: Evidence
    plain: FloatArray
    judges: tuple[Peers, ...]
    ridge: RidgeModel
    trunk: Net
    components: HeadFeatures
    outliers: OutlierModel
    size: int
    frozen_blocks: int
    figures: TrainingFigures
    notes: tuple[str, ...]


def gather_evidence(
    store: PixelStore,
    *,
    rows: NDArray[np.int64],
    given: IntArray,
    num_classes: int,
    plan: Plan,
    cache_dir: Path,
    decided: NDArray[np.bool_] | None = None,
    checkpoint: Path | None = None,
    ranks: Ranks = ONE,
    progress: Progress = no_progress,
) -> Gathered:
    """Gathers everything the verdicts rest on.

    Args:
        store: Pixels of all N rows.
        rows: Rows that are audited, (n,), rising.
        given: Their given labels in [0, K), (n,); where a person decided, that label.
        num_classes: K.
        plan: What to do.
        cache_dir: The user's cache folder, for features.
        decided: Where a person decided, (n,); None = nowhere.
        checkpoint: Folder from which training goes on; or None.
        ranks: Processes that help (``help_to_gather``); this is the first of them.
        progress: Told of every stage.

    Raises:
        WeightsError: The weights do not fit the network.
        CacheError: Features cannot be cached.
        TrainingError: Training comes to no numbers, or its checkpoint is damaged or of another run.
    """
    settings = plan.settings
    assert settings.nets.size is not None
    twins = store.facts.duplicate_group[rows].astype(np.int64)
    notes: list[str] = []
    decided = np.zeros(len(rows), dtype=bool) if decided is None else decided
    frozen = settings.training is Training.FROZEN
    with repeatable(plan.device, small=False):
        groups, trunk = frozen_features(store, plan, cache_dir, notes, progress, ranks=ranks)
        ridge = _ridge(groups, rows, given, decided, num_classes, twins, plan, progress)
        components = fit_head_features(groups, rows, seed=settings.seed)
        short = components.apply(groups, device=plan.device)  # (V, N, H)
        near = find_neighbours(
            short[:, rows].float().mean(dim=0),
            given,
            num_classes=num_classes,
            twins=twins,
            device=plan.device,
            progress=progress,
        )
        odd = score_outliers(
            trunk,
            store.pixels,
            groups,
            rows,
            components=components,
            seed=settings.seed,
            device=plan.device,
            progress=progress,
        )
    notes += [odd.note, *([] if near.note is None else [near.note])]

    def anchor(places: NDArray[np.int64]) -> FloatArray:
        """What peers may lean on beside the given labels of these places: the ridge, and what people decided."""
        found = ridge.among(places)
        sure = decided[places]
        found[sure] = np.eye(num_classes, dtype=np.float32)[given[places[sure]]]
        return found

    with repeatable(plan.device, small=frozen):
        folds = prepare_folds(
            ranks.share(short) if frozen else None,
            store,
            rows=rows,
            given=given,
            num_classes=num_classes,
            plan=plan,
            checkpoint=checkpoint,
        )
        leaned_on = anchor if settings.asm.targets is Targets.ANCHORED else None
        if ranks.size > 1:
            train_apart(folds, ranks, anchor=leaned_on, anchored=leaned_on is not None, progress=progress)
        fitted = cross_fit(folds, keep=folds.count if frozen else 1, anchor=leaned_on, progress=progress)
    notes += fitted.shortages
    if settings.asm.balance == 0.0:
        notes.append(
            "class imbalance: classes weigh by their size in training (asm.balance 0), thresholds are a class's own"
        )
    else:
        notes.append(
            f"class imbalance: cross-entropy weighs classes by their share to the power -{settings.asm.balance:g}"
        )
    peers = 0.5 * (fitted.peer1 + fitted.peer2)
    shares = (np.bincount(given, minlength=num_classes) / len(given)).astype(np.float32)
    balanced = combine_balanced(peers, ridge.posterior, shares=shares, frozen=frozen)
    return Gathered(
        evidence=_spread(len(store), rows, balanced, fitted, ridge, near, odd),
        plain=_placed(combine([peers, ridge.posterior]), rows, len(store)),
        judges=fitted.judges,
        ridge=ridge.model,
        trunk=trunk,
        components=components,
        outliers=odd.model,
        size=settings.nets.size,
        frozen_blocks=settings.nets.frozen_blocks or 0,
        figures=TrainingFigures(
            given=given,
            fold=folds.fold,
            peer1=fitted.peer1,
            peer2=fitted.peer2,
            ridge=ridge.posterior,
            losses=fitted.losses,
            history=fitted.history,
            balance=settings.asm.balance,
            setbacks=fitted.setbacks,
        ),
        notes=tuple(notes),
    )


def _ridge(
    groups: list[FeatureArray],
    rows: NDArray[np.int64],
    given: IntArray,
    decided: NDArray[np.bool_],
    num_classes: int,
    twins: NDArray[np.int64],
    plan: Plan,
    progress: Progress,
) -> RidgeEvidence:
    progress(Stage("ridge", 0, len(rows), "faces"))
    found = leave_one_out_ridge(
        view_means(groups, rows),
        given,
        num_classes=num_classes,
        twins=twins,
        decided=decided,
        seed=plan.settings.seed,
        device=plan.device,
        progress=progress,
    )
    progress(Stage("ridge", len(rows), len(rows), "faces"))
    return found


def _spread(
    count: int,
    rows: NDArray[np.int64],
    posterior: FloatArray,
    fitted: CrossFit,
    ridge: RidgeEvidence,
    near: Neighbours,
    odd: Outliers,
) -> Evidence:
    """Evidence of the audited rows at their places among all N rows."""

    def place(values: FloatArray) -> FloatArray:
        return _placed(values, rows, count)

    nearest = np.full((count, near.nearest.shape[1]), -1, dtype=np.int32)
    nearest[rows] = np.where(near.nearest >= 0, rows[near.nearest], -1)
    partitions = np.zeros((count, 3), dtype=np.int32)
    partitions[rows] = fitted.partitions
    return Evidence(
        posterior=place(posterior),
        peer1=place(fitted.peer1),
        peer2=place(fitted.peer2),
        epochs_clean=partitions[:, 0],
        epochs_ambiguous=partitions[:, 1],
        epochs_noisy=partitions[:, 2],
        history=fitted.history,
        ridge=place(ridge.posterior),
        neighbours=place(near.posterior),
        outlier_score=place(odd.score[:, None])[:, 0],
        outlier_threshold=odd.threshold,
        nearest=nearest,
    )


def _placed(values: FloatArray, rows: NDArray[np.int64], count: int) -> FloatArray:
    """Values (n, K) of some rows at their places among all, NaN elsewhere."""
    full = np.full((count, values.shape[1]), np.nan, dtype=np.float32)
    full[rows] = values
    return full
