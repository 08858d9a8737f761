"""How well the people who decided agree: their decisions as votes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelaudit.ballots import Ballots
from labelaudit.decision import Decision, Ruling
from labelaudit.queue.decision_lines import latest
from labelaudit.verdict.agreement import Agreement, measure_agreement

_BESIDE = {Ruling.AMBIGUOUS: "ambiguous", Ruling.NOT_A_FACE: "not a face"}
"""What people may say beside a class; choices like any other, and the same one as a class of that name."""


def agreement_of_decisions(decisions: Sequence[Decision], classes: Sequence[str]) -> Agreement | None:
    """Measures how well people agree, by everybody's last word on each sample.

    Args:
        decisions: Whatever was decided, in its order; what was skipped or withdrawn says nothing.
        classes: Class names of the report; every label that was chosen is one of them.

    Returns:
        None where no two people decided on the same sample.
    """
    said = latest(decisions)
    if not said:
        return None
    choices = tuple(dict.fromkeys((*classes, *_BESIDE.values())))
    row, samples = _coded([each.sample_id for each in said])
    annotator, people = _coded([each.annotator for each in said])
    code = {name: index for index, name in enumerate(choices)}
    chosen = [code[_BESIDE.get(each.ruling) or str(each.label)] for each in said]
    ballots = Ballots(row, annotator.astype(np.int32), np.array(chosen, dtype=np.int32), people)
    return measure_agreement(ballots.counts(len(samples), len(choices)), choices, ballots=ballots)


def _coded(names: Sequence[str]) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], tuple[str, ...]]:
    """Each name's number, in the order of first appearance, and the distinct names."""
    code = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.array([code[name] for name in names], dtype=np.int64), tuple(code)
