from __future__ import annotations

import numpy as np

from labelaudit.ballots import Ballots
from labelaudit.cli.output.agreement import agreement_facts, agreement_tables
from labelaudit.cli.output.words import UNICODE
from labelaudit.verdict.agreement import NO_CLASS_CHOICE, measure_agreement

CHOICES = ("happy", "sad", NO_CLASS_CHOICE)


def test_votes_without_names_tell_how_well_people_agree() -> None:
    counts = np.array([[9, 1, 0], [10, 0, 0], [4, 5, 1], [4, 6, 0]], dtype=np.float32)
    found = measure_agreement(counts, CHOICES)
    assert found is not None
    facts = agreement_facts(found)
    assert facts["People"] == ""
    assert "weak, Fleiss' kappa" in facts["Agree"]
    assert "most on happy" in facts["Agree"]
    assert "least on sad" in facts["Agree"]  # and not on what is no class
    assert "of disagreement is happy / sad" in facts["Agree"]


def test_annotators_are_named_with_what_they_do(printed) -> None:
    rows = np.repeat(np.arange(20), 3)
    choice = np.repeat(np.arange(20) % 2, 3).astype(np.int32)
    choice[2::3] = 0  # the third says happy, always
    ballots = Ballots(rows, np.tile(np.arange(3, dtype=np.int32), 20), choice, ("ann", "bob", "<e\x1bve>"))
    found = measure_agreement(ballots.counts(20, 3), CHOICES, ballots=ballots)
    assert found is not None
    # ann: the others agree on the even rows and are split on the odd ones; so bob; the third is compared on all.
    assert agreement_facts(found)["People"] == (
        "3 annotators say what most others say in 50 % (<e\\x1bve>) to 100 % (bob) of their votes"
    )

    def show(console) -> None:
        for part in agreement_tables(found, UNICODE):
            console.print(part)

    words = " ".join(printed(show).split())
    assert "happy 40 75.0 %" in words  # pairs: 3 * 10 / 30 agreeing rows, 10 rows two to one
    assert "<e\\x1bve> 20 50 % (33 to 67 %)" in words
    assert "happy for sad (10)" in words
    assert "\x1b" not in words
