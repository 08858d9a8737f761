"""How often each annotator is right, when nobody knows the right answers: the model of Dawid and Skene (1979).

Row i has a true choice k with prior probability rho_k; annotator a, asked about a row of true choice k, says l with
probability pi^a_kl, independently of the others. Expectation maximisation, begun at the shares of votes:

    T_ik  ~ rho_k * prod over votes (i, a, l) of pi^a_kl          (rows sum to 1)
    rho_k = mean_i T_ik          pi^a_kl = sum over votes (i, a, l) of T_ik, divided by its sum over l

Source: Dawid and Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", Applied
Statistics 28, 1979. Votes are a sparse matrix, so that three million of them take about a tenth of a second a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.ballots import Ballots

STEPS = 100
_STILL = 1e-5
_TINY = 1e-10


@dataclass(frozen=True)
class DawidSkene:
    """The fitted model.

    Attributes:
        truth: T, probability of each choice, rows sum to 1; 0 throughout where a row has no vote, (N, C).
        confusion: pi, P(says | true) of each annotator, (A, C, C); rows sum to 1, or to 0 where nothing is known.
        accuracy: sum_k rho_k pi^a_kk: how often an annotator would be right on a random row, (A,).
    """

    truth: NDArray[np.float64]
    confusion: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def fit_dawid_skene(ballots: Ballots, *, rows: int, choices: int) -> DawidSkene:
    """Fits the model.

    Args:
        ballots: Votes with choices in [0, C), at least one.
        rows: N.
        choices: C.
    """
    from scipy.sparse import csr_array

    size = len(ballots.annotators)
    said = ballots.annotator.astype(np.int64) * choices + ballots.choice  # (M,), which of A * C things was said
    votes = csr_array((np.ones(len(said)), (ballots.row, said)), shape=(rows, size * choices))
    counts = votes @ np.tile(np.eye(choices), (size, 1))  # (N, C)
    truth = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    voted = counts.sum(axis=1) > 0
    for _ in range(STEPS):
        prior = truth[voted].mean(axis=0)
        confusion = _by_annotator(votes.T @ truth, size, choices)  # (A, C, C)
        log_said = np.log(np.maximum(confusion, _TINY)).transpose(0, 2, 1).reshape(size * choices, choices)
        log_truth = votes @ log_said + np.log(np.maximum(prior, _TINY))  # (N, C)
        fresh = np.exp(log_truth - log_truth.max(axis=1, keepdims=True))
        fresh *= voted[:, None] / fresh.sum(axis=1, keepdims=True)
        moved = float(np.abs(fresh - truth).max())
        truth = fresh
        if moved < _STILL:
            break
    prior, confusion = truth[voted].mean(axis=0), _by_annotator(votes.T @ truth, size, choices)
    return DawidSkene(truth, confusion, np.einsum("k,akk->a", prior, confusion))


def _by_annotator(said: NDArray[np.float64], size: int, choices: int) -> NDArray[np.float64]:
    """Expected counts of (annotator and said, true) as P(says | true), (A, C true, C said)."""
    joint = said.reshape(size, choices, choices).transpose(0, 2, 1)
    found: NDArray[np.float64] = joint / np.maximum(joint.sum(axis=2, keepdims=True), _TINY)
    return found
