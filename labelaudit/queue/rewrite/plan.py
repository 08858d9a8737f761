"""What has to be written for some rows to have other labels, found out without writing anything.

A label is spelled as the dataset spells it: like another row of its class in the same file, else in another file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labelaudit.errors import DecisionError
from labelaudit.queue.how import ApplyAs
from labelaudit.queue.rewrite.forms import rewriter_of
from labelaudit.queue.rewrite.names import free_name
from labelaudit.records import JsonDict
from labelaudit.source.words import counted, some
from labelaudit.source.written import LabelFile, LabelPlaces, WrittenLabels

LEFT_OUT = None
"""The new label of a row that is left out."""


@dataclass(frozen=True)
class EditedFile:
    """A file of labels and what changes in it.

    Attributes:
        file: The file.
        edits: Record -> its spelling until now and from now on.
        left_out: Records that the new file does not have.
    """

    file: LabelFile
    edits: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    left_out: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What has to be written.

    Attributes:
        how: In which form.
        places: Where the dataset's labels stand.
        files: All files of many labels, with what changes in them.
        own: Path of each changed file of one label -> its new content; None = it is left out.
        moves: Path of a picture -> its new path; None = it is left out.
        written: Of each changed row of the draft what a ledger has to know to take the change back.
    """

    how: ApplyAs
    places: LabelPlaces
    files: tuple[EditedFile, ...] = ()
    own: Mapping[str, bytes | None] = field(default_factory=dict)
    moves: Mapping[str, str | None] = field(default_factory=dict)
    written: Mapping[int, JsonDict] = field(default_factory=dict)


def default_form(written: WrittenLabels | None) -> ApplyAs:
    """The form that is taken where nobody chose one: the plainest that the dataset allows."""
    places = None if written is None else written.places
    if places is None:
        return ApplyAs.MANIFEST
    if places.renamed is not None and not places.files:
        return ApplyAs.PLAN
    return ApplyAs.LABELS if places.own is None and places.renamed is None else ApplyAs.LINKS


def plan_labels(
    written: WrittenLabels,
    changes: Mapping[int, str | None],
    *,
    how: ApplyAs,
    pictures: Sequence[str | None] | None,
    sample_id: Mapping[int, str],
) -> Plan:
    """Plans new labels.

    Args:
        written: The dataset's labels as they are written.
        changes: Row of the draft -> its new class, or ``LEFT_OUT``.
        how: In which form.
        pictures: Path of every row's picture below the dataset's folder, where pictures are files.
        sample_id: Of each changed row, for messages.

    Raises:
        DecisionError: A class has no spelling here, a row has no room for a label, or the form does not fit.
    """
    assert written.places is not None
    planner = _Planner(written, written.places, changes, pictures, sample_id)
    plan = planner.plan(how)
    stands_in_names = bool(plan.moves)
    if how is ApplyAs.PLAN and (plan.places.files or plan.places.own):
        raise DecisionError("--as plan is for labels in names of pictures and folders; here --as labels, links or copy")
    if how is ApplyAs.LABELS and (stands_in_names or not (plan.places.files or plan.places.own)):
        raise DecisionError("--as labels: labels stand in the names of pictures here; --as plan, links or copy")
    return plan


@dataclass
class _Planner:
    written: WrittenLabels
    places: LabelPlaces
    changes: Mapping[int, str | None]
    pictures: Sequence[str | None] | None
    sample_id: Mapping[int, str]

    def __post_init__(self) -> None:
        self._log: dict[int, JsonDict] = {row: {} for row in self.changes}
        self._spelled: dict[Path, dict[str, str]] = {}
        self._covered: set[int] = set()

    def plan(self, how: ApplyAs) -> Plan:
        files = tuple(self._file(file) for file in self.places.files)
        rest = {row: label for row, label in self.changes.items() if row not in self._covered}
        own = self._own(rest) if self.places.own is not None else {}
        moves = self._moves(rest) if self.places.renamed is not None else {}
        if rest and self.places.own is None and self.places.renamed is None:
            raise self._no_room(rest)
        return Plan(how, self.places, files, own, moves, self._log)

    def _file(self, file: LabelFile) -> EditedFile:
        here = {row: label for row, label in self.changes.items() if row in file.rows}
        self._covered |= here.keys()
        if not here:
            return EditedFile(file)
        spellings = self._spellings(file)
        edits: dict[int, tuple[str, str]] = {}
        for row, label in here.items():
            record = row - file.rows.start
            was = spellings[record]
            self._log[row] |= {"file": self.places.layout.relative(file.path), "record": record}
            if label is LEFT_OUT:
                continue
            if was is None:
                raise self._no_room([row])
            edits[record] = (was, self._spelling(label, file))
            self._log[row] |= {"was": was, "now": edits[record][1]}
        left_out = frozenset(row - file.rows.start for row, label in here.items() if label is LEFT_OUT)
        return EditedFile(file, edits, left_out)

    def _spellings(self, file: LabelFile) -> list[str | None]:
        """The spellings of a file, which must be the file that the labels were read from."""
        spellings = rewriter_of(file.form).spellings(file.path)
        labels = [self.written.label[row] for row in file.rows]
        means = dict(zip(spellings, labels, strict=False))
        same = len(spellings) == len(labels) and all(
            means[spelled] == label for spelled, label in zip(spellings, labels, strict=True)
        )
        if not same:
            raise DecisionError(
                f"{file.path.name} cannot be written back: its labels are not where they were read; "
                "audit it again, or use --as manifest"
            )
        counts = Counter(
            (self.written.names[label], spelled)
            for spelled, label in zip(spellings, labels, strict=True)
            if label is not None and spelled is not None
        )
        common: dict[str, str] = {}
        for (name, spelled), _ in counts.most_common():
            common.setdefault(name, spelled)
        self._spelled[file.path] = common
        return spellings

    def _spelling(self, label: str, file: LabelFile) -> str:
        others = [each for each in self.places.files if each is not file and type(each.form) is type(file.form)]
        for each in (file, *others):
            if each.path not in self._spelled:
                self._spellings(each)
            if label in self._spelled[each.path]:
                return self._spelled[each.path][label]
        raise self._no_code(label)

    def _own(self, rest: Mapping[int, str | None]) -> dict[str, bytes | None]:
        """Files of one label: a new label is written like that of another row of its class."""
        assert self.places.own is not None
        new: dict[str, bytes | None] = {}
        examples = {label: self._example(label) for label in {*rest.values()} if label is not None}
        for row, label in rest.items():
            path = self.places.own[row]
            now = None if label is LEFT_OUT else examples[label]
            was = self._content(path)
            new[path] = now
            self._log[row] |= {"own": path, "was": _as_text(was), "now": _as_text(now)}
        return new

    def _example(self, label: str) -> bytes:
        assert self.places.own is not None
        for row, written in enumerate(self.written.label):
            if written is not None and self.written.names[written] == label:
                content = self._content(self.places.own[row])
                if content is not None:
                    return content
        raise self._no_code(label)

    def _content(self, path: str) -> bytes | None:
        file = self.places.layout.root / path
        return file.read_bytes() if file.is_file() else None

    def _moves(self, rest: Mapping[int, str | None]) -> dict[str, str | None]:
        """Pictures whose names say the label; one whose row is left out of a list goes with it."""
        assert self.places.renamed is not None and self.pictures is not None
        codes = self._codes()
        taken = {path for path in self.pictures if path is not None}
        moves: dict[str, str | None] = {}
        for row in sorted(self.changes):
            path, label = self.pictures[row], self.changes[row]
            if path is None or (row not in rest and label is not LEFT_OUT):
                continue
            if label is LEFT_OUT:
                moves[path] = None
                self._log[row] |= {"picture": path, "moved": None}
                continue
            if label not in codes:
                raise self._no_code(label)
            moved = self.places.renamed(path, codes[label])
            if moved is None:
                raise self._no_room([row])
            moves[path] = moved if moved == path else free_name(moved, taken)
            taken.add(str(moves[path]))
            self._log[row] |= {"picture": path, "moved": moves[path]}
        return moves

    def _codes(self) -> dict[str, str]:
        """The usual way to write each class."""
        codes: dict[str, str] = {}
        for written, _ in Counter(each for each in self.written.label if each is not None).most_common():
            codes.setdefault(self.written.names[written], written)
        for code, name in self.written.names.items():
            codes.setdefault(name, code)
        return codes

    def _no_code(self, label: str) -> DecisionError:
        rows = [self.sample_id[row] for row, each in self.changes.items() if each == label]
        return DecisionError(
            f"the dataset has no way to write the class {label!r}, which {counted(len(rows), 'row')} should have "
            f"({some(rows)}): --as manifest writes class names"
        )

    def _no_room(self, rows: Iterable[int]) -> DecisionError:
        named = [self.sample_id[row] for row in rows]
        return DecisionError(
            f"{counted(len(named), 'row has', 'rows have')} no place for a label where the dataset is written "
            f"({some(named)}): --as manifest has one"
        )


def _as_text(content: bytes | None) -> str | None:
    """Bytes as JSON can hold them, one character a byte."""
    return None if content is None else content.decode("latin-1")
