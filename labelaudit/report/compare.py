"""What changed between two audits of a dataset: labels put right, labels newly doubted, labels still doubted.

A row is *flagged* where its verdict is ``mislabelled``. Everything is counted on whole columns, see ``changes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelaudit.errors import ReportError
from labelaudit.records import IntArray, JsonDict, Verdict
from labelaudit.report.changes import COLUMNS, VERDICTS, Outcome, Pairs, change_table, pair_rows
from labelaudit.report.counts import codes_among, floats
from labelaudit.report.metadata import Estimate, ReportMetadata, plain
from labelaudit.report.table import Report, read_report
from labelaudit.rundir import RunDir

_FLAGGED = VERDICTS.index(Verdict.MISLABELLED)
_LABEL_CHANGES = 10


@dataclass(frozen=True)
class Side:
    """One of the two audits.

    Attributes:
        dataset: Its name.
        rows: Samples.
        flagged: Rows with the verdict ``mislabelled``.
        noise_rate: Share of all labels that are wrong, or None where it was not estimated.
    """

    dataset: str
    rows: int
    flagged: int
    noise_rate: Estimate | None


@dataclass(frozen=True)
class Outcomes:
    """What became of flagged rows.

    Attributes:
        fixed: Flagged before and no longer: ``fixed_relabelled`` + ``fixed_cleared`` + ``fixed_removed``.
        fixed_relabelled: Those that have another label now.
        fixed_cleared: Those that kept their label and are no longer flagged.
        fixed_removed: Those that are no longer in the dataset.
        still_there: Flagged before and now.
        still_relabelled: Those of them that have another label now.
        new: Flagged now and not before.
        new_relabelled: Those of them that have another label now.
        new_samples: Those of them that came to the dataset since.
    """

    fixed: int
    fixed_relabelled: int
    fixed_cleared: int
    fixed_removed: int
    still_there: int
    still_relabelled: int
    new: int
    new_relabelled: int
    new_samples: int


@dataclass(frozen=True)
class LabelChange:
    """How many samples went from one label to another; None = no label."""

    before: str | None
    after: str | None
    rows: int


@dataclass(frozen=True)
class ClassChange:
    """One class in both audits, by the label that was given then and is given now.

    Attributes:
        label: Class name.
        given_before, given_after: Rows with this label.
        flagged_before, flagged_after: Those with the verdict ``mislabelled``.
        noise_before, noise_after: Mean p_mislabelled of its judged rows, the audit's estimate of its noise rate; None
            where none was judged. Audits compute no interval for a single class.
    """

    label: str
    given_before: int
    given_after: int
    flagged_before: int
    flagged_after: int
    noise_before: float | None
    noise_after: float | None


@dataclass(frozen=True)
class SettingChange:
    """A setting, or a circumstance of the run, that is not the same in both; values as text, "" = not there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """Two audits side by side.

    Attributes:
        before, after: The two audits.
        matched: Samples of both.
        moved: Those of them that have another ``sample_id`` now and were matched by their picture.
        came, left: Samples of the second, and of the first audit only.
        label_changed, verdict_changed, picture_changed: Matched samples with another label, verdict, picture.
        outcomes: What became of flagged rows.
        transitions: Verdict before -> verdict now -> matched samples.
        relabelled: The most frequent changes of a label.
        per_class: Every class of either audit.
        settings: What differs in how the audits were run; empty = nothing.
        changes: A row a sample that changed, see ``change_table``.
    """

    before: Side
    after: Side
    matched: int
    moved: int
    came: int
    left: int
    label_changed: int
    verdict_changed: int
    picture_changed: int
    outcomes: Outcomes
    transitions: Mapping[str, Mapping[str, int]]
    relabelled: Sequence[LabelChange]
    per_class: Sequence[ClassChange]
    settings: Sequence[SettingChange]
    changes: pa.Table = field(repr=False, compare=False)

    @property
    def noise_rates_overlap(self) -> bool | None:
        """Whether the intervals of both noise rates overlap; None where one has none."""
        first, second = self.before.noise_rate, self.after.noise_rate
        ends = [end for each in (first, second) if each is not None for end in (each.low, each.high) if end is not None]
        return None if len(ends) < 4 else ends[0] <= ends[3] and ends[2] <= ends[1]

    def to_json(self) -> JsonDict:
        """Plain values, without the table of changes."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "changes"}
        parts = {name: asdict(values[name]) for name in ("before", "after", "outcomes")}
        lists = {name: [asdict(each) for each in values[name]] for name in ("relabelled", "per_class", "settings")}
        found: JsonDict = plain(
            {**values, **parts, **lists, "noise_rates_overlap": self.noise_rates_overlap},
        )
        return {**found, "changed_rows": self.changes.num_rows}


def compare_runs(before: RunDir | Path | str, after: RunDir | Path | str) -> Comparison:
    """Compares two finished audits.

    Args:
        before: A run, its folder, or the path of a ``report.parquet``.
        after: The later one.

    Raises:
        ReportError: A report cannot be read, or they have no sample in common.
    """
    return compare_reports(read_report(before, columns=COLUMNS), read_report(after, columns=COLUMNS))


def compare_reports(before: Report, after: Report) -> Comparison:
    """Compares two reports that hold at least ``changes.COLUMNS``.

    Raises:
        ReportError: They have no sample in common.
    """
    pairs = pair_rows(before, after)
    both = pairs.in_both
    if not both.any():
        names = " and ".join(dict.fromkeys((before.metadata.dataset, after.metadata.dataset)))
        raise ReportError(f"the two audits ({names}) have no sample in common; name two audits of one dataset")
    size = len(VERDICTS)
    steps = np.bincount(pairs.verdict_then[both] * size + pairs.verdict_now[both], minlength=size * size)
    return Comparison(
        before=_side(before, pairs.verdict_then),
        after=_side(after, pairs.verdict_now),
        matched=int(both.sum()),
        moved=int(pairs.moved.sum()),
        came=int((pairs.then < 0).sum()),
        left=int((pairs.now < 0).sum()),
        label_changed=int(pairs.label_changed.sum()),
        verdict_changed=int(pairs.verdict_changed.sum()),
        picture_changed=int(pairs.picture_changed.sum()),
        outcomes=_outcomes(pairs),
        transitions={
            verdict: dict(zip(VERDICTS, row, strict=True))
            for verdict, row in zip(VERDICTS, steps.reshape(size, size).tolist(), strict=True)
        },
        relabelled=_label_changes(pairs),
        per_class=_per_class(before, after),
        settings=tuple(_differing(_circumstances(before.metadata), _circumstances(after.metadata))),
        changes=change_table(before, after, pairs),
    )


def _side(report: Report, verdict: IntArray) -> Side:
    meta = report.metadata
    return Side(meta.dataset, len(report), int((verdict == _FLAGGED).sum()), meta.noise_rate)


def _outcomes(pairs: Pairs) -> Outcomes:
    fixed, still, new = (pairs.rows_with(each) for each in (Outcome.FIXED, Outcome.STILL_THERE, Outcome.NEW))
    relabelled, gone, came = pairs.label_changed, pairs.now < 0, pairs.then < 0
    return Outcomes(
        fixed=int(fixed.sum()),
        fixed_relabelled=int((fixed & relabelled).sum()),
        fixed_cleared=int((fixed & ~relabelled & ~gone).sum()),
        fixed_removed=int((fixed & gone).sum()),
        still_there=int(still.sum()),
        still_relabelled=int((still & relabelled).sum()),
        new=int(new.sum()),
        new_relabelled=int((new & relabelled).sum()),
        new_samples=int((new & came).sum()),
    )


def _label_changes(pairs: Pairs) -> tuple[LabelChange, ...]:
    """The most frequent ones, ties in the order of the labels."""
    changed, size = pairs.label_changed, len(pairs.labels) + 1  # -1, no label, becomes 0
    steps, rows = np.unique(
        (pairs.label_then[changed].astype(np.int64) + 1) * size + pairs.label_now[changed] + 1, return_counts=True
    )
    names = (None, *pairs.labels)
    return tuple(
        LabelChange(names[steps[each] // size], names[steps[each] % size], int(rows[each]))
        for each in np.argsort(-rows, kind="stable")[:_LABEL_CHANGES].tolist()
    )


def _per_class(before: Report, after: Report) -> tuple[ClassChange, ...]:
    classes = tuple(dict.fromkeys((*before.classes, *after.classes)))
    (given_1, flagged_1, noise_1), (given_2, flagged_2, noise_2) = (_counted(each, classes) for each in (before, after))
    columns = (given_1, given_2, flagged_1, flagged_2, noise_1, noise_2)
    return tuple(ClassChange(*values) for values in zip(classes, *columns, strict=True))


def _counted(report: Report, classes: Sequence[str]) -> tuple[list[int], list[int], list[float | None]]:
    """Rows, flagged rows and mean p_mislabelled of each class."""
    size = len(classes)
    label, p = codes_among(report.table["given_label"], classes), floats(report.table["p_mislabelled"])
    flagged = codes_among(report.table["verdict"], VERDICTS) == _FLAGGED
    known = label >= 0
    judged = known & ~np.isnan(p)
    rows = np.bincount(label[judged], minlength=size)
    total = np.bincount(label[judged], weights=p[judged], minlength=size)
    return (
        np.bincount(label[known], minlength=size).tolist(),
        np.bincount(label[known & flagged], minlength=size).tolist(),
        [round(float(total[k] / rows[k]), 4) if rows[k] else None for k in range(size)],
    )


def _circumstances(metadata: ReportMetadata) -> JsonDict:
    """Everything about a run that may make its verdicts differ from another one's on the same labels."""
    told = {"classes": ", ".join(metadata.classes), "seed": metadata.seed, "weights": metadata.weights}
    versions = {"device": metadata.device, "torch": metadata.torch_version, "labelaudit": metadata.tool_version}
    return {**metadata.settings, **told, **versions}


def _differing(before: Any, after: Any, name: str = "") -> Iterator[SettingChange]:
    """Dotted names of the values that differ between two nested JSON values."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            yield from _differing(before.get(key, ""), after.get(key, ""), f"{name}.{key}" if name else key)
    elif before != after:
        yield SettingChange(name, *("not set" if each is None else str(each) for each in (before, after)))
