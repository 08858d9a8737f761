from __future__ import annotations

from labelaudit.decision import Decision, Ruling
from labelaudit.queue.agreement import agreement_of_decisions

CLASSES = ("happy", "sad")


def said(sample_id: str, annotator: str, what: str) -> Decision:
    if what in CLASSES:
        return Decision(sample_id, Ruling.LABEL, what, annotator)
    return Decision(sample_id, Ruling(what), None, annotator)


def test_last_words_are_votes() -> None:
    decisions = [
        said("1", "ann", "sad"),
        said("1", "ann", "happy"),  # changed her mind
        said("1", "bob", "happy"),
        said("2", "ann", "sad"),
        said("2", "bob", "ambiguous"),
        said("3", "ann", "not_a_face"),
        said("3", "bob", "not_a_face"),
        said("4", "ann", "sad"),
        said("4", "bob", "skip"),  # says nothing
    ]
    found = agreement_of_decisions(decisions, CLASSES)
    assert found is not None
    assert (found.rows, found.votes) == (3, 6)
    assert found.observed == round(2 / 3, 4)
    # Three rows: agreeing 2/3; by chance ann (1, 1, 0, 1) x bob (1, 0, 1, 1) = 2/9.
    assert found.cohen_kappa == round((2 / 3 - 2 / 9) / (1 - 2 / 9), 4)
    assert [each.label for each in found.per_choice] == ["happy", "sad", "ambiguous", "not a face"]
    assert [(each.first, each.second) for each in found.disagreements] == [("sad", "ambiguous")]
    assert {each.annotator for each in found.annotators} == {"ann", "bob"}


def test_one_person_agrees_with_nobody() -> None:
    assert agreement_of_decisions([said("1", "ann", "sad"), said("2", "ann", "sad")], CLASSES) is None
    assert agreement_of_decisions([], CLASSES) is None


def test_a_class_may_be_called_ambiguous() -> None:
    decisions = [
        Decision("1", Ruling.LABEL, "ambiguous", "ann"),
        Decision("1", Ruling.AMBIGUOUS, None, "bob"),
    ]
    found = agreement_of_decisions(decisions, ("ambiguous", "sad"))
    assert found is not None
    assert found.observed == 1.0
