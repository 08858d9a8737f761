"""A report as limits see it: what is found, what of it counts, and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labelaudit.gate.findings import Mask, Rows
from labelaudit.gate.limits import FailOn, Kind
from labelaudit.gate.reference import Reference
from labelaudit.likeness import Scored


@dataclass(frozen=True)
class Checked:
    """What limits are held against.

    Attributes:
        rows: The report.
        scope: Rows that shares are taken over: with a baseline, those that are new or newly found.
        counting: Kind -> rows that are found, not accepted and not known; of the kinds that are limited.
        flags: What tells how often right and wrong labels are flagged; None where probabilities are not calibrated.
        training: What the limit ``trained`` compares with; None where there is nothing.
        fail_on: What a share must pass to fail.
        scored: How the batch compares with what its model was trained on; None for an audit.
    """

    rows: Rows
    scope: Mask
    counting: Mapping[Kind, Mask]
    flags: Reference | None
    training: Reference | None
    fail_on: FailOn
    scored: Scored | None
