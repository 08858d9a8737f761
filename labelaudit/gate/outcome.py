"""What a gate concludes: every limit with its figures, and the files that count, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelaudit.gate.checked import Checked
from labelaudit.gate.findings import Finding, Mask
from labelaudit.gate.limits import FailOn, Kind, Limit
from labelaudit.gate.place import Place
from labelaudit.records import IntArray


@dataclass(frozen=True)
class Outcome:
    """One limit against a report.

    Attributes:
        limit: The limit.
        failed: Whether it is exceeded; of ``Kind.CLASS_COUNT``, not reached.
        rows: Files that it is taken over.
        found: Those of them that are found and count.
        said: Figures and limit for people, one line without a full stop.
        low, high: Ends of the 95 % interval of what a share limit is held against; None where nothing is estimated.
        expected_wrong: Share of the files that are expected to be wrong and found, or None.
        usual: Share that is found in the training data; of a limit that is ``trained``, else None.
        chance: Of a batch like the training data to score as high; of a limit that is ``trained``, else None.
        share: What is held against a share limit where it is no share of found files (drift), or None.
    """

    limit: Limit
    failed: bool
    rows: int
    found: int
    said: str
    low: float | None = None
    high: float | None = None
    expected_wrong: float | None = None
    usual: float | None = None
    chance: float | None = None
    share: float | None = None

    @property
    def title(self) -> str:
        """``mislabelled`` or ``mislabelled happy``."""
        return str(self.limit.kind) if self.limit.label is None else f"{self.limit.kind} {self.limit.label}"


@dataclass(frozen=True)
class GateResult:
    """A report against all limits.

    Attributes:
        name: What people call the dataset.
        rows: Files in the report.
        outcomes: A limit each, in the order of ``Kind``.
        fail_on: What a share had to pass to fail.
        notes: What a reader must know besides, one sentence each without a full stop.
        accepted: Files that an allow-list accepts and that would count otherwise.
        known: Findings that a baseline has, too.
        model: Of the model that judged, ``labelaudit-`` and the first digits of its hash.
        checked: The report.
        place: Where the files stand in their repository.
        listed: Rows that count, worst first, those of failed limits before all others.
        kinds: Why each of them counts.
        failing: Rows of failed limits, a mask over all rows.
    """

    name: str
    rows: int
    outcomes: Sequence[Outcome]
    fail_on: FailOn
    notes: Sequence[str]
    accepted: int
    known: int
    model: str
    checked: Checked
    place: Place
    listed: IntArray
    kinds: Sequence[Kind]
    failing: Mask

    @property
    def passed(self) -> bool:
        """True where no limit failed."""
        return not any(outcome.failed for outcome in self.outcomes)

    @property
    def verdict(self) -> str:
        """``passed`` or ``FAILED``, and by how many limits."""
        failed = sum(outcome.failed for outcome in self.outcomes)
        return f"FAILED {failed} of {len(self.outcomes)} limits" if failed else f"passed {len(self.outcomes)} limits"

    @property
    def failing_count(self) -> int:
        """Files of failed limits; the first of ``findings``."""
        return int(self.failing[self.listed].sum())

    def findings(self, limit: int | None = None) -> tuple[Finding, ...]:
        """The files that count, worst first, those of failed limits before all others.

        Args:
            limit: At most so many; None = all.
        """
        rows = self.listed[:limit]
        return self.checked.rows.findings(rows, self.kinds[: len(rows)], self.failing, place=self.place)

    def failing_findings(self, limit: int | None = None) -> tuple[Finding, ...]:
        """The files of failed limits, worst first."""
        count = self.failing_count
        return self.findings(count if limit is None else min(count, limit))

    def findings_of(self, outcome: Outcome, limit: int) -> tuple[Finding, ...]:
        """The worst files of one limit.

        Args:
            outcome: One of ``outcomes``.
            limit: At most so many.
        """
        kind = outcome.limit.kind
        if not kind.of_rows:
            return ()
        mine = (self.checked.counting[kind] & self.checked.rows.of_class(outcome.limit.label))[self.listed]
        worst = self.listed[mine][:limit]
        return self.checked.rows.findings(worst, [kind] * len(worst), self.failing, place=self.place)
