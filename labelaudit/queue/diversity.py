"""Not forty near-copies in a row: faces that look alike are asked about apart, at no cost to what a look brings.

Rows whose labels are about as likely to be wrong (``p_mislabelled`` within ``ALIKE_P``) may be asked about in any
order. Among these a row is put off to the end where it looks like one before it: each is among the other's ``ALIKE``
nearest faces, and they have the same given label. Whatever cut is made, the expected number of wrong labels in it
changes by ``ALIKE_P`` a look at the most. Copies of one picture (``duplicate_group``) come last of all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import FloatArray, IntArray

ALIKE_P = 0.02
ALIKE = 3
Rows = NDArray[np.int64]


def alike_apart(rows: Rows, p: FloatArray, given: IntArray, nearest: IntArray) -> Rows:
    """The rows in an order in which faces that look alike do not follow each other.

    Args:
        rows: Row numbers in the order in which they would be asked about, (n,).
        p: p_mislabelled of each, (n,); NaN = not known.
        given: Index of the given label of each, (n,).
        nearest: Row numbers of the nearest faces of each, nearest first, (n, M); -1 = none.
    """
    if len(rows) < 2:
        return rows
    level = np.floor((1.0 - np.nan_to_num(p)) / ALIKE_P)
    block = np.concatenate([[0], np.cumsum(np.diff(level) != 0)])  # (n,), rising along the queue
    place = np.full(int(max(rows.max(), nearest.max(initial=0))) + 1, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    near = np.where(nearest >= 0, place[nearest], -1)[:, :ALIKE]  # places in the queue, -1 = not in it
    own = np.arange(len(rows))
    late = np.zeros(len(rows), dtype=bool)
    for other in near.T:
        mutual = (near[other] == own[:, None]).any(axis=1)  # -1 picks the last, and is masked next
        same = (block[other] == block) & (given[other] == given)
        late |= (other >= 0) & (other < own) & mutual & same
    found: Rows = rows[np.lexsort((own, late, block))]
    return found
