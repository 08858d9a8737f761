"""Which rows of a report are found fault with, and which of those count: not accepted, not known before.

All masks are over the report's rows. A report is looked through a row group at a time, and of each row a few numbers
are held; names and paths are only looked up for the few rows that are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelaudit.gate.limits import Kind
from labelaudit.gate.place import Place
from labelaudit.labels import NO_CLASS
from labelaudit.records import FloatArray, IntArray, Verdict
from labelaudit.report.counts import codes_among, floats
from labelaudit.report.file import ReportFile

Mask = NDArray[np.bool_]

_LOOKED_THROUGH = ("given_label", "verdict", "p_mislabelled", "posterior", "label_score", "duplicate_group")
_TYPES = {"given": np.int32, "verdict": np.int8, "p": np.float32, "seen": np.int32, "score": np.float32}

_VERDICTS = {
    Kind.UNREADABLE: Verdict.UNREADABLE,
    Kind.MISLABELLED: Verdict.MISLABELLED,
    Kind.AMBIGUOUS: Verdict.AMBIGUOUS,
}
_JUDGED = (Verdict.CLEAN, Verdict.AMBIGUOUS, Verdict.MISLABELLED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that counts, for people and their tools.

    Attributes:
        kind: What is wrong with it; where several things are, the first of ``Kind``'s order.
        failing: Whether it belongs to a limit that failed.
        sample_id: Of the report.
        file: Path from the root of the repository, ``/`` between parts; None where the picture is embedded.
        given_label: Class name, or None.
        suggested_label: Another convincing class, or None.
        suggested_confidence: Its probability, or None.
        p_mislabelled: In [0, 1], or None.
        content_sha256: Of the picture, or None.
        detail: The report's ``reason_detail``.
    """

    kind: Kind
    failing: bool
    sample_id: str
    file: str | None
    given_label: str | None
    suggested_label: str | None
    suggested_confidence: float | None
    p_mislabelled: float | None
    content_sha256: str | None
    detail: str | None

    @property
    def name(self) -> str:
        """The file, or the sample where there is none."""
        return self.file if self.file is not None else self.sample_id


@dataclass(frozen=True)
class Rows:
    """A report's rows as a gate sees them, (N,) each.

    Attributes:
        report: Where the rows stand.
        given: Index of the given label among the report's classes, -1 where it is none of them.
        judged: Rows with evidence: clean, ambiguous or mislabelled.
        p: ``p_mislabelled``, NaN where there is none.
        seen: Index of the likeliest class, -1 where there is no posterior.
        score: ``label_score``, NaN where there is none.
        found: Kind -> rows, before anything was accepted.
    """

    report: ReportFile
    given: IntArray
    judged: Mask
    p: FloatArray
    seen: IntArray
    score: FloatArray
    found: Mapping[Kind, Mask]

    @classmethod
    def of(cls, report: ReportFile, classes: Sequence[str] | None = None) -> Rows:
        """Reads the columns of a report.

        Args:
            report: The report.
            classes: What indices count; None = the report's own classes.
        """
        classes = report.classes if classes is None else classes
        place = np.array([*(_index(classes, name) for name in report.classes), NO_CLASS], dtype=np.int32)
        columns: dict[str, list[NDArray[Any]]] = {name: [] for name in ("given", "verdict", "p", "seen", "score")}
        twins: list[pa.Table] = []
        start = 0
        for part in report.parts(_LOOKED_THROUGH):
            table = part.table
            columns["given"].append(codes_among(table["given_label"], classes))
            columns["verdict"].append(codes_among(table["verdict"], list(Verdict)).astype(np.int8))
            columns["p"].append(floats(table["p_mislabelled"]))
            columns["seen"].append(place[_likeliest(table["posterior"])])  # -1 picks the last, which is -1
            columns["score"].append(floats(table["label_score"]))
            rows = np.flatnonzero(table["duplicate_group"].is_valid().to_numpy())
            label = table["given_label"].take(pa.array(rows)).cast(pa.string())
            twins.append(pa.table({"row": rows + start, "group": table["duplicate_group"].drop_null(), "label": label}))
            start += len(part)
        joined = {name: np.concatenate([np.empty(0, _TYPES[name]), *parts]) for name, parts in columns.items()}
        verdict = joined.pop("verdict")
        found = {kind: verdict == list(Verdict).index(word) for kind, word in _VERDICTS.items()}
        found[Kind.CONFLICTS] = np.zeros(start, dtype=bool)
        if twins:
            found[Kind.CONFLICTS][_conflicting(pa.concat_tables(twins))] = True
        judged = np.isin(verdict, [list(Verdict).index(word) for word in _JUDGED])
        return cls(report=report, judged=judged, found=found, **joined)

    def __len__(self) -> int:
        return len(self.given)

    def of_class(self, label: str | None) -> Mask:
        """Rows that were given a label of the report's classes, (N,); None = all rows."""
        if label is None:
            return np.ones(len(self), dtype=bool)
        found: Mask = self.given == self.report.classes.index(label)
        return found

    def worst_first(self, kinds: Mapping[Kind, Mask], failing: Mask) -> tuple[IntArray, Sequence[Kind]]:
        """Puts found rows in the order in which they are looked at: failing first, then the surest.

        Args:
            kinds: Kind -> rows to list. A row of several kinds is listed once, under the first of ``Kind``'s order.
            failing: Rows of failed limits.

        Returns:
            Row numbers, and the kind of each.
        """
        order = [kind for kind in Kind if kind in kinds]
        first = np.full(len(self), len(order), dtype=np.int8)
        for place in range(len(order) - 1, -1, -1):
            first[kinds[order[place]]] = place
        rows = np.flatnonzero(first < len(order)).astype(np.int32)
        p = np.nan_to_num(self.p[rows], nan=0.0)
        # label_score tells rows of equal p apart; NaN stands last
        rows = rows[np.lexsort((self.score[rows], -p, first[rows], ~failing[rows]))]
        return rows, [order[place] for place in first[rows].tolist()]

    def findings(self, rows: IntArray, kinds: Sequence[Kind], failing: Mask, *, place: Place) -> tuple[Finding, ...]:
        """Looks up what people are told of some rows."""
        columns = ("sample_id", "path", "given_label", "suggested_label", "suggested_confidence", "p_mislabelled")
        some = self.report.take(rows, (*columns, "content_sha256", "reason_detail"))
        return tuple(
            Finding(
                kind=kind,
                failing=fails,
                sample_id=row["sample_id"],
                file=place.file(row["path"]),
                given_label=row["given_label"],
                suggested_label=row["suggested_label"],
                suggested_confidence=row["suggested_confidence"],
                p_mislabelled=row["p_mislabelled"],
                content_sha256=row["content_sha256"],
                detail=row["reason_detail"],
            )
            for row, kind, fails in zip(some.to_pylist(), kinds, failing[rows].tolist(), strict=True)
        )


def _conflicting(twins: pa.Table) -> NDArray[np.int64]:
    """Rows whose picture stands in the report under another label too.

    Args:
        twins: Of every row with a ``duplicate_group``: ``row``, ``group`` and ``label``.
    """
    labelled = twins.drop_null()
    counted = labelled.group_by("group").aggregate([("label", "count_distinct")])
    differing = counted["group"].filter(pc.greater(counted["label_count_distinct"], 1))
    among = pc.is_in(labelled["group"], value_set=differing.combine_chunks())
    found: NDArray[np.int64] = labelled["row"].filter(among).to_numpy()
    return found


def _index(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else NO_CLASS


def _likeliest(posterior: pa.ChunkedArray) -> IntArray:
    """Index of the greatest probability of each row, (N,); -1 where it is null."""
    found = np.full(len(posterior), NO_CLASS, dtype=np.int32)
    start = 0
    for chunk in posterior.chunks:
        rows = np.flatnonzero(chunk.is_valid().to_numpy(zero_copy_only=False))
        values = chunk.flatten().to_numpy().reshape(-1, chunk.type.list_size)  # (n, K); nulls are passed over
        found[rows + start] = values.argmax(axis=1)
        start += len(chunk)
    return found
