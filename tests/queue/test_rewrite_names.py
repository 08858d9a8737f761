import csv
import errno
import json
import os

import pytest

from labelaudit.errors import DecisionError
from labelaudit.queue.rewrite.names import free_name, write_moves
from labelaudit.queue.rewrite.tree import write_tree
from labelaudit.records import Stage, no_progress


def test_a_name_that_any_picture_has_is_not_taken():
    taken = {"sad/1.jpg", "sad/1-2.jpg", "sad/2.jpg"}
    assert free_name("sad/1.jpg", taken) == "sad/1-3.jpg"
    assert free_name("sad/3.jpg", taken) == "sad/3.jpg"


def test_a_plan_survives_every_name(tmp_path):
    odd = {"a b/'x; rm -rf'.jpg": "=c/\n.jpg", "né.jpg": None, "\udcff.jpg": "d.jpg"}
    write_moves(tmp_path, odd)
    moves = json.loads((tmp_path / "moves.json").read_text(encoding="ascii"))["moves"]
    assert {each["from"]: each["to"] for each in moves} == odd
    with open(tmp_path / "moves.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["from", "to"], ["a b/'x; rm -rf'.jpg", "'=c/\n.jpg"], ["né.jpg", ""], ["\\udcff.jpg", "d.jpg"]]


@pytest.mark.parametrize("linked", [True, False])
def test_files_are_linked_or_copied(tmp_path, linked):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").symlink_to("a")
    told: list[Stage] = []
    pairs = [(tmp_path / "a", tmp_path / "new" / "x" / "a"), (tmp_path / "b", tmp_path / "new" / "b")]
    write_tree(pairs, linked=linked, total=2, progress=told.append)
    assert (tmp_path / "new" / "x" / "a").samefile(tmp_path / "a") == linked
    assert (tmp_path / "new" / "b").read_text() == "a"
    assert not (tmp_path / "new" / "b").is_symlink()
    assert told[-1] == Stage("links" if linked else "copies", 2, 2, "files")


def test_links_that_are_not_possible_are_refused_with_the_way_on(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    (tmp_path / "a").write_text("a")
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(DecisionError, match=r"a cannot be linked .*--as copy"):
        write_tree([(tmp_path / "a", tmp_path / "b")], linked=True, total=1, progress=no_progress)


def test_a_file_of_ours_is_not_written_over(tmp_path):
    (tmp_path / "a").write_text("a")
    with pytest.raises(DecisionError, match="a file a of its own"):
        write_tree([(tmp_path / "a", tmp_path / "a")], linked=False, total=1, progress=no_progress)
