"""What an earlier run knew: only findings that it did not have count.

Pictures are matched by the hash of their bytes, those without one by their ``sample_id``, and only under the same
given label: a label that changed is a new claim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelaudit.gate.findings import Mask, Rows
from labelaudit.gate.limits import Kind


@dataclass(frozen=True)
class Known:
    """What a baseline says of a report's rows, (N,) each.

    Attributes:
        held: Rows that the baseline holds, whatever it found of them.
        found: Kind -> rows of which the baseline found the same.
    """

    held: Mask
    found: dict[Kind, Mask]


def known_rows(rows: Rows, baseline: Rows) -> Known:
    """Looks a report's rows up in an earlier report."""
    mine, theirs = _keys(rows), _keys(baseline)
    return Known(
        held=_is_among(mine, theirs),
        found={
            kind: found & _is_among(mine, theirs.filter(pa.array(baseline.found[kind])))
            for kind, found in rows.found.items()
        },
    )


def _keys(rows: Rows) -> pa.ChunkedArray:
    """What a row is known by: its picture, or its id where there is none, and its label."""
    table = rows.report.read(("sample_id", "content_sha256", "given_label")).table
    picture = pc.coalesce(
        pc.binary_join_element_wise("sha256", table["content_sha256"], ":"),
        pc.binary_join_element_wise("id", table["sample_id"], ":"),
    )
    label = pc.fill_null(table["given_label"].cast(pa.string()), "")
    return pc.binary_join_element_wise(picture, label, "\n")


def _is_among(keys: pa.ChunkedArray, others: pa.ChunkedArray) -> Mask:
    found: Mask = np.asarray(pc.is_in(keys, value_set=others.combine_chunks()).to_numpy(), dtype=bool)
    return found
