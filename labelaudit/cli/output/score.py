"""What ``labelaudit score`` says: the screen of an audit, and how the batch compares with the training data."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from labelaudit.cli.output.results import write_json_line
from labelaudit.cli.output.words import shown

if TYPE_CHECKING:
    from labelaudit.scoring import ScoreResult


def write_score(result: ScoreResult, *, run: str, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Says what a model found in a batch."""
    if as_json:
        write_json_line(result.summary.to_json())
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console
        from labelaudit.cli.output.layout import labelled
        from labelaudit.cli.output.terminal import print_summary

        drift, overlap = result.scored.drift, result.scored.overlap
        told = {
            "Drift:": "too few new pictures to tell" if drift is None else drift.sentence,
            "Known:": overlap.sentence if overlap.rows else "",
            "Next:": f"ask people about the doubtful ones: labelaudit review {shlex.quote(run)}",
        }
        ending = [labelled(word, shown(text)) for word, text in told.items() if text]
        print_summary(results_console(), result.summary, run=run, verbose=verbose, ending=ending)
