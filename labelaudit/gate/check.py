"""A report against limits: which hold, which do not, and the files behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelaudit.errors import GateError
from labelaudit.gate.allow_list import NOTHING_ALLOWED, AllowList
from labelaudit.gate.baseline import known_rows
from labelaudit.gate.checked import Checked
from labelaudit.gate.findings import Mask, Rows
from labelaudit.gate.fitting import AtHand, fitting_limits
from labelaudit.gate.judge_limit import judge_limit
from labelaudit.gate.limits import FailOn, Kind, Limit
from labelaudit.gate.outcome import GateResult, Outcome
from labelaudit.gate.place import NOWHERE, Place
from labelaudit.gate.reference import Reference
from labelaudit.likeness import Scored
from labelaudit.report.file import ReportFile
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.words import counted
from labelaudit.settings import ThresholdRule

_DIGITS = 8


@dataclass(frozen=True)
class Batch:
    """What is checked, and what it is held against. Reports are looked through a row group at a time.

    Attributes:
        report: What is checked.
        scored: How it compares with what its model was trained on; None for an audit.
        training: The report of the audit that trained its model; None for an audit, or where it is not at hand.
        baseline: A report whose findings do not count; None = all count.
    """

    report: ReportFile
    scored: Scored | None = None
    training: ReportFile | None = None
    baseline: ReportFile | None = None


def check_gate(
    batch: Batch,
    limits: Sequence[Limit] = (),
    *,
    fail_on: FailOn = FailOn.CI_LOWER,
    allow_list: AllowList = NOTHING_ALLOWED,
    place: Place = NOWHERE,
) -> GateResult:
    """Holds a report against limits.

    Args:
        batch: The report, and what belongs to it.
        limits: Over ``DEFAULT_LIMITS``, of each kind and class the last. ``trained`` compares with the training
            report, or with the baseline of an audit; where there is neither, and other limits were given, it is left
            out and that is noted.
        fail_on: What a share must pass to fail.
        allow_list: Accepted samples: they do not count as findings.
        place: Where the files stand in their repository.

    Raises:
        GateError: A limit names no class of the report or needs what the report has not, or there is nothing to check.
    """
    rows = Rows.of(batch.report)
    classes = batch.report.classes
    before = None if batch.baseline is None else Rows.of(batch.baseline, classes)
    training = _training(batch, classes)
    calibrated = is_calibrated(batch.report.metadata)
    at_hand = AtHand(classes, calibrated, training is not None, batch.scored is not None)
    chosen, notes = fitting_limits(limits, at_hand, fail_on=fail_on)

    accepted = allow_list.accepted(batch.report)
    known = None if before is None else known_rows(rows, before)
    old = {} if known is None else known.found
    kinds = {limit.kind for limit in chosen}
    counting = {
        kind: found & ~accepted & ~old.get(kind, np.False_) for kind, found in rows.found.items() if kind in kinds
    }
    checked = Checked(
        rows=rows,
        scope=np.ones(len(rows), dtype=bool) if known is None else ~known.held | _any(counting),
        counting=counting,
        flags=(Reference.of(rows) if batch.training is None else training) if calibrated else None,
        training=training,
        fail_on=fail_on,
        scored=batch.scored,
    )
    outcomes = tuple(judge_limit(checked, limit) for limit in chosen)
    _check_judged(rows, outcomes)
    failing = _failing(checked, outcomes)
    listed, why = rows.worst_first(counting, failing)
    found = _any({kind: rows.found[kind] & ~old.get(kind, np.False_) for kind in counting})
    return GateResult(
        name=batch.report.metadata.dataset,
        rows=len(rows),
        outcomes=outcomes,
        fail_on=fail_on,
        notes=(*notes, *_notes(batch, rows)),
        accepted=int(np.count_nonzero(accepted & found)),
        known=sum(int(np.count_nonzero(old[kind])) for kind in counting if kind in old),
        model=f"labelaudit-{(batch.report.metadata.model_hash or 'unknown')[:_DIGITS]}",
        checked=checked,
        place=place,
        listed=listed,
        kinds=why,
        failing=failing,
    )


def is_calibrated(metadata: ReportMetadata) -> bool:
    """Whether a report's probabilities were calibrated on planted errors."""
    rule = metadata.settings.get("verdict", {}).get("rule")
    return bool(rule == ThresholdRule.CALIBRATED)


def _training(batch: Batch, classes: Sequence[str]) -> Reference | None:
    """What ``trained`` compares with; None where there is nothing, or nothing that was judged and calibrated."""
    report = batch.baseline if batch.training is None else batch.training
    if report is None or not is_calibrated(report.metadata):
        return None
    found = Reference.of(Rows.of(report, classes))
    return found if len(found) else None


def _any(masks: Mapping[Kind, Mask]) -> Mask:
    found: Mask = np.logical_or.reduce(list(masks.values()))
    return found


def _failing(checked: Checked, outcomes: Sequence[Outcome]) -> Mask:
    """Rows that count for a limit that failed, (N,)."""
    failing = np.zeros(len(checked.rows), dtype=bool)
    for outcome in outcomes:
        limit = outcome.limit
        if outcome.failed and limit.kind in checked.counting:
            failing |= checked.counting[limit.kind] & checked.rows.of_class(limit.label)
    return failing


def _check_judged(rows: Rows, outcomes: Sequence[Outcome]) -> None:
    """A gate that looked at no label must not say that labels are fine."""
    if len(rows) == 0:
        raise GateError("the report holds no files; there is nothing to check")
    looks_at_labels = any(outcome.limit.kind in (Kind.MISLABELLED, Kind.AMBIGUOUS) for outcome in outcomes)
    if looks_at_labels and not rows.judged.any() and not any(outcome.failed for outcome in outcomes):
        raise GateError(
            f"none of the {counted(len(rows), 'file', 'files')} could be judged, so nothing is known of the labels; "
            "the column reason of the report says why"
        )


def _notes(batch: Batch, rows: Rows) -> list[str]:
    """What a reader must know besides the limits."""
    notes = []
    unjudged = int(np.count_nonzero(~rows.judged & ~rows.found[Kind.UNREADABLE]))
    if unjudged:
        notes.append(f"{counted(unjudged, 'file', 'files')} could not be judged (verdict undetermined)")
    if batch.scored is not None:
        drift, overlap = batch.scored.drift, batch.scored.overlap
        if drift is not None and (drift.found or drift.other_shares):
            notes.append(drift.sentence)
        if overlap.rows:
            notes.append(overlap.sentence)
    notes += [said for said in batch.report.metadata.assumed if said.startswith("the evidence is weak")]
    return notes
