"""Decisions -> what a new audit takes as the truth.

Everybody's last word counts, and a word is taken where more than half of those who spoke said it (``merge``). A picture
whose id changed, because its label did and the label is its folder, is known again by its content. What was decided of
a picture holds for its copies, too, where nobody said anything else of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from labelaudit.decided import Decided
from labelaudit.decision import Decision, Ruling
from labelaudit.labels import NO_CLASS
from labelaudit.queue.decision_lines import latest
from labelaudit.queue.decisions import find_rows
from labelaudit.queue.merge import merge_words
from labelaudit.records import PixelFacts, SampleTable


@dataclass(frozen=True)
class Settled:
    """Decisions as an audit takes them.

    Attributes:
        decided: A ruling a row of the dataset.
        notes: What was taken and what was not, one sentence each.
    """

    decided: Decided
    notes: tuple[str, ...]


def settle(decisions: Sequence[Decision], table: SampleTable, facts: PixelFacts) -> Settled:
    """Finds the rows that decisions speak of, and one ruling for each.

    Args:
        decisions: In the order in which they were made.
        table: The dataset, N rows.
        facts: What decoding found, with the pictures' hashes.

    Raises:
        DecisionError: Decisions were made for another dataset, for pictures that have changed, or name no class.
    """
    if not decisions:
        return Settled(Decided.nothing(len(table)), ())
    words = _known_again(latest(decisions), table, facts)
    rows = find_rows(
        words,
        sample_id=pa.array(table.sample_id, pa.string()),
        content_sha256=pa.array(facts.content_sha256, pa.string()),
        classes=table.labels.names,
    )
    merged = merge_words(words, rows)
    decided = Decided.nothing(len(table))
    ruling, index = list(decided.ruling), {name: place for place, name in enumerate(table.labels.names)}
    for each in merged:
        ruling[each.row] = each.ruling
        if each.label is not None:
            decided.label[each.row] = index[each.label]
        before = next((word.given_label for word in each.words if word.given_label is not None), None)
        decided.before[each.row] = index.get(before, NO_CLASS) if before is not None else NO_CLASS
    copied = _settle_copies(ruling, decided, facts, spoken={each.row for each in merged})
    found = replace(decided, ruling=ruling)
    notes = [f"{len(found) - copied:,} rows were decided by people and are trusted"]
    if copied:
        notes.append(f"so are {copied:,} more that show the same pictures")
    split = sum(each.ruling is None for each in merged)
    if split:
        notes.append(f"{split:,} more are left as they were: people disagree about them")
    return Settled(found, tuple(notes))


def _settle_copies(ruling: list[Ruling | None], decided: Decided, facts: PixelFacts, *, spoken: set[int]) -> int:
    """Gives, in place, the copies of decided pictures that nobody spoke of the same ruling, if it is one; how many."""
    said: dict[int, set[tuple[Ruling, int]]] = {}
    for row, word in enumerate(ruling):
        group = int(facts.duplicate_group[row])
        if word is not None and group >= 0:
            said.setdefault(group, set()).add((word, int(decided.label[row])))
    agreed = [group for group, words in said.items() if len(words) == 1]
    copies = [row for row in np.flatnonzero(np.isin(facts.duplicate_group, agreed)).tolist() if row not in spoken]
    for row in copies:
        ((ruling[row], decided.label[row]),) = said[int(facts.duplicate_group[row])]
    return len(copies)


def _known_again(words: Sequence[Decision], table: SampleTable, facts: PixelFacts) -> list[Decision]:
    """The decisions under the ids that their pictures have now."""
    ids = set(table.sample_id)
    if all(each.sample_id in ids for each in words):
        return list(words)
    by_content = {digest: name for digest, name in zip(facts.content_sha256, table.sample_id, strict=True) if digest}
    return [
        each
        if each.sample_id in ids or each.content_sha256 not in by_content
        else replace(each, sample_id=by_content[each.content_sha256])
        for each in words
    ]
