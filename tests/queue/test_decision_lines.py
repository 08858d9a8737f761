import errno
import json
import os
import stat

import pytest

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue import decision_lines
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


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open a folder to sync it")
def test_a_new_file_is_synced_and_then_its_name_in_the_folder(tmp_path, monkeypatch):
    synced = []

    def fsync(descriptor, really=os.fsync):
        found = os.fstat(descriptor)
        synced.append((found.st_ino, found.st_size if stat.S_ISREG(found.st_mode) else None))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    file = tmp_path / "decisions.jsonl"
    write_decision_lines(file, [SAD])
    inode, folder, size = file.stat().st_ino, tmp_path.stat().st_ino, file.stat().st_size
    assert synced == [(inode, size), (folder, None)]
    write_decision_lines(file, [SPLIT])
    assert synced[2:] == [(inode, file.stat().st_size)]  # the name stands already


def test_a_new_file_whose_name_cannot_be_synced_keeps_nothing(tmp_path, monkeypatch):
    def refuse(folder):
        raise OSError(errno.EIO, "Input/output error")

    file = tmp_path / "decisions.jsonl"
    with monkeypatch.context() as patched:
        patched.setattr(decision_lines, "sync_folder", refuse)
        with pytest.raises(DecisionError, match=r"cannot write .*decisions\.jsonl: Input/output error"):
            write_decision_lines(file, [SAD])
    assert read_decision_lines(file) == ()
    write_decision_lines(file, [SPLIT])
    assert read_decision_lines(file) == (SPLIT,)


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file")
def test_a_disk_that_fills_up_in_the_middle_keeps_nothing_of_what_was_refused(tmp_path):
    import resource

    file = tmp_path / "decisions.jsonl"
    write_decision_lines(file, [SPLIT])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))  # room for some of the lines
    try:
        with pytest.raises(DecisionError, match=r"cannot write .*decisions\.jsonl: File too large; free some space"):
            write_decision_lines(file, [SAD] * 15)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
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


@pytest.mark.parametrize(
    "other",
    [
        {"sample_id": 3},
        {"label": ["sad"]},
        {"annotator": {"id": 1}},
        {"decided_at": 1.5},
        {"tool": None},
        {"content_sha256": 7},
        {"annotator": "\ud83d"},
    ],
)
def test_what_is_no_text_is_named_with_its_line(tmp_path, other):
    file = tmp_path / "decisions.jsonl"
    line = {"sample_id": "a.png", "ruling": "label", "label": "sad", "annotator": "ann", "decided_at": "", "tool": "x"}
    file.write_text(f"{json.dumps(line)}\n{json.dumps(line | other)}\n")
    with pytest.raises(DecisionError, match="line 2: not a decision"):
        read_decision_lines(file)
