"""Many people's decisions -> one word a picture, or the news that they disagree.

Everybody's last word on a picture counts once. A word wins when more than half of those who spoke said it; anything
less, a tie or three people with three opinions, is a conflict and for a person to settle, see ``how.OnConflict``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.decision_lines import latest
from labelaudit.queue.decisions import check_decisions, read_decisions
from labelaudit.report.table import Report
from labelaudit.rundir import RunDir


@dataclass(frozen=True, slots=True)
class Merged:
    """What people said of one row.

    Attributes:
        row: In the report.
        words: Everybody's last word, at least one.
        ruling: What more than half of them said; None = they disagree.
        label: The class, where the ruling is ``label``.
    """

    row: int
    words: tuple[Decision, ...]
    ruling: Ruling | None
    label: str | None = None

    @property
    def who(self) -> list[str]:
        """Everybody who spoke, by name."""
        return sorted({each.annotator for each in self.words})


def read_all_decisions(run: RunDir, paths: Sequence[Path] = ()) -> tuple[Decision, ...]:
    """Reads files of decisions; without any, those of the run's own review page.

    People without a name are told apart by the files that they are in.

    Raises:
        DecisionError: A file cannot be read.
    """
    if not paths and not run.decisions.is_file():
        raise DecisionError(
            f"{run.root} holds no decisions: make some with labelaudit review {run.root}, or name a file of them"
        )
    paths = paths or [run.decisions]
    if len(paths) == 1:
        return read_decisions(paths[0])
    names = [path.name for path in paths]
    callings = names if len(set(names)) == len(names) else [str(path) for path in paths]
    return tuple(
        each if each.annotator else replace(each, annotator=f"({calling})")
        for path, calling in zip(paths, callings, strict=True)
        for each in read_decisions(path)
    )


def merge_decisions(decisions: Sequence[Decision], report: Report) -> list[Merged]:
    """Merges decisions, in the order of the report's rows.

    Args:
        decisions: In the order in which they were made, a person's later ones after the earlier ones.
        report: With the columns ``sample_id`` and ``content_sha256``.

    Raises:
        DecisionError: They were made for something else, or there is not one.
    """
    check_decisions(decisions, report)
    last = latest(decisions)
    if not last:
        raise DecisionError("there is not one decision in what was given: review some rows first (labelaudit review)")
    return merge_words(last, check_decisions(last, report))


def merge_words(words: Sequence[Decision], rows: NDArray[np.int64]) -> list[Merged]:
    """Merges everybody's last words by the rows that they speak of, (M,), in the order of the rows."""
    by_row: dict[int, list[Decision]] = {}
    for row, each in zip(rows.tolist(), words, strict=True):
        by_row.setdefault(row, []).append(each)
    return [_merged(row, tuple(by_row[row])) for row in sorted(by_row)]


def _merged(row: int, words: tuple[Decision, ...]) -> Merged:
    ((ruling, label), count), *_ = Counter((each.ruling, each.label) for each in words).most_common(1)
    return Merged(row, words, ruling, label) if 2 * count > len(words) else Merged(row, words, None)
