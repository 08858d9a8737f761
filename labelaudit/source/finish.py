"""A format's draft and the user's choices -> an opened source: class names, votes, splits, and what must be refused."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.ballots import Ballots
from labelaudit.errors import SourceError
from labelaudit.labels import LabelSpace
from labelaudit.records import FloatArray, SampleTable
from labelaudit.source.draft import Draft, Votes
from labelaudit.source.ids import unique_ids, writable
from labelaudit.source.interface import Picture
from labelaudit.source.options import SourceOptions
from labelaudit.source.pictures import Pictures
from labelaudit.source.slices import finished_slices
from labelaudit.source.votes import NO_VOTE, of_rows, on_classes, plurality, renamed
from labelaudit.source.words import counted, did_you_mean, means_no_class, same_label, some, split_name, twin_spellings
from labelaudit.source.written import WrittenLabels


@dataclass(eq=False)
class OpenedSource:
    """A dataset that was recognised and read; a ``LabelSource``.

    Attributes:
        format, why, assumed, table: As ``LabelSource`` has them.
        pictures: Of all the rows that the dataset has.
        rows: Which of them are the table's rows, shape (N,); None = all of them.
        written: The labels of all the rows that the dataset has, as they are written; None = nobody said.
    """

    format: str
    why: str
    assumed: Sequence[str]
    table: SampleTable
    pictures: Pictures
    rows: NDArray[np.int64] | None = None
    written: WrittenLabels | None = None

    def read(self, row: int) -> Picture:
        """Reads the picture of one row.

        Raises:
            PixelError: The picture is missing or cannot be read.
        """
        return self.pictures.read(row if self.rows is None else int(self.rows[row]))

    def signature(self) -> str:
        """A cheap hex digest that changes when the pictures, or which of them are rows, may have changed."""
        chosen = b"" if self.rows is None else self.rows.tobytes()
        return hashlib.sha256(self.pictures.signature().encode() + chosen).hexdigest()


def finish(draft: Draft, options: SourceOptions, *, format_name: str, why: str) -> OpenedSource:
    """Applies what all formats have in common to a draft.

    Raises:
        SourceError: There are no rows, no labels or only one class; ids are not unique; a choice fits nothing here.
    """
    if len(draft.sample_id) == 0:
        raise SourceError(f"{draft.where} holds no rows: nothing to audit")
    assumed = list(draft.assumed)
    sample_id = unique_ids(writable(draft.sample_id), derived=draft.ids_derived, where=draft.where, assumed=assumed)
    splits = {name: None if name is None else split_name(name) for name in set(draft.split)}
    split = [splits[name] for name in draft.split]
    naming = _Naming(draft, options)
    written = naming.named(draft.label)
    votes = None if draft.votes is None or not options.votes else renamed(draft.votes, naming.name_of)
    labels = written if votes is None or not votes.decide else _decided(votes, written, naming, assumed)
    rows = _chosen_rows(split, options.splits, draft.where)
    slices: Mapping[str, Sequence[str | None]] = draft.slices
    if rows is not None:
        sample_id, split, labels = ([column[row] for row in rows] for column in (sample_id, split, labels))
        slices = {name: [values[row] for row in rows.tolist()] for name, values in slices.items()}
    space = naming.space(labels, votes)
    if not options.classes:
        _check_classes(space, labels, draft.where)
    assumed += naming.said(labels, space, voted=votes is not None and votes.decide)
    slices = finished_slices(
        slices, options.slices, split, where=draft.where, assumed=assumed, may_be_one=bool(options.classes)
    )
    path = writable(draft.path if rows is None else [draft.path[row] for row in rows])
    counts, outside, ballots = _table_votes(votes, rows, space, assumed)
    table = SampleTable(sample_id, labels, path, split, space, counts, outside, ballots, slices)
    return OpenedSource(format_name, why, tuple(assumed), table, draft.pictures, rows, _written(draft, naming, votes))


class _Naming:
    """From labels as they are written to class names, and which names are classes."""

    def __init__(self, draft: Draft, options: SourceOptions) -> None:
        self._codes = draft.codes
        self._map = {str(key).strip(): str(name).strip() for key, name in options.label_map.items()}
        self._where = draft.where
        self._written = Counter(draft.label)
        written = [name for name in self._written if name is not None]
        seen = {*written, *(draft.votes.names if draft.votes is not None else ())}
        known = seen | {self._codes.names[name] for name in seen if name in self._codes.names}
        if self._map and not known & self._map.keys():
            first = next(iter(self._map))
            raise SourceError(
                f"--label-map names no label of {draft.where}: it has {some(sorted(seen))}{did_you_mean(first, seen)}"
            )
        self._unused = sorted(self._map.keys() - known)

    def name_of(self, written: str) -> str:
        """The user's name for a label, else the dataset's, else the label itself."""
        named = self._codes.names.get(written, written)
        return self._map.get(written) or self._map.get(named) or named

    def named(self, labels: Sequence[str | None]) -> list[str | None]:
        names = {label: None if label is None else self.name_of(label) for label in self._written}
        return [names[label] for label in labels]

    def is_class(self, name: str, *, voted: bool = False) -> bool:
        """Whether a name is audited: not one that the dataset keeps for "no face", nor a code it does not have."""
        if name in self._map.values():
            return True
        if name in self._codes.no_class or (voted and means_no_class(name)):
            return False
        return voted or not self._codes.closed or name in self._codes.names.values()

    def space(self, labels: Sequence[str | None], votes: Votes | None) -> LabelSpace:
        """The classes that rows have, in the dataset's order where it has one, else in natural order."""
        decide = votes is not None and votes.decide
        voted = set(votes.names) if votes is not None and decide else set()
        present = {label for label in set(labels) if label is not None and self.is_class(label, voted=label in voted)}
        codes = self._codes.names
        listed = votes.names if votes is not None and decide else [self.name_of(code) for code in codes]
        ordered = [name for name in dict.fromkeys(listed) if name in present]
        return LabelSpace((*ordered, *LabelSpace.from_labels(present - set(ordered)).names))

    def said(self, labels: Sequence[str | None], space: LabelSpace, *, voted: bool) -> list[str]:
        """What the labels made necessary to say; ``voted`` = they are names that were voted for, and no codes."""
        said: list[str] = []
        counts = Counter(labels)
        missing = counts.pop(None, 0)
        if missing:
            said.append(f"{counted(missing, 'row has', 'rows have')} no label: kept, not audited")
        outside = sorted(str(name) for name in counts if name not in space)
        if outside:
            rows = sum(counts[name] for name in outside)
            said.append(
                f"{counted(rows, 'row carries', 'rows carry')} a label that is no class here ({some(outside)}): "
                "kept, not audited; --label-map makes it one"
            )
        coded = dict.fromkeys(map(self.name_of, self._codes.names))
        empty = [name for name in coded if name not in counts and self.is_class(name)]
        if empty and not voted:
            said.append(f"no row is labelled {some(empty)}")
        said.extend(
            f"{one!r} and {other!r} look like two spellings of one class; --label-map {other}={one} joins them"
            for one, other in twin_spellings(space.names)
        )
        if self._unused:
            said.append(f"--label-map names labels that no row has: {some(self._unused)}")
        if space.names and all(name.isdecimal() for name in space.names):
            said.append(f"classes are numbers ({some(space.names)}); --label-map {space.names[0]}=NAME,... names them")
        return said


def _decided(votes: Votes, written: Sequence[str | None], naming: _Naming, assumed: list[str]) -> list[str | None]:
    """The votes' plurality a row, and in ``assumed`` how it came about."""
    is_class = np.array([naming.is_class(name, voted=True) for name in votes.names], dtype=bool)
    if not is_class.any():
        raise SourceError(f"{votes.origin} name no class: --no-votes takes --label-column as it stands")
    winner, tied = plurality(votes.counts, is_class)
    voted = [None if index == NO_VOTE else votes.names[index] for index in winner.tolist()]
    # A row that nobody voted on keeps its own label, if it is one of those that others voted for, or no class at all.
    kept = {own for own in set(written) if own is not None and (own in votes.names or not naming.is_class(own))}
    labels = [own if vote is None and own in kept else vote for own, vote in zip(written, voted, strict=True)]
    assumed.append(f"the given label is the plurality of {votes.origin}")
    unvoted = sum(vote is None and label is not None for vote, label in zip(voted, labels, strict=True))
    if unvoted:
        assumed.append(f"{counted(unvoted, 'row has', 'rows have')} no votes: the dataset's own label is taken")
    if tied.any():
        assumed.append(
            f"{counted(int(tied.sum()), 'tie')} between classes went to the class listed first ({some(votes.names)})"
        )
    both = zip(written, voted, strict=True)
    compared = [(own, vote) for own, vote in both if own is not None and vote is not None]
    if compared:
        differ = sum(not same_label(own, vote) for own, vote in compared)
        assumed.append(
            f"the dataset's own label differs from the plurality in {differ:,} of {counted(len(compared), 'row')}; "
            "--no-votes or --label-column takes it instead"
        )
    return labels


def _written(draft: Draft, naming: _Naming, votes: Votes | None) -> WrittenLabels:
    """The labels as they are written. Those that votes decided stand nowhere: votes are what people said."""
    if votes is not None and votes.decide:
        return WrittenLabels(None, draft.label, why_not=f"the given labels are the plurality of {votes.origin}")
    if draft.places is None:
        return WrittenLabels(None, draft.label, why_not=f"labels of {draft.where} cannot be written where they stand")
    codes = {*draft.codes.names, *(label for label in draft.label if label is not None)}
    names = {code: naming.name_of(code) for code in codes}
    return WrittenLabels(draft.places, draft.label, names, numbered=draft.ids_numbered)


def _chosen_rows(split: Sequence[str | None], wanted: Sequence[str], where: str) -> NDArray[np.int64] | None:
    if not wanted:
        return None
    present = dict.fromkeys(name for name in split if name is not None)
    if not present:
        raise SourceError(f"--split {wanted[0]}: {where} has no splits; leave --split out or name a --split-column")
    names = {split_name(name) for name in wanted}
    for name in sorted(names - present.keys()):
        raise SourceError(f"--split {name}: {where} has only {some(list(present))}{did_you_mean(name, present)}")
    return np.array([row for row, name in enumerate(split) if name in names], dtype=np.int64)


def _check_classes(space: LabelSpace, labels: Sequence[str | None], where: str) -> None:
    if len(space) > 1:
        return
    if all(label is None for label in labels):
        raise SourceError(f"no row of {where} has a label: choose the column with --label-column, or the --format")
    if len(space) == 0:
        seen = sorted({label for label in labels if label is not None})
        raise SourceError(f"{where} holds no label that is a class (only {some(seen)}): name them with --label-map")
    raise SourceError(
        f"{where} holds one class only, {space.names[0]!r}: an audit needs two or more; "
        "give the folder or table that holds all of them, or choose another --label-column"
    )


def _table_votes(
    votes: Votes | None, rows: NDArray[np.int64] | None, space: LabelSpace, assumed: list[str]
) -> tuple[FloatArray | None, FloatArray | None, Ballots | None]:
    """Votes of the chosen rows on the classes, and on none of them; and who cast them."""
    if votes is None:
        return None, None, None
    chosen = votes if rows is None else of_rows(votes, rows)
    counts, outside, left_out = on_classes(chosen, space)
    voted_out = [name for name in left_out if not means_no_class(name)]
    if not counts.any():
        assumed.append(f"the votes ({some(votes.names)}) name none of the classes ({some(space.names)}): left out")
        return None, None, None
    if voted_out:
        assumed.append(f"votes for {some(voted_out)} count as votes for no class: no row has it as its label")
    ballots = None if chosen.ballots is None else chosen.ballots.recoded([space.index(name) for name in votes.names])
    return counts, outside, ballots
