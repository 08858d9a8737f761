"""What ``apply`` and its undoing tell: what became of the rows, and how the new labels are opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelaudit.queue.agreement import agreement_of_decisions
from labelaudit.queue.how import ApplyAs
from labelaudit.queue.ledger import CONFLICT
from labelaudit.queue.outcome import Outcome, Outcomes
from labelaudit.records import JsonDict
from labelaudit.source.options import SourceOptions
from labelaudit.verdict.agreement import Agreement


@dataclass(frozen=True)
class Opening:
    """How new labels are opened.

    Attributes:
        name: What opens them: a file in their folder, or "" for the folder itself.
        flags: Options of the command line, without the folder of the pictures.
        root: The folder of the pictures where it must be named, else None.
    """

    name: str = ""
    flags: tuple[str, ...] = ()
    root: Path | None = None

    def words(self, out: Path) -> tuple[str, ...]:
        """Arguments for ``labelaudit audit``."""
        named = out / self.name if self.name else out
        return (str(named), *self.flags, *(() if self.root is None else ("--root", str(self.root))))

    def to_json(self, out: Path) -> JsonDict:
        """As a ledger in a folder has it: paths relative to it, and none that is absolute."""
        root = None if self.root is None else os.path.relpath(self.root, out.resolve())
        return {"name": self.name, "flags": list(self.flags), "root": root}

    @classmethod
    def from_json(cls, value: JsonDict, folder: Path) -> Opening:
        """What ``to_json`` gave for a folder."""
        root = None if value["root"] is None else Path(os.path.normpath(folder.resolve() / value["root"]))
        return cls(value["name"], tuple(value["flags"]), root)


def flags_of(options: SourceOptions) -> tuple[str, ...]:
    """The options of the command line that say the same, but for the folder of the pictures."""
    named = {
        "--format": options.format,
        "--label-column": options.label_column,
        "--path-column": options.path_column,
        "--id-column": options.id_column,
        "--split-column": options.split_column,
        "--image-column": options.image_column,
        "--annotator-column": options.annotator_column,
        "--label-map": ",".join(f"{key}={name}" for key, name in options.label_map.items()) or None,
    }
    words = [word for flag, value in named.items() if value is not None for word in (flag, value)]
    words += [word for split in options.splits for word in ("--split", split)]
    return tuple(words if options.votes else [*words, "--no-votes"])


@dataclass(frozen=True)
class ApplyResult:
    """What was put right.

    Attributes:
        dataset: What people call the dataset.
        decisions: Last words of people that count.
        people: How many people they are.
        outcomes: What became of every row.
        how: In which form the labels were written.
        why: Why they were not written in the dataset's own form; empty where they were.
        out: The folder.
        written: Whether it was written, and not only tried.
        opening: How the new labels are opened.
        renumbered: Whether sample ids are row numbers and shift behind rows that are left out.
    """

    dataset: str
    decisions: int
    people: int
    outcomes: Outcomes
    how: ApplyAs
    why: str
    out: Path
    written: bool
    opening: Opening
    renumbered: bool = False

    @property
    def agreement(self) -> Agreement | None:
        """How well people agree about the rows that more than one decided; None where there are none."""
        outcomes = (*self.outcomes.settled, *self.outcomes.conflicts, *self.outcomes.test)
        words = [word for each in {each.merged.row: each for each in outcomes}.values() for word in each.merged.words]
        return agreement_of_decisions(words, sorted({word.label for word in words if word.label is not None}))

    def to_json(self) -> JsonDict:
        """The same as data."""
        outcomes = self.outcomes
        return {
            "dataset": self.dataset,
            "decisions": self.decisions,
            "people": self.people,
            "rows": len(outcomes.settled),
            "rulings": dict(Counter(each.merged.ruling or CONFLICT for each in outcomes.settled)),
            "changed": [
                {"sample_id": each.sample_id, "old": each.given, "new": each.new} for each in outcomes.relabelled()
            ],
            "pairs": [{"old": old, "new": new, "rows": rows} for old, new, rows in outcomes.pairs()],
            "left_out": [each.sample_id for each in outcomes.left_out()],
            "conflicts": [
                {"sample_id": each.sample_id, "given": each.given, "said": said(each)} for each in outcomes.conflicts
            ],
            "test_rows_left": [each.sample_id for each in outcomes.test],
            "agreement": None if self.agreement is None else self.agreement.to_json(),
            "as": self.how,
            "why": self.why,
            "renumbered": self.renumbered,
            "out": str(self.out) if self.written else None,
            "next": ["labelaudit", "audit", *self.opening.words(self.out)] if self.written else None,
        }


def said(outcome: Outcome) -> dict[str, str]:
    """Who said what of a row."""
    return {each.annotator or "(no name)": each.label or each.ruling for each in outcome.merged.words}


@dataclass(frozen=True)
class UndoResult:
    """What was taken back.

    Attributes:
        changed: Sample id, label until now, and label again, of each row whose label changes.
        how: In which form the labels were written.
        when: When they were put right.
        out: The folder.
        written: Whether it was written, and not only tried.
        opening: How the labels are opened.
    """

    changed: Sequence[tuple[str, str | None, str | None]]
    how: ApplyAs
    when: str
    out: Path
    written: bool
    opening: Opening

    def to_json(self) -> JsonDict:
        """The same as data."""
        return {
            "undone": self.when,
            "changed": [{"sample_id": name, "old": old, "new": new} for name, old, new in self.changed],
            "as": self.how,
            "out": str(self.out) if self.written else None,
            "next": ["labelaudit", "audit", *self.opening.words(self.out)] if self.written else None,
        }
