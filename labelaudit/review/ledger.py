"""What people have decided: in memory for the page, and in the file that every decision is synced to first.

A decision carries the version that its page saw: how many decisions this person had made on the face. Where another
tab has been quicker the versions differ, and the decision is refused instead of written over the other. Sent once more
after an answer that never arrived, it is found to stand already, and nothing is written twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from labelaudit.decision import Decision, Ruling, time_text
from labelaudit.errors import RunFolderError
from labelaudit.queue.decision_lines import latest, read_decision_lines, write_decision_lines
from labelaudit.rundir import locked

TOOL = "review"


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's last word on one face.

    Attributes:
        version: Decisions that this person has made on it, withdrawn ones too; 0 = none.
        decision: The last of them; None where there is none.
    """

    version: int = 0
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A decision that a page asks to keep.

    Attributes:
        sample_id: The face.
        ruling, label: What was said, as in ``Decision``.
        annotator: Who.
        seen: The version of what the page showed as decided.
        content_sha256: Of the picture that the page showed.
    """

    sample_id: str
    ruling: Ruling
    label: str | None
    annotator: str
    seen: int
    content_sha256: str | None

    def repeats(self, decision: Decision | None) -> bool:
        """Whether a decision says the same; taking back what was never said says nothing."""
        if decision is None:
            return self.ruling is Ruling.WITHDRAWN
        said = (decision.ruling, decision.label, decision.content_sha256)
        return said == (self.ruling, self.label, self.content_sha256)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it.

    Attributes:
        kept: True where it stands now, in the file too; False where the page had not seen what stood already.
        standing: What stands.
    """

    kept: bool
    standing: Standing


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Opens a file of decisions and holds it for this process.

    Args:
        path: The file; it need not exist yet. The lock lies beside it.

    Raises:
        RunFolderError: Another review holds it, or its folder cannot be written.
        DecisionError: The file cannot be read.
    """
    try:
        with locked(path.parent):
            yield Ledger(path)
    except RunFolderError as error:
        if isinstance(error.__cause__, BlockingIOError):
            raise RunFolderError(
                f"{path.parent} is being reviewed already, or another labelaudit works in it; use the page that is "
                "open, or end the other with Ctrl-C"
            ) from error
        raise


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


class Ledger:
    """The decisions of one file. One process holds the file and one thread at a time writes; any may look.

    Args:
        path: The file; it need not exist yet.
        now: A clock.

    Raises:
        DecisionError: The file cannot be read.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self._path = path
        self._now = now
        self._standing: dict[str, dict[str, Standing]] = {}
        self._revision: dict[str, int] = {}
        self._last_time = ""
        self._looking = threading.Lock()
        kept = read_decision_lines(path) if path.exists() else ()
        for each in sorted(kept, key=lambda decision: decision.decided_at):  # the order that ``latest`` goes by
            self._note(each)

    def standing(self, annotator: str, sample_id: str) -> Standing:
        """A person's last word on a face."""
        with self._looking:
            return self._standing.get(annotator, {}).get(sample_id, Standing())

    def all_of(self, annotator: str) -> dict[str, Standing]:
        """A person's last words by ``sample_id``, in the order in which they were said."""
        with self._looking:
            return dict(self._standing.get(annotator, {}))

    def annotators(self) -> tuple[str, ...]:
        """Everybody who has decided something."""
        with self._looking:
            return tuple(self._standing)

    def in_force(self) -> tuple[Decision, ...]:
        """Everybody's last words, as ``latest`` has them: without what was skipped or taken back."""
        with self._looking:
            found = [standing.decision for theirs in self._standing.values() for standing in theirs.values()]
        return latest(each for each in found if each is not None)

    def revision(self, annotator: str) -> int:
        """Decisions of a person so far, withdrawn ones too: grows whenever something changes."""
        return self._revision.get(annotator, 0)

    def write_wanted(self, wanted: Sequence[Wanted]) -> list[Outcome]:
        """Keeps decisions, in order; when this returns, what is said to be kept is in the file and synced.

        Raises:
            DecisionError: The file cannot be written. None of them is kept.
        """
        fresh: dict[tuple[str, str], Standing] = {}
        accepted: list[Decision] = []
        outcomes: list[Outcome] = []
        for each in wanted:
            key = (each.annotator, each.sample_id)
            standing = fresh.get(key) or self.standing(*key)
            kept = standing.version >= each.seen and each.repeats(standing.decision)
            if standing.version == each.seen and not kept:
                decision = self._decision(each)
                accepted.append(decision)
                standing = fresh[key] = Standing(standing.version + 1, decision)
                kept = True
            outcomes.append(Outcome(kept, standing))
        if accepted:
            write_decision_lines(self._path, accepted)
            for decision in accepted:
                self._note(decision)
        return outcomes

    def _decision(self, wanted: Wanted) -> Decision:
        # A clock that is set back must not make a later decision the earlier one.
        now = time_text(self._now())
        self._last_time = max(now, self._last_time)
        return Decision(
            sample_id=wanted.sample_id,
            ruling=wanted.ruling,
            label=wanted.label,
            annotator=wanted.annotator,
            decided_at=self._last_time,
            tool=TOOL,
            content_sha256=wanted.content_sha256,
        )

    def _note(self, decision: Decision) -> None:
        with self._looking:
            theirs = self._standing.setdefault(decision.annotator, {})
            before = theirs.pop(decision.sample_id, Standing())  # taken out, so that it stands last
            theirs[decision.sample_id] = Standing(before.version + 1, decision)
            self._revision[decision.annotator] = self._revision.get(decision.annotator, 0) + 1
        self._last_time = max(self._last_time, decision.decided_at)
