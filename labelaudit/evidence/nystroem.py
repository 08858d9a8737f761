"""Kernel ridge regression past the size at which a full kernel fits: Nystroem features on some samples, the landmarks.

With landmarks m of N samples (Williams and Seeger, NIPS 2001), penalty lambda, and centred one-hot labels Y (N, C)::

    Phi = K_nm K_mm^(-1/2)        B = Phi^T Phi + lambda I        W = B^-1 Phi^T Y

the model fitted to all samples but those of a group G predicts, by their leverages H_GG = Phi_G B^-1 Phi_G^T,

    f_G = Y_G - (I - H_GG)^-1 (Y_G - Phi_G W)

which for one sample i is Phi_i W - h_i / (1 - h_i) (Y_i - Phi_i W). A group that outnumbers the landmarks is left out
by solving for W anew, which is then the smaller system. Cost is linear in N and memory is bounded by blocks of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.evidence.kernel import Rows, blocks, kernel
from labelaudit.records import Progress, Stage, no_progress

_TOGETHER = 4_096
"""Rows with twins that are compared with the landmarks at once."""


def leave_one_out_nystroem(
    rows_of: Callable[[Rows], list[Tensor]],
    marks: Sequence[Tensor],
    centred: Tensor,
    *,
    scale: Sequence[float],
    penalty: float,
    twins: Sequence[NDArray[np.int64]],
    weight: Tensor | None = None,
    progress: Progress = no_progress,
) -> tuple[Tensor, Tensor]:
    """Out-of-sample predictions of all samples, in two passes over blocks of rows.

    Args:
        rows_of: Standardised features of some rows, one (B, D_g) a group.
        marks: Those of the landmarks, (M, D_g).
        centred: One-hot labels less class shares, (N, C), on the device.
        scale: Bandwidth of each group.
        penalty: lambda.
        twins: Rows of each group of equal pictures, which are left out together.
        weight: Of each sample's squared error, (N,), on the device; None = 1.
        progress: Told of blocks done.

    Returns:
        Predictions (N, C), and the landmarks' weights (M, C): prediction = kernel(new, landmarks) @ weights.
    """
    count = len(centred)
    factor_of = None if weight is None else weight.sqrt()[:, None]  # a weighted fit is a plain one of scaled rows
    if factor_of is not None:
        centred = centred * factor_of
    values, vectors = torch.linalg.eigh(kernel(marks, marks, scale))
    root = vectors * values.clamp_min(1e-5).rsqrt()  # (M, M), K_mm^(-1/2) up to a rotation

    def phi_of(rows: Rows) -> Tensor:
        phi: Tensor = kernel(rows_of(rows), marks, scale) @ root
        return phi if factor_of is None else phi * factor_of[rows]  # (B, M)

    gram = penalty * torch.eye(len(root), device=root.device)  # B
    product = torch.zeros(len(root), centred.shape[1], device=root.device)  # Phi^T Y
    for rows in blocks(count):
        phi = phi_of(rows)
        gram.addmm_(phi.T, phi)
        product.addmm_(phi.T, centred[rows])
        progress(Stage("ridge", rows.stop // 2, count, "faces"))
    factor = torch.linalg.cholesky(gram)
    solution = torch.cholesky_solve(product, factor)  # W

    raw = torch.empty_like(centred)
    for rows in blocks(count):
        phi = phi_of(rows)
        fitted = phi @ solution
        half = torch.linalg.solve_triangular(factor, phi.T, upper=False)
        leverage = half.square().sum(dim=0).clamp_max(0.999)[:, None]
        raw[rows] = fitted - leverage / (1.0 - leverage) * (centred[rows] - fitted)
        progress(Stage("ridge", (count + rows.stop) // 2, count, "faces"))

    def leave_out(phi: Tensor, labels: Tensor) -> Tensor:
        """Predictions of a whole group, (G, C)."""
        if len(phi) > len(root):
            without = torch.linalg.cholesky(gram - phi.T @ phi)
            weights: Tensor = torch.cholesky_solve(product - phi.T @ labels, without)
            return phi @ weights
        leverage: Tensor = phi @ torch.cholesky_solve(phi.T, factor)  # (G, G)
        unit = torch.eye(len(phi), device=phi.device)
        own: Tensor = torch.linalg.solve(unit - leverage, labels - phi @ solution)
        return labels - own

    for some in _together(twins):
        place = np.concatenate(some)
        sizes = [len(rows) for rows in some]
        on_device = torch.from_numpy(place).to(raw.device)
        parts = zip(torch.split(phi_of(place), sizes), torch.split(centred[on_device], sizes), strict=True)
        raw[on_device] = torch.cat([leave_out(phi, labels) for phi, labels in parts])
    return raw if factor_of is None else raw / factor_of, root @ solution


def _together(groups: Sequence[NDArray[np.int64]]) -> Iterator[list[NDArray[np.int64]]]:
    """Whole groups of rows, as many at a time as fit into memory."""
    some: list[NDArray[np.int64]] = []
    for rows in groups:
        if some and sum(map(len, some)) + len(rows) > _TOGETHER:
            yield some
            some = []
        some.append(rows)
    if some:
        yield some
