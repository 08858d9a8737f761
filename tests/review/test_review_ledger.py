from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.decision import Ruling
from labelaudit.errors import DecisionError, RunFolderError
from labelaudit.queue.decision_lines import latest, read_decision_lines
from labelaudit.review.ledger import Ledger, Standing, Wanted, open_ledger

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def wanted(sample_id: str, label: str | None, seen: int, *, annotator: str = "Ann", sha: str = "aa") -> Wanted:
    ruling = Ruling.WITHDRAWN if label is None else Ruling.LABEL
    return Wanted(sample_id, ruling, label, annotator, seen, sha)


def clock(*minutes: int) -> Callable[[], datetime]:
    times = iter(minutes)
    return lambda: NOON + timedelta(minutes=next(times))


def test_what_is_kept_is_in_the_file(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "d.jsonl", now=clock(0, 1))
    first, second = ledger.write_wanted([wanted("a", "sad", 0), wanted("b", "happy", 0, annotator="Bo")])
    assert first.kept
    assert second.kept
    in_file = read_decision_lines(tmp_path / "d.jsonl")
    assert in_file == (first.standing.decision, second.standing.decision)
    assert in_file[0].decided_at == "2026-01-31T12:00:00.000Z"
    assert (in_file[0].tool, in_file[0].annotator, in_file[0].content_sha256) == ("review", "Ann", "aa")
    again = Ledger(tmp_path / "d.jsonl")
    assert again.standing("Ann", "a") == first.standing == Standing(1, in_file[0])
    assert again.standing("Bo", "a") == Standing()
    assert again.annotators() == ("Ann", "Bo")
    assert again.revision("Ann") == 1


def test_a_page_that_saw_less_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "d.jsonl")
    (kept,) = ledger.write_wanted([wanted("a", "sad", 0)])
    (late,) = ledger.write_wanted([wanted("a", "happy", 0)])
    assert not late.kept
    assert late.standing == kept.standing
    (other,) = ledger.write_wanted([wanted("a", "happy", 0, annotator="Bo")])
    assert other.kept
    assert len(read_decision_lines(tmp_path / "d.jsonl")) == 2


def test_a_repeated_request_writes_nothing_twice(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "d.jsonl")
    for _ in range(3):
        (outcome,) = ledger.write_wanted([wanted("a", "sad", 0)])
        assert outcome.kept
        assert outcome.standing.version == 1
    (nothing,) = ledger.write_wanted([wanted("b", None, 0)])
    assert nothing.kept
    assert nothing.standing == Standing()
    assert len(read_decision_lines(tmp_path / "d.jsonl")) == 1


def test_versions_are_seen_inside_a_batch(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "d.jsonl")
    outcomes = ledger.write_wanted([wanted("a", "sad", 0), wanted("a", None, 1), wanted("a", "happy", 0)])
    assert [each.kept for each in outcomes] == [True, True, False]
    assert ledger.standing("Ann", "a").version == 2
    assert ledger.in_force() == ()


def test_another_picture_is_decided_anew(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "d.jsonl")
    ledger.write_wanted([wanted("a", "sad", 0, sha="old")])
    (outcome,) = ledger.write_wanted([wanted("a", "sad", 1, sha="new")])
    assert outcome.kept
    assert outcome.standing.version == 2


def test_a_clock_that_is_set_back_changes_no_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "d.jsonl", now=clock(10, 0))
    ledger.write_wanted([wanted("a", "sad", 0)])
    ledger.write_wanted([wanted("a", "happy", 1)])
    assert [each.label for each in latest(read_decision_lines(tmp_path / "d.jsonl"))] == ["happy"]
    again = Ledger(tmp_path / "d.jsonl", now=clock(-10))
    again.write_wanted([wanted("a", None, 2)])
    assert latest(read_decision_lines(tmp_path / "d.jsonl")) == ()


def test_nothing_is_kept_that_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise DecisionError("no space")

    ledger = Ledger(tmp_path / "d.jsonl")
    with monkeypatch.context() as patched:
        patched.setattr("labelaudit.review.ledger.write_decision_lines", full)
        with pytest.raises(DecisionError):
            ledger.write_wanted([wanted("a", "sad", 0)])
    assert ledger.standing("Ann", "a") == Standing()
    (outcome,) = ledger.write_wanted([wanted("a", "sad", 0)])
    assert outcome.kept


def test_a_file_is_held_by_one(tmp_path: Path) -> None:
    with (
        open_ledger(tmp_path / "d.jsonl"),
        pytest.raises(RunFolderError, match="reviewed already"),
        open_ledger(tmp_path / "d.jsonl"),
    ):
        pass
    with open_ledger(tmp_path / "d.jsonl"):
        pass


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", None]), st.integers(0, 3)), max_size=12))
def test_memory_and_file_agree(tmp_path_factory: pytest.TempPathFactory, asked: list[tuple]) -> None:
    path = tmp_path_factory.mktemp("d") / "d.jsonl"
    ledger = Ledger(path)
    for sample_id, label, seen in asked:
        before = ledger.standing("Ann", sample_id)
        (outcome,) = ledger.write_wanted([wanted(sample_id, label, seen)])
        assert outcome.kept or outcome.standing == before
        assert outcome.standing.version - before.version in (0, 1)
    again = Ledger(path)
    assert again.all_of("Ann") == ledger.all_of("Ann")
    assert again.revision("Ann") == ledger.revision("Ann")
    assert set(again.in_force()) == set(latest(read_decision_lines(path)) if path.exists() else ())
