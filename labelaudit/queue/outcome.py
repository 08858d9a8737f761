"""Merged decisions and a person's choices -> what becomes of every row that was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from labelaudit.decision import Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.how import OnConflict
from labelaudit.queue.merge import Merged
from labelaudit.source.words import counted, some

OUTCOME_COLUMNS = ("sample_id", "split", "given_label", "content_sha256")
"""Columns of a report that outcomes need."""

_TEST = "test"


@dataclass(frozen=True)
class Choices:
    """What a person chose about rows that are not plainly decided.

    Attributes:
        on_conflict: What becomes of rows that people disagree about.
        drop: Rulings whose rows are left out: ``ambiguous``, ``not_a_face``.
        include_test: Whether rows of the test split change; False leaves them as they are, None refuses them.
    """

    on_conflict: OnConflict = OnConflict.ASK
    drop: frozenset[Ruling] = frozenset()
    include_test: bool | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one row.

    Attributes:
        merged: What people said.
        sample_id, given: Of the report.
        content_sha256: Of the picture that was audited, or None.
        new: The label from now on; None = it has none, or is left out.
        left_out: Whether the row is left out.
    """

    merged: Merged
    sample_id: str
    given: str | None
    content_sha256: str | None
    new: str | None
    left_out: bool = False

    @property
    def changes(self) -> bool:
        """Whether anything has to be written for it."""
        return self.left_out or self.new != self.given


@dataclass(frozen=True)
class Outcomes:
    """What becomes of all rows that people decided, in the report's order.

    Attributes:
        settled: Rows that the ledger records.
        conflicts: Rows that people disagree about, whatever becomes of them.
        test: Rows of the test split that are left as they are though people said otherwise.
    """

    settled: tuple[Outcome, ...]
    conflicts: tuple[Outcome, ...]
    test: tuple[Outcome, ...]

    def changed(self) -> tuple[Outcome, ...]:
        """Rows for which something has to be written."""
        return tuple(each for each in self.settled if each.changes)

    def relabelled(self) -> tuple[Outcome, ...]:
        """Rows that have another label now."""
        return tuple(each for each in self.settled if each.changes and not each.left_out)

    def left_out(self) -> tuple[Outcome, ...]:
        """Rows that the new labels do not have."""
        return tuple(each for each in self.settled if each.left_out)

    def open(self) -> tuple[Outcome, ...]:
        """Rows that people disagree about and that nobody settled."""
        done = {each.sample_id for each in (*self.settled, *self.test)}
        return tuple(each for each in self.conflicts if each.sample_id not in done)

    def pairs(self) -> list[tuple[str | None, str | None, int]]:
        """Given label, new label and how many rows, the most frequent first."""
        counts = Counter((each.given, each.new) for each in self.relabelled())
        return [(given, new, count) for (given, new), count in counts.most_common()]

    def count(self, ruling: Ruling) -> int:
        """Rows with a ruling, whatever became of them."""
        return sum(each.merged.ruling is ruling for each in self.settled)


def settle(merged: Sequence[Merged], table: pa.Table, choices: Choices) -> Outcomes:
    """Says what becomes of every row.

    Args:
        merged: What people said, in the report's order.
        table: The report's columns ``OUTCOME_COLUMNS``.
        choices: What a person chose.

    Raises:
        DecisionError: Rows of the test split would change and nobody said whether they may.
    """
    facts = table.select(list(OUTCOME_COLUMNS)).take(pa.array([each.row for each in merged], pa.int64())).to_pylist()
    settled: list[Outcome] = []
    conflicts: list[Outcome] = []
    test: list[Outcome] = []
    for each, fact in zip(merged, facts, strict=True):
        outcome = _outcome(each, fact, choices)
        of_test = outcome.changes and fact["split"] == _TEST and not choices.include_test
        if each.ruling is None:
            conflicts.append(outcome)
        if of_test:
            test.append(outcome)
        elif each.ruling is not None or choices.on_conflict is not OnConflict.ASK:
            settled.append(outcome)
    if test and choices.include_test is None:
        raise DecisionError(
            f"{counted(len(test), 'decision')} would change rows of the test split "
            f"({some([each.sample_id for each in test])}): --include-test puts them right too, --skip-test leaves them"
        )
    return Outcomes(tuple(settled), tuple(conflicts), tuple(test))


def _outcome(merged: Merged, fact: dict[str, str | None], choices: Choices) -> Outcome:
    left_out = choices.on_conflict is OnConflict.DROP if merged.ruling is None else merged.ruling in choices.drop
    given = fact["given_label"]
    new = merged.label if merged.ruling is Ruling.LABEL else given
    return Outcome(merged, str(fact["sample_id"]), given, fact["content_sha256"], None if left_out else new, left_out)
