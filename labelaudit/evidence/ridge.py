"""Kernel ridge regression on a trunk's features that judges every sample by a model that never saw its label.

With the kernel matrix K of N samples, A = (K + lambda I)^-1 and centred one-hot labels Y (N, C), the prediction for
sample i of the model fitted to all samples but i is exactly

    f_i = Y_i - (A Y)_i / A_ii                                        (leave one out; Golub, Heath, Wahba 1979, eq. 3)
    f_G = Y_G - (A_GG)^-1 (A Y)_G                                     (leave a group of equal pictures out)

so one factorisation gives N models' worth of evidence. A sample of weight w has lambda / w on the diagonal. Labels are
centred by the class shares of all samples; through these alone, and by 1/N, a label touches its own prediction.

Past ``EXACT_LIMIT`` samples the kernel is replaced by its approximation on ``LANDMARKS`` random ones (``nystroem``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.asm.batches import standardise
from labelaudit.evidence.kernel import Rows, bandwidth, kernel, moments
from labelaudit.evidence.nystroem import leave_one_out_nystroem
from labelaudit.records import FloatArray, IntArray, Progress, no_progress

EXACT_LIMIT = 10_000
LANDMARKS = 4_000
PENALTIES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Ridge penalties to choose among, by how well they predict given labels they did not see."""
DECIDED_WEIGHT = 4.0
"""How much more the label of a row says that a person has decided."""
_CHOOSE_ON = 2_500


@dataclass(frozen=True)
class RidgeModel:
    """What predicts new samples: landmarks and weights.

    Attributes:
        groups: Standardised features of M landmarks, one tensor (M, D_g) a feature group.
        rows: Which of the samples these are, (M,).
        mean, std: Of each feature over the samples, one (D_g,) tensor a group.
        scale: Bandwidth s of each group.
        weights: (M, C): prediction = kernel(new, landmarks) @ weights + class shares.
        shares: Class shares of the given labels, (C,).
    """

    groups: tuple[Tensor, ...]
    rows: NDArray[np.int64]
    mean: tuple[Tensor, ...]
    std: tuple[Tensor, ...]
    scale: tuple[float, ...]
    weights: Tensor
    shares: Tensor

    def __post_init__(self) -> None:
        lengths = sorted({len(self.rows), len(self.weights), *map(len, self.groups)})
        if len(lengths) != 1:
            raise ValueError(f"landmarks of the ridge differ in number: {lengths}")

    def likeness(self, features: Sequence[NDArray[np.floating]]) -> Tensor:
        """The kernel (B, M) between new samples, from their feature groups (B, D_g), and the landmarks."""
        return kernel(_standardised(features, slice(None), self.mean, self.std), self.groups, self.scale)

    def predict(self, likeness: Tensor) -> FloatArray:
        """Posteriors (B, C) of new samples from their ``likeness``."""
        # with the weights' rows side by side a product's last digits do not depend on where in a batch a sample stands
        score = torch.nn.functional.linear(likeness, self.weights.T.contiguous(), self.shares)
        return to_posterior(score).cpu().numpy()


@dataclass(frozen=True)
class RidgeEvidence:
    """Leave-one-out posteriors and the model behind them.

    Attributes:
        posterior: (N, C), rows sum to 1; each row from a model that never saw the row's label.
        penalty: The ridge penalty that was chosen.
        exact: False where landmarks stood in for the full kernel.
        model: Predicts new samples.
        among: Rows (T,) -> the leave-one-out posteriors (T, C) of models that saw the labels of these rows alone: what
            peers may learn from that are trained on them and judge the others.
    """

    posterior: FloatArray
    penalty: float
    exact: bool
    model: RidgeModel
    among: Callable[[NDArray[np.int64]], FloatArray]


def leave_one_out_ridge(
    groups: Sequence[NDArray[np.floating]],
    given: IntArray,
    *,
    num_classes: int,
    twins: NDArray[np.int64] | None = None,
    decided: NDArray[np.bool_] | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    progress: Progress = no_progress,
) -> RidgeEvidence:
    """Judges every sample by a ridge model fitted to all the others.

    Args:
        groups: Features of one view (or the mean of several), one array (N, D_g) a layer of the trunk.
        given: Given labels in [0, C), (N,).
        num_classes: C.
        twins: Rows that show the same picture share a number >= 0, -1 elsewhere, (N,): all are left out together, so
            that a copy does not confirm itself.
        decided: Rows whose label a person has looked at again, (N,): their errors weigh ``DECIDED_WEIGHT`` times.
        seed: Draws the landmarks and the samples that the penalty is chosen on.
        device: Where matrices live; None = the CPU.
        progress: Told of blocks done.
    """
    device = device or torch.device("cpu")
    count = len(given)
    twins = np.full(count, -1) if twins is None else twins
    generator = np.random.default_rng(seed)
    found = [moments(block) for block in groups]
    mean = tuple(torch.from_numpy(pair[0]).to(device) for pair in found)
    std = tuple(torch.from_numpy(pair[1]).to(device) for pair in found)

    def rows_of(rows: Rows) -> list[Tensor]:
        return _standardised(groups, rows, mean, std)

    target = torch.nn.functional.one_hot(torch.from_numpy(given).long(), num_classes).float().to(device)
    centred, shares = _centre(target)

    some = np.sort(generator.permutation(count)[:_CHOOSE_ON])
    sample = rows_of(some)
    scale = tuple(bandwidth(block) for block in sample)
    chosen_from = centred[torch.from_numpy(some).to(device)]
    penalty = _choose_penalty(kernel(sample, sample, scale), chosen_from, _twin_groups(twins[some]))

    weight = torch.ones(count, device=device)
    if decided is not None:
        weight[torch.from_numpy(decided).to(device)] = DECIDED_WEIGHT

    if count <= EXACT_LIMIT:
        chosen = np.arange(count)
        marks = rows_of(slice(None))
        inverse = _inverse(kernel(marks, marks, scale), penalty / weight)
        weights = inverse @ centred
        raw = centred - _residual(inverse, weights, _twin_groups(twins))

        def among(rows: NDArray[np.int64]) -> FloatArray:
            own = _centre(target[torch.from_numpy(rows).to(device)])
            kept = _inverse_among(inverse, rows)
            found = own.values - _residual(kept, kept @ own.values, _twin_groups(twins[rows]))
            return to_posterior(found + own.shares).cpu().numpy()

    else:
        chosen = np.sort(generator.permutation(count)[:LANDMARKS])
        marks = rows_of(chosen)
        raw, weights = leave_one_out_nystroem(
            rows_of,
            marks,
            centred,
            scale=scale,
            penalty=penalty,
            twins=_twin_groups(twins),
            weight=weight,
            progress=progress,
        )

        def among(rows: NDArray[np.int64]) -> FloatArray:
            own = _centre(target[torch.from_numpy(rows).to(device)])
            found, _ = leave_one_out_nystroem(
                lambda some: rows_of(rows[some]),
                marks,
                own.values,
                scale=scale,
                penalty=penalty,
                twins=_twin_groups(twins[rows]),
                weight=weight[torch.from_numpy(rows).to(device)],
            )
            return to_posterior(found + own.shares).cpu().numpy()

    return RidgeEvidence(
        posterior=to_posterior(raw + shares).cpu().numpy(),
        penalty=penalty,
        exact=count <= EXACT_LIMIT,
        model=RidgeModel(tuple(marks), chosen, mean, std, scale, weights, shares),
        among=among,
    )


def to_posterior(raw: Tensor) -> Tensor:
    """Regression outputs (N, C) to rows that are positive and sum to 1: clipped from below, then divided by the sum."""
    clipped = raw.clamp_min(1e-3)
    return clipped / clipped.sum(dim=1, keepdim=True)


def _standardised(
    groups: Sequence[NDArray[np.floating]], rows: Rows, mean: Sequence[Tensor], std: Sequence[Tensor]
) -> list[Tensor]:
    """Some rows of every group as float32 on the moments' device, one (B, D_g) a group."""
    return [
        standardise(torch.from_numpy(np.asarray(block[rows])).to(centre.device), centre, spread)
        for block, centre, spread in zip(groups, mean, std, strict=True)
    ]


class _Centred(NamedTuple):
    """One-hot labels (N, C) less their class shares (C,)."""

    values: Tensor
    shares: Tensor


def _centre(target: Tensor) -> _Centred:
    shares = target.mean(dim=0)
    return _Centred(target - shares, shares)


def _inverse_among(inverse: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """A_TT - A_TG A_GG^-1 A_GT: the inverse (K_TT + penalty I)^-1 of some rows T, from the inverse A of all rows."""
    inside = torch.zeros(len(inverse), dtype=torch.bool)
    inside[torch.from_numpy(rows)] = True
    kept = torch.from_numpy(rows).to(inverse.device)
    left = torch.nonzero(~inside).squeeze(1).to(inverse.device)
    cross = inverse[left[:, None], kept]  # (G, T)
    among: Tensor = inverse[kept[:, None], kept] - cross.T @ torch.linalg.solve(inverse[left[:, None], left], cross)
    return among


def _inverse(gram: Tensor, penalty: float | Tensor) -> Tensor:
    """(K + diag(penalty))^-1; the kernel's memory is reused."""
    gram.diagonal().add_(penalty)
    return torch.cholesky_inverse(torch.linalg.cholesky(gram))


def _choose_penalty(gram: Tensor, centred: Tensor, twins: Sequence[NDArray[np.int64]]) -> float:
    """The penalty whose out-of-sample predictions have the smallest squared error on the given labels."""
    errors = []
    for penalty in PENALTIES:
        inverse = _inverse(gram.clone(), penalty)
        errors.append(float(_residual(inverse, inverse @ centred, twins).square().mean()))
    return PENALTIES[int(np.argmin(errors))]


def _twin_groups(twins: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows of every group of two or more."""
    order = np.argsort(twins, kind="stable")
    order = order[twins[order] >= 0]
    found = np.split(order, np.flatnonzero(np.diff(twins[order])) + 1)
    return [rows for rows in found if len(rows) > 1]


def _residual(inverse: Tensor, weights: Tensor, twins: Sequence[NDArray[np.int64]]) -> Tensor:
    """Labels less what models say that saw neither the row nor its twins, (N, C), from A (N, N) and A Y (N, C)."""
    residual = weights / inverse.diagonal()[:, None]
    for rows in twins:
        place = torch.from_numpy(rows).to(inverse.device)
        residual[place] = torch.linalg.solve(inverse[place[:, None], place], weights[place])
    return residual
