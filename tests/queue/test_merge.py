import pytest

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.decision_lines import write_decision_lines
from labelaudit.queue.merge import merge_decisions, read_all_decisions
from labelaudit.rundir import RunDir


def says(row: int, word: str, who: str, at: str = "") -> Decision:
    if word in ("ambiguous", "not_a_face", "skip", "withdrawn"):
        return Decision(f"a/{row}.png", Ruling(word), None, who, at)
    return Decision(f"a/{row}.png", Ruling.LABEL, word, who, at)


@pytest.mark.parametrize(
    ("words", "merged"),
    [
        (["sad"], "sad"),
        (["sad", "sad"], "sad"),
        (["sad", "happy"], None),
        (["sad", "sad", "happy"], "sad"),
        (["sad", "happy", "neutral"], None),
        (["sad", "sad", "happy", "happy"], None),
        (["sad", "sad", "happy", "neutral"], None),
        (["sad", "sad", "sad", "happy", "neutral"], "sad"),
        (["ambiguous", "ambiguous", "sad"], "ambiguous"),
        (["ambiguous", "sad"], None),
        (["sad", "skip"], "sad"),
        (["sad", "happy", "withdrawn"], None),
    ],
)
def test_more_than_half_decide(make_report, words, merged):
    decisions = [says(0, word, f"person {number}") for number, word in enumerate(words)]
    (found,) = merge_decisions(decisions, make_report({}))
    assert (found.label or found.ruling) == merged
    assert found.row == 0
    assert len(found.words) == sum(word not in ("skip", "withdrawn") for word in words)


def test_the_last_word_of_everybody_counts_once(make_report):
    decisions = [
        says(1, "sad", "ann", "2026-01-31T12:00:00.000Z"),
        says(0, "happy", "bo"),
        says(1, "happy", "ann", "2026-01-31T12:00:01.000Z"),
        says(1, "happy", "bo"),
        says(0, "withdrawn", "bo"),
    ]
    (found,) = merge_decisions(decisions, make_report({}, {}))
    assert (found.row, found.label, found.who) == (1, "happy", ["ann", "bo"])


def test_rows_come_in_the_order_of_the_report(make_report):
    found = merge_decisions([says(2, "sad", "ann"), says(0, "happy", "ann")], make_report({}, {}, {}))
    assert [each.row for each in found] == [0, 2]


def test_decisions_for_something_else_are_refused(make_report):
    with pytest.raises(DecisionError, match=r"no row of this report: 'a/7\.png'"):
        merge_decisions([says(7, "sad", "ann")], make_report({}))
    other = Decision("a/0.png", Ruling.LABEL, "sad", content_sha256="ff")
    with pytest.raises(DecisionError, match="not the one that was audited"):
        merge_decisions([other], make_report({}))
    with pytest.raises(DecisionError, match="not one decision"):
        merge_decisions([says(0, "skip", "ann")], make_report({}))


def test_people_without_a_name_are_told_apart_by_their_files(tmp_path):
    run = RunDir(tmp_path)
    for name, word in (("one", "sad"), ("two", "happy")):
        write_decision_lines(tmp_path / f"{name}.jsonl", [says(0, word, ""), says(1, word, "cy")])
    found = read_all_decisions(run, [tmp_path / "one.jsonl", tmp_path / "two.jsonl"])
    assert [each.annotator for each in found] == ["(one.jsonl)", "cy", "(two.jsonl)", "cy"]
    assert [each.annotator for each in read_all_decisions(run, [tmp_path / "one.jsonl"])] == ["", "cy"]


def test_files_of_one_name_are_told_apart_by_their_paths(tmp_path):
    paths = [tmp_path / folder / "d.jsonl" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        write_decision_lines(path, [says(0, "sad", "")])
    first, second = read_all_decisions(RunDir(tmp_path), paths)
    assert first.annotator != second.annotator


def test_the_review_page_s_decisions_are_taken_where_none_are_named(tmp_path):
    run = RunDir(tmp_path)
    with pytest.raises(DecisionError, match="holds no decisions: make some with labelaudit review"):
        read_all_decisions(run)
    write_decision_lines(run.decisions, [says(0, "sad", "ann")])
    assert read_all_decisions(run) == (says(0, "sad", "ann"),)
