"""How the rows of a batch get their verdicts from a finished audit's rule: some of them, or all at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import SourceError
from labelaudit.evidence.scorer import Scorer
from labelaudit.labels import NO_CLASS, LabelSpace
from labelaudit.records import Evidence, FloatArray, PixelFacts, SampleTable, VerdictTable
from labelaudit.source.interface import LabelSource
from labelaudit.source.words import some
from labelaudit.verdict.frozen import FrozenRule


@dataclass(frozen=True)
class Judging:
    """How rows of a batch get their verdicts.

    Attributes:
        frozen: The audit's rule.
        table: The samples under the audit's classes.
        unknown: The batch's classes that are none of these, with their rows.
    """

    frozen: FrozenRule
    table: SampleTable
    unknown: dict[str, int]

    @classmethod
    def of(cls, scorer: Scorer, source: LabelSource, name: str) -> Judging:
        """How a model judges a batch.

        Raises:
            SourceError: The batch has labels, and none of them is a class of the model.
        """
        frozen = FrozenRule.read(scorer.model.facts, classes=len(scorer.classes))
        return cls(frozen, *_under_classes(source.table, scorer.classes, name))

    def judge(self, rows: range, facts: PixelFacts, evidence: Evidence) -> tuple[Evidence, VerdictTable]:
        """The evidence that counts, and the verdicts, of some rows; ranks of the queue are among these."""
        table = self.table if len(rows) == len(self.table) else _rows_of(self.table, rows)
        evidence = _judgeable(evidence, (table.given == NO_CLASS) | self.frozen.knows(table.given))
        unknown = [row for row, label in enumerate(table.given_label) if label in self.unknown]
        return evidence, self.frozen.judge(table, facts, evidence, unknown=unknown)


def _rows_of(table: SampleTable, rows: range) -> SampleTable:
    """Consecutive rows of a table, without votes."""
    place = slice(rows.start, rows.stop)
    return SampleTable(
        table.sample_id[place], table.given_label[place], table.path[place], table.split[place], table.labels
    )


def _under_classes(table: SampleTable, classes: tuple[str, ...], name: str) -> tuple[SampleTable, dict[str, int]]:
    """The samples under a model's classes, and the batch's classes that are none of these, with their rows."""
    found = replace(table, labels=LabelSpace(classes), votes=None, votes_outside=None, ballots=None)
    outside = (label for label in table.given_label if label in table.labels and label not in found.labels)
    unknown = dict(Counter(str(label) for label in outside).most_common())
    if unknown and (found.given == NO_CLASS).all():
        raise SourceError(
            f"none of the labels of {name} ({some(list(unknown))}) is a class of the model ({some(classes)}); "
            "say which is which with --label-map"
        )
    return found, unknown


def _judgeable(evidence: Evidence, rows: NDArray[np.bool_]) -> Evidence:
    """Evidence of some rows alone, (N,): what a model says of a class of which it has seen next to nothing is none."""

    def kept(values: FloatArray | None) -> FloatArray:
        assert values is not None
        return np.where(rows[:, None], values, np.float32(np.nan))

    return replace(
        evidence,
        posterior=kept(evidence.posterior),
        peer1=kept(evidence.peer1),
        peer2=kept(evidence.peer2),
        ridge=kept(evidence.ridge),
    )
