"""A table and the user's choices -> the columns of a draft: ids, labels, paths, splits, votes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelaudit.errors import SourceError
from labelaudit.source.cells import is_list, label_texts, texts
from labelaudit.source.columns import Chooser, Columns, Role, may_hold
from labelaudit.source.draft import ClassCodes, Draft, Votes
from labelaudit.source.options import SourceOptions
from labelaudit.source.pictures import Pictures
from labelaudit.source.slices import offered, slice_candidates, table_slices
from labelaudit.source.vote_columns import find_votes, listed_votes
from labelaudit.source.votes import count_votes

_Cell = TypeVar("_Cell")


@dataclass(frozen=True)
class TableFacts:
    """What a table says of its N samples. Columns have length N.

    Attributes:
        columns: Which column holds what.
        id: The dataset's own ids, or None where it has none.
        label, path, split: As written, ``/`` between the parts of paths.
        votes: Annotators' votes, or None.
        codes: Class names that the table's own metadata gives to codes.
        rows: Row of the table that each sample was first named in, shape (N,); None = the table's rows.
        slices: What was asked for beside: name -> a value a sample.
    """

    columns: Columns
    id: list[str] | None
    label: list[str | None]
    path: list[str | None]
    split: list[str | None]
    votes: Votes | None
    codes: ClassCodes
    rows: NDArray[np.int64] | None = None
    slices: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    @property
    def own_labels(self) -> str | None:
        """The column that holds a label a sample, or None where votes, or annotators' rows, are all there is."""
        return self.columns.label if self.rows is None else None

    def of_samples(self, column: Sequence[_Cell]) -> list[_Cell]:
        """A column of the table's rows as a column of the samples."""
        return list(column) if self.rows is None else [column[row] for row in self.rows]

    def draft(
        self,
        pictures: Pictures,
        *,
        where: str,
        assumed: list[str],
        derived_ids: Sequence[str],
        path: Sequence[str | None] | None = None,
        split: Sequence[str | None] | None = None,
    ) -> Draft:
        """The draft of a table's samples.

        Args:
            pictures: Of the samples.
            where: What messages call the table.
            assumed: What was assumed so far.
            derived_ids: What the samples' ids are where the table has none.
            path: For the report; None = as the table has them.
            split: None = as the table has them.
        """
        return Draft(
            sample_id=derived_ids if self.id is None else self.id,
            label=self.label,
            path=self.path if path is None else path,
            split=self.split if split is None else split,
            pictures=pictures,
            where=where,
            ids_derived=self.id is None,
            codes=self.codes,
            votes=self.votes,
            assumed=assumed,
            slices=self.slices,
        )


def read_facts(
    table: pa.Table, options: SourceOptions, *, where: str, assumed: list[str], needs_path: bool = True
) -> TableFacts:
    """Reads a table's columns.

    Args:
        table: One row a sample, or one row a sample and annotator.
        options: What the user said about the columns.
        where: What messages call the table.
        assumed: Told about every guess.
        needs_path: Whether pictures are files that a column must name.

    Raises:
        SourceError: A column is missing or fits no role, several fit one, or an id is missing.
    """
    if needs_path and options.path_column is None:
        options = replace(options, path_column=options.image_column)  # pictures are what the paths name
    chooser = Chooser(table, options, where=where, assumed=assumed)
    image = None if needs_path else chooser.choose(Role.IMAGE)
    path = chooser.choose(Role.PATH) if needs_path or options.path_column else None
    if needs_path and path is None:
        raise chooser.missing(Role.PATH)
    own_id = chooser.choose(Role.ID)
    split = chooser.choose(Role.SPLIT)
    annotator = chooser.choose(Role.ANNOTATOR) if options.votes else None
    label, votes = _label_and_votes(table, options, chooser, [path, own_id, split, image, annotator], where)
    facts = TableFacts(
        columns=Columns(path, label, own_id, split, image, annotator),
        id=None if own_id is None or own_id == path else _ids(table.column(own_id), own_id, where),
        label=_blank(table) if label is None else label_texts(table.column(label)),
        path=_blank(table) if path is None else [text and slashed(text) for text in texts(table.column(path))],
        split=_blank(table) if split is None else texts(table.column(split)),
        votes=votes,
        codes=_class_codes(table.schema, label),
    )
    keys = facts.path if facts.id is None else facts.id
    if annotator is not None:
        facts = _one_row_a_sample(facts, texts(table.column(annotator)), options, where, assumed)
    taken = {name for name in table.column_names if may_hold(Role.LABEL, [name])}
    taken |= {name for name in (path, label, own_id, split, image) if name is not None}
    if (said := offered(slice_candidates(table, taken), options.slices)) is not None:
        assumed.append(said)
    return replace(facts, slices=table_slices(table, options.slices, rows=facts.rows, keys=keys, where=where))


def slashed(path: str) -> str:
    r"""A path as Windows or a shell writes it (``a\b.jpg``, ``./a/b.jpg``) with ``/`` between its parts."""
    path = path.replace("\\", "/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path


def _class_codes(schema: pa.Schema, column: str | None) -> ClassCodes:
    """The class names that Hugging Face writes into a table's metadata for a column of codes; none without them."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
        return ClassCodes({str(code): str(name) for code, name in enumerate(names)})
    except (KeyError, TypeError, ValueError):
        return ClassCodes()


def _label_and_votes(
    table: pa.Table, options: SourceOptions, chooser: Chooser, taken: Sequence[str | None], where: str
) -> tuple[str | None, Votes | None]:
    """The column of single labels, or None; the votes, or None."""
    used = {name for name in taken if name is not None}
    told = options.label_column
    label = chooser.choose(Role.LABEL) if told is not None else None
    votes, vote_columns = find_votes(table, used | ({label} if label else set()), where)
    if told is None:
        label = chooser.choose(Role.LABEL, taken={*used, *vote_columns}, needed=votes is None or not options.votes)
    if label is not None and is_list(table.schema.field(label).type):
        if not options.votes:
            raise SourceError(f"--no-votes: the column {label!r} of {where} holds only lists of votes")
        return None, listed_votes(table.column(label), label)
    if not options.votes:
        votes = None
    if label is None and votes is None:
        raise chooser.missing(Role.LABEL)
    return label, None if votes is None else replace(votes, decide=told is None)


def _ids(column: pa.ChunkedArray, name: str, where: str) -> list[str]:
    ids: list[str] = []
    for row, text in enumerate(texts(column), start=1):
        if text is None:
            raise SourceError(
                f"row {row:,} of {where} has no id in the column {name!r}: fill it, or choose --id-column"
            )
        ids.append(text)
    return ids


def _one_row_a_sample(
    facts: TableFacts, annotators: list[str | None], options: SourceOptions, where: str, assumed: list[str]
) -> TableFacts:
    """Gathers rows of one sample, one an annotator, into one; leaves a table alone that has no such rows."""
    keys = facts.id if facts.id is not None else facts.path
    if any(key is None for key in keys):
        raise SourceError(f"{where} has rows without a path: with --annotator-column every row must name its sample")
    encoded = pc.dictionary_encode(pa.array(keys, pa.large_string()))
    sample = np.asarray(encoded.indices, dtype=np.int64)  # (M,), samples in the order they are first named
    n = len(encoded.dictionary)
    if n == len(sample) and options.annotator_column is None:
        assumed.append("every sample has one annotator: labels are taken as they stand")
        return facts
    if facts.votes is not None:
        raise SourceError(f"{where} has votes in columns and a row an annotator: leave out --annotator-column")
    _, rows = np.unique(sample, return_index=True)
    votes = count_votes(
        sample,
        facts.label,
        n,
        f"the annotators in {facts.columns.annotator!r}, a row each",
        annotators=annotators,
    )
    gathered = replace(facts, votes=votes, rows=rows.astype(np.int64), label=[None] * n)
    return replace(
        gathered,
        id=None if facts.id is None else gathered.of_samples(facts.id),
        path=gathered.of_samples(facts.path),
        split=gathered.of_samples(facts.split),
    )


def _blank(table: pa.Table) -> list[str | None]:
    return [None] * table.num_rows
