"""Kernel ridge regression on a trunk's features that judges every sample by a model that never saw its label.

With the kernel matrix K of N samples, A = (K + lambda I)^-1 and centred one-hot labels Y (N, C), the prediction for
sample i of the model fitted to all samples but i is exactly

    f_i = Y_i - (A Y)_i / A_ii                                        (leave one out; Golub, Heath, Wahba 1979, eq. 3)
    f_G = Y_G - (A_GG)^-1 (A Y)_G                                     (leave a group of equal pictures out)

so one factorisation gives N models' worth of evidence. The kernel is the mean over feature groups (layers of the
trunk) of a radial kernel exp(-d^2 / s), s the median squared distance within the group.

Past ``EXACT_LIMIT`` samples the kernel is replaced by its Nystroem approximation on ``LANDMARKS`` random samples
(Williams and Seeger, NIPS 2001): features Phi = K_nm K_mm^(-1/2), and the leverages h_i = phi_i^T B^-1 phi_i with
B = Phi^T Phi + lambda I give f_i = (Phi W)_i - h_i / (1 - h_i) (Y_i - (Phi W)_i). Cost is linear in N and memory is
bounded by blocks of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.records import FloatArray, IntArray, Progress, Stage, no_progress

EXACT_LIMIT = 10_000
LANDMARKS = 4_000
PENALTIES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Ridge penalties to choose among, by how well they predict given labels they did not see."""
_CHOOSE_ON = 2_500
_BLOCK = 4_096


@dataclass(frozen=True)
class RidgeModel:
    """What predicts new samples: landmarks and weights.

    Attributes:
        groups: Standardised features of M landmarks, one tensor (M, D_g) a feature group.
        mean, std: Of each feature over the samples, one (D_g,) tensor a group.
        scale: Bandwidth s of each group.
        weights: (M, C): prediction = kernel(new, landmarks) @ weights + class shares.
        shares: Class shares of the given labels, (C,).
    """

    groups: tuple[Tensor, ...]
    mean: tuple[Tensor, ...]
    std: tuple[Tensor, ...]
    scale: tuple[float, ...]
    weights: Tensor
    shares: Tensor

    def predict(self, features: Sequence[NDArray[np.floating]]) -> FloatArray:
        """Posteriors (B, C) of new samples from their feature groups, each (B, D_g)."""
        device = self.weights.device
        fresh = [
            _standardise(torch.from_numpy(np.asarray(block)).to(device), mean, std)
            for block, mean, std in zip(features, self.mean, self.std, strict=True)
        ]
        raw = _kernel(fresh, self.groups, self.scale) @ self.weights + self.shares
        return to_posterior(raw).cpu().numpy()


@dataclass(frozen=True)
class RidgeEvidence:
    """Leave-one-out posteriors and the model behind them.

    Attributes:
        posterior: (N, C), rows sum to 1; each row from a model that never saw the row's label.
        penalty: The ridge penalty that was chosen.
        exact: False where landmarks stood in for the full kernel.
        model: Predicts new samples.
    """

    posterior: FloatArray
    penalty: float
    exact: bool
    model: RidgeModel


def leave_one_out_ridge(
    groups: Sequence[NDArray[np.floating]],
    given: IntArray,
    *,
    num_classes: int,
    twins: NDArray[np.int64] | None = None,
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
            that a copy does not confirm itself. Only exact duplicates among the first ``EXACT_LIMIT`` need this.
        seed: Draws the landmarks and the samples that the penalty is chosen on.
        device: Where matrices live; None = the CPU.
        progress: Told of blocks done.
    """
    device = device or torch.device("cpu")
    count = len(given)
    generator = np.random.default_rng(seed)
    moments = [_moments(block) for block in groups]
    mean = tuple(torch.from_numpy(pair[0]).to(device) for pair in moments)
    std = tuple(torch.from_numpy(pair[1]).to(device) for pair in moments)

    def rows_of(rows: NDArray[np.int64] | slice) -> list[Tensor]:
        return [
            _standardise(torch.from_numpy(np.asarray(block[rows])).to(device), centre, spread)
            for block, centre, spread in zip(groups, mean, std, strict=True)
        ]

    target = torch.nn.functional.one_hot(torch.from_numpy(given).long(), num_classes).float().to(device)
    shares = target.mean(dim=0)
    centred = target - shares  # (N, C)

    some = np.sort(generator.permutation(count)[:_CHOOSE_ON])
    sample = rows_of(some)
    scale = tuple(_bandwidth(block) for block in sample)
    penalty = _choose_penalty(_kernel(sample, sample, scale), centred[torch.from_numpy(some).to(device)])

    if count <= EXACT_LIMIT:
        blocks = rows_of(slice(None))
        inverse = _inverse(_kernel(blocks, blocks, scale), penalty)
        weights = inverse @ centred
        raw = centred - weights / inverse.diagonal()[:, None]
        if twins is not None:
            _leave_groups_out(raw, inverse, weights, centred, twins)
        model = RidgeModel(tuple(blocks), mean, std, scale, weights, shares)
    else:
        marks = rows_of(np.sort(generator.permutation(count)[:LANDMARKS]))
        raw, weights = _nystroem(rows_of, count, marks, scale, penalty, centred, progress)
        model = RidgeModel(tuple(marks), mean, std, scale, weights, shares)
    posterior = to_posterior(raw + shares).cpu().numpy()
    return RidgeEvidence(posterior, penalty, count <= EXACT_LIMIT, model)


def to_posterior(raw: Tensor) -> Tensor:
    """Regression outputs (N, C) to rows that are positive and sum to 1: clipped from below, then divided by the sum."""
    clipped = raw.clamp_min(1e-3)
    return clipped / clipped.sum(dim=1, keepdim=True)


def _moments(block: NDArray[np.floating]) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each feature, (D,), accumulated in blocks of rows."""
    total = np.zeros(block.shape[1])
    square = np.zeros(block.shape[1])
    for rows in _blocks(len(block)):
        part = np.asarray(block[rows], dtype=np.float64)
        total += part.sum(axis=0)
        square += (part * part).sum(axis=0)
    mean = total / len(block)
    variance = np.maximum(square / len(block) - mean * mean, 0.0)
    return mean.astype(np.float32), (np.sqrt(variance) + 1e-6).astype(np.float32)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def _standardise(block: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return ((block.float() - mean) / std).clamp(-5.0, 5.0)


def _squared_distance(left: Tensor, right: Tensor) -> Tensor:
    """(A, D), (B, D) -> (A, B), by the product form, which is fast and never negative after the clamp."""
    cross = left @ right.T
    return ((left * left).sum(1)[:, None] + (right * right).sum(1)[None, :] - 2.0 * cross).clamp_min_(0.0)


def _bandwidth(block: Tensor) -> float:
    part = block[:1_000]
    distance = _squared_distance(part, block)
    return max(float(distance.flatten()[:: max(1, distance.numel() // 1_000_000)].median()), 1e-6)


def _kernel(left: Sequence[Tensor], right: Sequence[Tensor], scale: Sequence[float]) -> Tensor:
    """Mean over groups of exp(-d^2 / s), (A, B)."""
    total: Tensor | None = None
    for one, other, width in zip(left, right, scale, strict=True):
        part = _squared_distance(one, other).div_(-width).exp_()
        total = part if total is None else total.add_(part)
    assert total is not None
    return total.div_(len(scale))


def _inverse(kernel: Tensor, penalty: float) -> Tensor:
    """(K + penalty I)^-1; the kernel's memory is reused."""
    kernel.diagonal().add_(penalty)
    return torch.cholesky_inverse(torch.linalg.cholesky(kernel))


def _choose_penalty(kernel: Tensor, centred: Tensor) -> float:
    """The penalty whose leave-one-out predictions have the smallest squared error on the given labels."""
    errors = []
    for penalty in PENALTIES:
        inverse = _inverse(kernel.clone(), penalty)
        residual = (inverse @ centred) / inverse.diagonal()[:, None]
        errors.append(float(residual.square().mean()))
    return PENALTIES[int(np.argmin(errors))]


def _leave_groups_out(raw: Tensor, inverse: Tensor, weights: Tensor, centred: Tensor, twins: NDArray[np.int64]) -> None:
    """Replaces, in place, the predictions of rows that have twins by those of models that saw none of them."""
    members: dict[int, list[int]] = {}
    for row in np.flatnonzero(twins >= 0).tolist():
        members.setdefault(int(twins[row]), []).append(row)
    for rows in members.values():
        if len(rows) > 1:
            place = torch.tensor(rows, device=raw.device)
            block = inverse[place[:, None], place[None, :]]
            raw[place] = centred[place] - torch.linalg.solve(block, weights[place])


def _nystroem(
    rows_of: object,
    count: int,
    marks: Sequence[Tensor],
    scale: Sequence[float],
    penalty: float,
    centred: Tensor,
    progress: Progress,
) -> tuple[Tensor, Tensor]:
    """Leave-one-out predictions (N, C) and landmark weights (M, C) in two passes over blocks of rows."""
    assert callable(rows_of)
    values, vectors = torch.linalg.eigh(_kernel(marks, marks, scale))
    root = vectors * values.clamp_min(1e-5).rsqrt()  # (M, M), K_mm^(-1/2) up to a rotation
    gram = penalty * torch.eye(len(root), device=root.device)
    product = torch.zeros(len(root), centred.shape[1], device=root.device)
    for rows in _blocks(count):
        phi = _kernel(rows_of(rows), marks, scale) @ root
        gram.addmm_(phi.T, phi)
        product.addmm_(phi.T, centred[rows])
        progress(Stage("ridge", rows.stop // 2, count, "faces"))
    factor = torch.linalg.cholesky(gram)
    solution = torch.cholesky_solve(product, factor)
    raw = torch.empty_like(centred)
    for rows in _blocks(count):
        phi = _kernel(rows_of(rows), marks, scale) @ root
        fitted = phi @ solution
        half = torch.linalg.solve_triangular(factor, phi.T, upper=False)
        leverage = half.square().sum(dim=0).clamp_max(0.999)[:, None]
        raw[rows] = fitted - leverage / (1.0 - leverage) * (centred[rows] - fitted)
        progress(Stage("ridge", (count + rows.stop) // 2, count, "faces"))
    return raw, root @ solution
