"""Which rows the page shows one by one, and what it says of each: a few hundred at most, however long the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from labelaudit.records import JsonDict, Reason, Verdict
from labelaudit.report.counts import best_other, codes_among, distinct_names, floats
from labelaudit.report.table import Report

FIRST = 12
"""Faces in "what to look at first", and at most in any other part of the page."""
TOTAL = 200
"""Faces in the whole page."""
_TWINS = 4
"""Rows shown of one picture that stands in the dataset more than once."""
_UNJUDGED = 20
"""Rows listed that were not judged."""

_SHOWN = (
    "sample_id",
    "path",
    "given_label",
    "verdict",
    "reason",
    "reason_detail",
    "suggested_label",
    "p_mislabelled",
    "confidence",
    "clean_threshold",
    "noisy_threshold",
    "posterior",
    "queue_rank",
    "duplicate_group",
    "content_sha256",
)
REASON_COLUMNS = ("given_label", "reason", "reason_detail", "confidence", "clean_threshold", "noisy_threshold")
"""Columns of a report that the words for a reason need."""
COLUMNS = (*_SHOWN, "label_score", "outlier_score")
"""Columns of a report that choosing needs."""


@dataclass(frozen=True)
class Card:
    """One row as the page shows it.

    Attributes:
        sample_id: Its id.
        name: Its file's name, or its id.
        given: The given label, or None.
        other: The suggested label; for ambiguous rows the likeliest other class; None where there is none.
        p: p_mislabelled, or None.
        given_share, other_share: Posterior at the two classes, or None.
        verdict: Its verdict.
        reason: Why, in words.
        rank: Its place in the queue, or None.
        sha256: Of its picture, or None.
    """

    sample_id: str
    name: str
    given: str | None
    other: str | None
    p: float | None
    given_share: float | None
    other_share: float | None
    verdict: Verdict
    reason: str
    rank: int | None
    sha256: str | None


@dataclass(frozen=True)
class Galleries:
    """Everything that the page shows one by one.

    Attributes:
        first: The head of the queue.
        by_class: The worst of each given class, classes with most mislabelled rows first.
        ambiguous: The rows that stand most evenly between two classes.
        conflicts: Pictures that stand in the dataset under different labels, the rows of each.
        odd: Pictures that no class fits, the oddest first.
        unjudged: The other rows that were not judged, the unreadable first.
    """

    first: Sequence[Card]
    by_class: Sequence[tuple[str, Sequence[Card]]]
    ambiguous: Sequence[Card]
    conflicts: Sequence[Sequence[Card]]
    odd: Sequence[Card]
    unjudged: Sequence[Card]

    def pictured(self) -> Iterator[Card]:
        """Every card that stands beside a picture; a face may be on several."""
        yield from self.first
        for _, cards in self.by_class:
            yield from cards
        yield from self.ambiguous
        for cards in self.conflicts:
            yield cards[0]
        yield from self.odd


def choose(report: Report) -> Galleries:
    """Picks the rows to show.

    Args:
        report: With at least ``COLUMNS``.
    """
    table = report.table
    rank = floats(table["queue_rank"])
    order = np.argsort(rank, kind="stable")[: int(np.count_nonzero(~np.isnan(rank)))]  # worst first
    verdict = codes_among(table["verdict"], list(Verdict))
    first = _cards(report, order[:FIRST])
    ambiguous = _cards(report, _evenest(report, verdict))
    conflicts = [_cards(report, rows) for rows in _conflicts(report)]
    off_topic = codes_among(table["reason"], [Reason.OFF_TOPIC]) == 0
    odd = np.flatnonzero(off_topic)
    odd = odd[np.argsort(-floats(table["outlier_score"])[odd], kind="stable")][:FIRST]
    left = TOTAL - len(first) - len(ambiguous) - len(conflicts) - len(odd)
    without = np.isin(verdict, [_code(Verdict.UNREADABLE), _code(Verdict.UNDETERMINED)])
    unjudged = np.flatnonzero(without & ~off_topic)
    unjudged = unjudged[np.argsort(verdict[unjudged] != _code(Verdict.UNREADABLE), kind="stable")]
    return Galleries(
        first=first,
        by_class=_worst_by_class(report, order[verdict[order] == _code(Verdict.MISLABELLED)], left),
        ambiguous=ambiguous,
        conflicts=conflicts,
        odd=_cards(report, odd),
        unjudged=_cards(report, unjudged[:_UNJUDGED]),
    )


def _code(verdict: Verdict) -> int:
    return list(Verdict).index(verdict)


def _worst_by_class(report: Report, order: NDArray[np.int64], room: int) -> list[tuple[str, Sequence[Card]]]:
    """The worst mislabelled rows of each class, as many of each as there is room for."""
    given = codes_among(report.table["given_label"], report.classes)[order]
    counts = np.bincount(given[given >= 0], minlength=len(report.classes))
    classes = [k for k in np.argsort(-counts, kind="stable").tolist() if counts[k]][:room]
    each = min(FIRST, room // max(len(classes), 1))
    return [(report.classes[k], _cards(report, order[given == k][:each])) for k in classes]


def _evenest(report: Report, verdict: NDArray[np.int32]) -> NDArray[np.int64]:
    """Ambiguous rows whose given class and best other class come nearest to each other."""
    clash = codes_among(report.table["reason"], [Reason.DUPLICATE_CONFLICT]) == 0
    rows = np.flatnonzero((verdict == _code(Verdict.AMBIGUOUS)) & ~clash)  # twins have a place of their own
    distance = np.abs(floats(report.table["label_score"])[rows] - 0.5)
    nearest: NDArray[np.int64] = rows[np.argsort(distance, kind="stable")[:FIRST]]
    return nearest


def _conflicts(report: Report) -> list[NDArray[np.int64]]:
    """Rows of pictures that carry more than one label, a few pictures and a few rows of each."""
    group = floats(report.table["duplicate_group"])
    label = codes_among(report.table["given_label"], distinct_names(report.table["given_label"]))
    twins = np.flatnonzero(~np.isnan(group) & (label >= 0))
    twins = twins[np.argsort(group[twins], kind="stable")]
    _, starts = np.unique(group[twins], return_index=True)
    groups = np.split(twins, starts[1:]) if len(twins) else []
    differing = (_differing(rows, label) for rows in groups if len(np.unique(label[rows])) > 1)
    return list(islice(differing, FIRST))


def _differing(rows: NDArray[np.int64], label: NDArray[np.int32]) -> NDArray[np.int64]:
    """A few of these rows, one of each label first."""
    _, firsts = np.unique(label[rows], return_index=True)
    others = np.setdiff1d(np.arange(len(rows)), firsts)
    shown: NDArray[np.int64] = rows[np.concatenate([np.sort(firsts), others])[:_TWINS]]
    return shown


def _cards(report: Report, rows: NDArray[np.int64]) -> list[Card]:
    picked = report.table.select(list(_SHOWN)).take(rows)
    given = codes_among(picked["given_label"], report.classes)
    other = best_other(picked["posterior"], given)
    return [
        _card(row, report.classes, given=k, other=j)
        for row, k, j in zip(picked.to_pylist(), given.tolist(), other.tolist(), strict=True)
    ]


def _card(row: JsonDict, classes: Sequence[str], *, given: int, other: int) -> Card:
    posterior = row["posterior"]
    verdict = Verdict(row["verdict"])
    likeliest = classes[other] if other >= 0 and verdict is Verdict.AMBIGUOUS else None
    named = row["suggested_label"] or likeliest
    return Card(
        sample_id=row["sample_id"],
        name=row["path"] or row["sample_id"],
        given=row["given_label"],
        other=named,
        p=row["p_mislabelled"],
        given_share=None if posterior is None or given < 0 else posterior[given],
        other_share=None if posterior is None or named is None else posterior[classes.index(named)],
        verdict=verdict,
        reason=reason_in_words(row),
        rank=row["queue_rank"],
        sha256=row["content_sha256"],
    )


def reason_in_words(row: JsonDict) -> str:
    """Why a row has its verdict; where there are no numbers, what the report says of it.

    Args:
        row: The values of ``REASON_COLUMNS``.
    """
    if row["confidence"] is None or row["noisy_threshold"] is None:
        return str(row["reason_detail"] or row["reason"].replace("_", " "))
    said = f"the models give {row['given_label']} {row['confidence']:.2f}"
    noisy, clean = f"noisy up to {row['noisy_threshold']:.2f}", f"clean from {row['clean_threshold']:.2f}"
    match Reason(row["reason"]):
        case Reason.BELOW_NOISY_THRESHOLD:
            return f"{said}; {noisy}"
        case Reason.BETWEEN_THRESHOLDS:
            return f"{said}; {noisy}, {clean}"
        case Reason.ABOVE_CLEAN_THRESHOLD:
            return f"{said}; {clean}"
        case Reason.NO_CONVINCING_CLASS:
            return f"{said}, and no other class enough"
        case Reason.DUPLICATE_CONFLICT:
            return f"the same picture has another label too; {said}"
        case _:
            return str(row["reason_detail"] or row["reason"].replace("_", " "))
