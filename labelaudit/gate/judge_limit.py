"""One limit against a report's rows: its figures, and whether it holds."""

from __future__ import annotations

import numpy as np

from labelaudit.gate.checked import Checked
from labelaudit.gate.findings import Mask
from labelaudit.gate.limits import Count, FailOn, Kind, Limit, Share, Trained
from labelaudit.gate.outcome import Outcome
from labelaudit.gate.reference import Reference, compare
from labelaudit.gate.statistics import CONFIDENCE, exact_interval
from labelaudit.report.words import chance as chance_words
from labelaudit.report.words import counted, number, percent, share_of

_WORDS = {
    Kind.UNREADABLE: "unreadable",
    Kind.CONFLICTS: "under two labels",
    Kind.MISLABELLED: "called mislabelled",
    Kind.AMBIGUOUS: "ambiguous",
}
TAIL = (1.0 - CONFIDENCE) / 2.0
"""Chance of a batch like the training data, below which it is worse than ``trained``."""


def judge_limit(checked: Checked, limit: Limit) -> Outcome:
    """Holds one limit against a report.

    Args:
        checked: The report. It has what the limit needs; ``check_gate`` sees to that.
        limit: Of a class of the report, or of all.
    """
    if limit.kind is Kind.DRIFT:
        return _judge_drift(checked, limit)
    if limit.kind is Kind.LEAKAGE:
        return _judge_leakage(checked, limit)
    mine = checked.rows.of_class(limit.label)
    if limit.kind is Kind.CLASS_COUNT:
        return _judge_class_count(checked, limit, mine)
    over = mine & checked.scope & _limited_rows(checked, limit.kind)
    found = over & checked.counting[limit.kind]
    if isinstance(limit.bound, Trained):
        return _judge_trained(checked, limit, over, found)
    return _judge_found(checked, limit, int(np.count_nonzero(over)), int(np.count_nonzero(found)))


def _limited_rows(checked: Checked, kind: Kind) -> Mask:
    """Rows that could have been found: of verdicts on labels, those with evidence."""
    if kind in (Kind.MISLABELLED, Kind.AMBIGUOUS):
        return checked.rows.judged
    return np.ones(len(checked.rows), dtype=bool)


def _judge_found(checked: Checked, limit: Limit, rows: int, found: int) -> Outcome:
    """A limit on files that are found, by count or by share."""
    said = f"{number(found)} of {number(rows)} {_WORDS[limit.kind]}"
    if isinstance(limit.bound, Count):
        return Outcome(limit, found > limit.bound.files, rows, found, f"{said}, limit {limit.bound}")
    assert isinstance(limit.bound, Share)
    allowed, share = limit.bound.share, found / rows if rows else 0.0
    said = f"{said}, {percent(share)}" if rows else said
    if limit.kind not in (Kind.MISLABELLED, Kind.AMBIGUOUS):  # a fact is not estimated
        return Outcome(limit, share > allowed, rows, found, f"{said}, limit {limit.bound}", share=share)
    low, high = exact_interval(found, rows)
    expected = None
    if limit.kind is Kind.MISLABELLED and checked.flags is not None:
        label = limit.label
        rates = checked.flags.flag_rates(None if label is None else checked.rows.report.classes.index(label))
        expected, low, high = rates.wrong_share(share), rates.wrong_share(low), rates.wrong_share(high)
        said += f"; about {percent(expected)} wrong ({100 * low:.1f} to {100 * high:.1f} %)"
    elif rows:
        said += f" ({100 * low:.1f} to {100 * high:.1f} %)"
    failed = (low if checked.fail_on is FailOn.CI_LOWER else share) > allowed and found > 0
    said = f"{said}, limit {limit.bound} by {'the lower end' if checked.fail_on is FailOn.CI_LOWER else 'the estimate'}"
    return Outcome(limit, failed, rows, found, said, low=low, high=high, expected_wrong=expected, share=share)


def _judge_trained(checked: Checked, limit: Limit, over: Mask, found: Mask) -> Outcome:
    """The limit ``trained``: no significantly more and surer flags than in the training data."""
    assert checked.training is not None
    batch = Reference.of(checked.rows, over, found)
    rows, flags = int(np.count_nonzero(over)), int(np.count_nonzero(found))
    said = f"{number(flags)} of {number(rows)} called mislabelled"
    if len(batch) == 0:
        return Outcome(limit, False, rows, flags, f"{said}, limit {limit.bound}")
    compared = compare(batch, checked.training)
    by_class = ", class by class" if compared.by_class else ""
    said += f", {share_of(flags, rows)} (usual {percent(compared.usual)}{by_class})"
    if checked.fail_on is FailOn.CI_LOWER:
        failed = flags > 0 and compared.chance < TAIL
        how = f"{chance_words(compared.chance)} of batches like the training data have as many and as sure ones"
        said += f"; {how}, limit {100 * TAIL:.1f} %"
    else:
        failed = flags > 0 and compared.score > compared.expected
        said += ", limit the usual by the estimate"
    return Outcome(
        limit,
        failed,
        rows,
        flags,
        said,
        usual=compared.usual,
        chance=compared.chance,
        expected_wrong=checked.training.flag_rates().wrong_share(flags / rows),
        share=flags / rows,
    )


def _judge_class_count(checked: Checked, limit: Limit, mine: Mask) -> Outcome:
    """A limit on how few readable files a class may have."""
    assert isinstance(limit.bound, Count)
    readable = mine & ~checked.rows.found[Kind.UNREADABLE]
    rows = int(np.count_nonzero(readable))
    said = f"{counted(rows, 'readable file', 'readable files')} of {limit.label}, at least {limit.bound}"
    return Outcome(limit, rows < limit.bound.files, rows, 0, said)


def _judge_drift(checked: Checked, limit: Limit) -> Outcome:
    """A limit on how well the batch's pictures can be told from the training data's."""
    assert checked.scored is not None
    assert isinstance(limit.bound, Share)
    drift, allowed = checked.scored.drift, f"limit {limit.bound.share:g}"
    if drift is None:
        return Outcome(limit, False, len(checked.rows), 0, f"too few pictures to tell, {allowed}")
    sure = drift.found or checked.fail_on is FailOn.ESTIMATE
    odd = "significant" if drift.found else "not significant"
    said = f"strength {drift.strength:.2f} of 1, {odd}, {allowed}"
    failed = sure and drift.strength > limit.bound.share
    return Outcome(limit, failed, drift.rows, 0, said, chance=drift.p, share=drift.strength)


def _judge_leakage(checked: Checked, limit: Limit) -> Outcome:
    """A limit on files that show a picture of the training data."""
    assert checked.scored is not None
    rows, found = len(checked.rows), checked.scored.overlap.rows
    share = found / rows
    failed = found > limit.bound.files if isinstance(limit.bound, Count) else share > _allowed(limit)
    said = f"{number(found)} of {number(rows)} show a picture that the model was trained on, limit {limit.bound}"
    return Outcome(limit, failed, rows, found, said, share=share)


def _allowed(limit: Limit) -> float:
    assert isinstance(limit.bound, Share)
    return limit.bound.share
