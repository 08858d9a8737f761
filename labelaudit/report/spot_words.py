"""The sentences about a spot check: one voice for the terminal and for pages."""

from __future__ import annotations

from labelaudit.report.spot_check import SpotFindings
from labelaudit.report.words import counted, interval, number, percent


def spot_sentences(found: SpotFindings) -> list[str]:
    """What people's looks tell of the head of the queue, and of all labels.

    ``First 200: expect 88 % wrong (70 to 97 %), from 60 looks, 20 of them here``.
    """
    head, noise = found.head, found.noise_rate
    told = []
    if head is not None:
        here = f", {number(head.looks)} of them here" if head.looks < found.decided else ""
        wrong = f"expect {percent(head.found.value, digits=0)} wrong {interval(head.found)}"
        told.append(f"{head.name.capitalize()}: {wrong}, from {counted(found.decided, 'look', 'looks')}{here}")
    share = f"{percent(noise.found.value, digits=0)} are wrong {interval(noise.found)}"
    return [*told, f"Of all {number(noise.rows)} judged labels {share}"]


def spot_notes(found: SpotFindings) -> list[str]:
    """What a reader of the figures must know."""
    notes = ["intervals hold 90 %; a cut with few looks has a wide one"]
    left = found.drawn - found.decided
    if left:
        notes.append(f"{number(left)} of {number(found.drawn)} not decided: taken to be like the others of their part")
    if found.ambiguous:
        how = "wrong" if found.ambiguous_is_wrong else "not wrong"
        notes.append(f"{number(found.ambiguous)} called ambiguous: counted as {how}")
    if found.split:
        faces = counted(found.split, "face", "faces")
        notes.append(f"on {faces} people differ: most of them decide, a tie is half wrong")
    return notes
