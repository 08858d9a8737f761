"""A spot check out to people, and what their decisions found.

It is handed out blind and shuffled: whoever sees what the audit thinks, or can tell it from the order, measures it no
more. A label was found *wrong* where most people name another class or no face. A row that they call *ambiguous* counts
as not wrong, since its given label may be one of those that fit, as it does wherever labelaudit counts; it counts as
wrong where a person asks for that. Where people are split evenly a row is half wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError, QueueError, ReportError
from labelaudit.queue.decision_lines import latest
from labelaudit.queue.decisions import check_decisions
from labelaudit.queue.item import Queue
from labelaudit.queue.merge import read_all_decisions
from labelaudit.queue.select import queue_of
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.spot_check import RunSpotCheck, measure, read_spot_check, spot_check_of, write_spot_check
from labelaudit.report.table import Report
from labelaudit.rundir import RunDir


def build_spot_check(run: RunDir, report: Report, *, size: int, seed: int, force: bool = False) -> RunSpotCheck:
    """Draws the spot check of a run and keeps it there; gives the one that is there where it is the same.

    Args:
        run: The run.
        report: Its report, with at least ``report.spot_check.COLUMNS``.
        size: Rows to look at.
        seed: Of the draw.
        force: Draw anew where another one is there; what was found with that one is lost.

    Raises:
        SettingsError: ``size`` is too small, or no row was judged.
        QueueError: Another spot check is there.
        ReportError: It cannot be read or written.
    """
    drawn = spot_check_of(report, size=size, seed=seed)
    try:
        there = read_spot_check(run, report.metadata)
    except ReportError:
        if not force:
            raise
        there = None
    if there is not None and there.sample_ids == drawn.sample_ids:
        return there
    if there is not None and not force:
        raise QueueError(
            f"{run.root} has a spot check of {len(there.check):,} rows, drawn with the seed {there.seed}; ask for that "
            "one, or add --force to draw another and lose what was found with it"
        )
    write_spot_check(run, drawn)
    return drawn


def spot_check_queue(report: Report, spot: RunSpotCheck) -> Queue:
    """The rows of a spot check as a blind queue, shuffled.

    Args:
        report: With at least ``select.QUEUE_COLUMNS``.
        spot: What was drawn.
    """
    return queue_of(report, shuffled_rows(spot), blind=True)


def shuffled_rows(spot: RunSpotCheck) -> NDArray[np.int64]:
    """Row numbers of a spot check in the order in which people are asked, (n,): it tells nothing of the score."""
    return np.random.default_rng(spot.seed).permutation(spot.check.rows)


def kept_spot_check(run: RunDir, metadata: ReportMetadata) -> RunSpotCheck:
    """The spot check that a run keeps.

    Args:
        run: The run.
        metadata: Of its report.

    Raises:
        QueueError: It has none.
        ReportError: It is damaged.
    """
    spot = read_spot_check(run, metadata)
    if spot is None:
        raise QueueError(f"{run.root} has no spot check; draw one with labelaudit queue {run.root} --spot-check 60")
    return spot


def write_measurement(
    run: RunDir, report: Report, files: Sequence[Path], *, ambiguous_is_wrong: bool = False
) -> RunSpotCheck:
    """Measures a run's queue by its spot check and keeps the findings beside it.

    Args:
        run: The run.
        report: As ``measure_decisions``.
        files: What people gave back; decisions of the review page of this run are added.
        ambiguous_is_wrong: As ``measure_decisions``.

    Raises:
        QueueError: The run has no spot check.
        DecisionError: As ``measure_decisions``, or a file cannot be read.
        ReportError: As ``measure_decisions``, or the findings cannot be kept.
    """
    spot = kept_spot_check(run, report.metadata)
    own = [run.decisions] if run.decisions.is_file() and run.decisions not in files else []
    decisions = read_all_decisions(run, [*own, *files])
    measured = measure_decisions(report, spot, decisions, ambiguous_is_wrong=ambiguous_is_wrong)
    write_spot_check(run, measured)
    return measured


def measure_decisions(
    report: Report, spot: RunSpotCheck, decisions: Sequence[Decision], *, ambiguous_is_wrong: bool = False
) -> RunSpotCheck:
    """Estimates the precision of every cut of the queue and the noise rate from people's decisions.

    Args:
        report: With at least ``report.spot_check.COLUMNS`` and ``decisions.DECISION_COLUMNS``.
        spot: What was drawn.
        decisions: Whatever was decided; decisions about other rows are left out.
        ambiguous_is_wrong: Count a row as wrong where most people call it ambiguous.

    Returns:
        The spot check with its findings.

    Raises:
        DecisionError: None of the decisions is about a row of the spot check, or one does not fit the report.
        ReportError: Too little was decided to say anything of all labels.
    """
    drawn = set(spot.sample_ids)
    said = latest([each for each in decisions if each.sample_id in drawn])
    if not said:
        raise DecisionError(
            f"none of the {len(decisions):,} decisions is about one of the {len(drawn):,} rows of the spot check; "
            "were they made for another queue?"
        )
    check_decisions(said, report)
    found = _verdicts(report, spot, said, ambiguous_is_wrong=ambiguous_is_wrong)
    return measure(
        report,
        spot,
        found.wrong,
        ambiguous=found.ambiguous,
        split=found.split,
        ambiguous_is_wrong=ambiguous_is_wrong,
    )


@dataclass(frozen=True)
class _Verdicts:
    """Wrong, 1/2 or right a drawn row, NaN = not decided, (n,); rows called ambiguous; rows on which people differ."""

    wrong: NDArray[np.float64]
    ambiguous: int
    split: int


def _verdicts(report: Report, spot: RunSpotCheck, said: Sequence[Decision], *, ambiguous_is_wrong: bool) -> _Verdicts:
    by_row: dict[str, list[Decision]] = defaultdict(list)
    for each in said:
        by_row[each.sample_id].append(each)
    given = report.table["given_label"].take(spot.check.rows).to_pylist()
    wrong = np.full(len(given), np.nan)
    ambiguous = split = 0
    for index, (sample_id, label) in enumerate(zip(spot.sample_ids, given, strict=True)):
        mine = by_row.get(sample_id, [])
        if not mine:
            continue
        doubts = [each.ruling is Ruling.AMBIGUOUS for each in mine]
        against = sum(_is_wrong(each, label, ambiguous_is_wrong) for each in mine)
        wrong[index] = 0.5 if 2 * against == len(mine) else float(2 * against > len(mine))
        ambiguous += 2 * sum(doubts) > len(mine)
        split += len({(each.ruling, each.label) for each in mine}) > 1
    return _Verdicts(wrong, ambiguous, split)


def _is_wrong(decision: Decision, given: str, ambiguous_is_wrong: bool) -> bool:
    if decision.ruling is Ruling.AMBIGUOUS:
        return ambiguous_is_wrong
    return decision.ruling is Ruling.NOT_A_FACE or decision.label != given
