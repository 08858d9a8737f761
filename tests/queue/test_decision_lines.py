import pytest

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.decision_lines import latest, read_decision_lines, write_decision_lines

SAD = Decision("a/1.png", Ruling.LABEL, "sad", "ann", "2026-01-31T12:00:00.000Z", "review", "00ff")
SPLIT = Decision("ü.png", Ruling.AMBIGUOUS, annotator="bo")


def test_what_was_written_is_read(tmp_path):
    file = tmp_path / "decisions.jsonl"
    write_decision_lines(file, [SAD])
    write_decision_lines(file, [SPLIT, SAD])
    assert read_decision_lines(file) == (SAD, SPLIT, SAD)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_half_written_line_is_no_decision_and_does_not_spoil_the_next(tmp_path, cut):
    file = tmp_path / "decisions.jsonl"
    write_decision_lines(file, [SPLIT, SAD])
    file.write_bytes(file.read_bytes()[:-cut])
    assert read_decision_lines(file) == (SPLIT,)
    write_decision_lines(file, [SAD])
    assert read_decision_lines(file) == (SPLIT, SAD)


def test_a_line_that_is_no_decision_is_named(tmp_path):
    file = tmp_path / "decisions.jsonl"
    write_decision_lines(file, [SAD])
    with open(file, "a") as more:
        more.write('{"sample_id": "b", "ruling": "perhaps"}\n')
    with pytest.raises(DecisionError, match=r"decisions\.jsonl, line 2: not a decision .*perhaps"):
        read_decision_lines(file)


def test_a_label_needs_a_class():
    with pytest.raises(ValueError, match="ruling label"):
        Decision("a", Ruling.LABEL)
    with pytest.raises(ValueError, match="label 'sad'"):
        Decision("a", Ruling.SKIP, "sad")


def test_everybodys_last_word():
    first = Decision("a", Ruling.LABEL, "sad", "ann", "2026-01-31T12:00:00.000Z")
    second = Decision("a", Ruling.LABEL, "fear", "ann", "2026-01-31T12:00:01.000Z")
    other = Decision("a", Ruling.LABEL, "sad", "bo")
    back = Decision("b", Ruling.WITHDRAWN, None, "ann", "2026-01-31T12:00:02.000Z")
    of_b = Decision("b", Ruling.AMBIGUOUS, None, "ann", "2026-01-31T12:00:00.500Z")
    assert latest([second, first, other, of_b, back]) == (second, other)
    assert latest([of_b, back, of_b]) == ()  # it says that it was made before
    skipped = Decision("a", Ruling.SKIP, None, "bo")
    assert latest([other, skipped]) == ()
