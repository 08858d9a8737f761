"""Sentences that speak of slices."""

from __future__ import annotations

from collections.abc import Sequence

from labelaudit.report.slices import SliceColumn, SliceEstimate
from labelaudit.report.words import counted, interval, percent


def slice_sentence(name: str, each: SliceEstimate) -> str:
    """``annotator bo: 31 % of 412 labels wrong (26 to 37 %); others have 12 % in the same classes``."""
    rate = each.noise_rate
    assert rate is not None
    span = interval(rate)
    wrong = (
        f"{percent(rate.value, digits=0)} of {counted(each.rows, 'label', 'labels')} wrong{f' {span}' if span else ''}"
    )
    others = f"; others have {percent(each.others, digits=0)} in the same classes" if each.others is not None else ""
    return f"{name} {each.value}: {wrong}{others}"


def column_finding(column: SliceColumn) -> str:
    """What a column's slices show, in one sentence."""
    compared = sum(each.chance is not None for each in column.slices)
    if not compared:
        return f"The slices of {column.name} are too small to compare."
    differing = column.differing
    if not differing:
        return (
            f"No {column.name} has more or fewer wrong labels than the others, beyond chance and the classes it holds."
        )
    worse = [each.value for each in differing if each.worse]
    better = [each.value for each in differing if not each.worse]
    parts = [f"more wrong labels than the others: {_listed(worse)}"] if worse else []
    parts += [f"fewer: {_listed(better)}"] if better else []
    return f"Of {column.name}, beyond chance and the classes each holds, these have {'; '.join(parts)}."


def _listed(values: Sequence[str], *, most: int = 5) -> str:
    more = len(values) - most
    return ", ".join(values[:most]) + (f" and {more:,} more" if more > 0 else "")
