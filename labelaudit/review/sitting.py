"""What a page is told of decisions: who has decided what on this desk, and how many given labels were wrong."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import SettingsError
from labelaudit.records import JsonDict
from labelaudit.review.desk import Desk, Face
from labelaudit.review.ledger import Ledger, Outcome, Standing, Wanted
from labelaudit.review.precision import Tally

_LONGEST_NAME = 64
_UNDECIDED = (Ruling.SKIP, Ruling.WITHDRAWN)


class Sitting:
    """The desk and everybody's decisions on it, from the start of the server to its end.

    Decisions on another picture of the same name (the dataset was changed and audited again) do not count here.

    Args:
        desk: The faces.
        ledger: The decisions.
    """

    def __init__(self, desk: Desk, ledger: Ledger) -> None:
        self._desk = desk
        self._ledger = ledger
        self._by_id = {face.item.sample_id: face for face in desk.faces.values()}
        self._ever: dict[str, Tally] = defaultdict(Tally)
        self._now: dict[str, Tally] = defaultdict(Tally)
        for name in ledger.annotators():
            for face, standing in self._standings(name):
                if (decision := _on(face, standing)) is not None:
                    self._ever[name].note(decision, face.item.given_label)

    def note(self, wanted: Wanted, outcome: Outcome) -> None:
        """Counts a decision that was kept."""
        decision = outcome.standing.decision
        if outcome.kept and decision is not None:
            given = self._by_id[wanted.sample_id].item.given_label
            self._ever[wanted.annotator].note(decision, given)
            self._now[wanted.annotator].note(decision, given)

    def annotators(self) -> list[JsonDict]:
        """Everybody who has decided faces of this desk, and how many."""
        found = [{"name": name, "decided": self._decided(name)} for name in self._ledger.annotators()]
        return [each for each in found if each["decided"]]

    def progress(self, annotator: str) -> JsonDict:
        """A person's decisions in the order in which they were made, and their count.

        Returns:
            ``decisions`` are lists of row, version, ruling and label.
        """
        revision = self._ledger.revision(annotator)  # first: what is decided meanwhile is then fetched once more
        decisions = []
        for face, standing in self._standings(annotator):
            decision = _on(face, standing)
            ruling, label = (Ruling.WITHDRAWN, None) if decision is None else (decision.ruling, decision.label)
            decisions.append([face.row, standing.version, ruling, label])
        return {"revision": revision, "decisions": decisions, "counts": self.counts(annotator)}

    def counts(self, annotator: str) -> JsonDict | None:
        """How many given labels were found wrong, in this sitting and ever.

        None on a blind desk until everything is decided: a count that moves tells what the given label was.
        """
        if self._desk.blind and self._decided(annotator) < len(self._desk):
            return None
        return {"sitting": self._now[annotator].to_json(), "ever": self._ever[annotator].to_json()}

    def others(self, annotator: str, face: Face) -> list[JsonDict]:
        """What other people said of a face; on a blind desk nothing until this person has decided it."""
        own = _on(face, self._ledger.standing(annotator, face.item.sample_id))
        if self._desk.blind and (own is None or own.ruling in _UNDECIDED):
            return []
        said = [
            (name, _on(face, self._ledger.standing(name, face.item.sample_id)))
            for name in self._ledger.annotators()
            if name != annotator
        ]
        return [
            {"name": name, "ruling": decision.ruling, "label": decision.label}
            for name, decision in said
            if decision is not None and decision.ruling is not Ruling.WITHDRAWN
        ]

    def _standings(self, annotator: str) -> Iterator[tuple[Face, Standing]]:
        for sample_id, standing in self._ledger.all_of(annotator).items():
            if sample_id in self._by_id:
                yield self._by_id[sample_id], standing

    def _decided(self, annotator: str) -> int:
        decisions = (_on(face, standing) for face, standing in self._standings(annotator))
        return sum(each is not None and each.ruling not in _UNDECIDED for each in decisions)


def annotator_name(told: str) -> str:
    """A name as it is kept: without spaces around it, its letters in one form.

    Raises:
        SettingsError: It is empty, too long, or holds what cannot be printed.
    """
    name = unicodedata.normalize("NFC", told.strip()) if told.isprintable() else ""
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise SettingsError(f"an annotator's name has 1 to {_LONGEST_NAME} printable characters")
    return name


def _on(face: Face, standing: Standing) -> Decision | None:
    """A decision, where it was made on the picture that is on the desk."""
    decision = standing.decision
    return decision if decision is not None and decision.content_sha256 == face.item.content_sha256 else None
