"""Votes in every form: counted, kept, and the plurality as the given label."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelaudit.errors import SourceError
from labelaudit.labels import LabelSpace
from labelaudit.source.detect import open_source
from labelaudit.source.draft import Votes
from labelaudit.source.options import SourceOptions
from labelaudit.source.votes import NO_VOTE, count_votes, of_rows, on_classes, plurality, renamed

BOTH = np.array([True, True, False])


def test_plurality_by_hand() -> None:
    counts = np.array(
        [
            [3, 1, 0],
            [1, 2, 1],
            [2, 2, 0],  # a tie of classes: the first
            [2, 0, 2],  # a tie with "no class": the class
            [1, 1, 3],  # more votes for "no class" than for each class
            [0, 0, 0],
            [0, 0, 1],
        ],
        dtype=np.float32,
    )
    winner, tied = plurality(counts, BOTH)
    assert winner.tolist() == [0, 1, 0, 0, 2, NO_VOTE, 2]
    assert tied.tolist() == [False, False, True, False, False, False, False]


@given(arrays(np.float32, st.tuples(st.integers(1, 6), st.just(4)), elements=st.integers(0, 5)))
def test_the_winner_has_most_votes(counts: np.ndarray) -> None:
    winner, tied = plurality(counts, np.array([True, True, True, False]))
    for row, index in enumerate(winner.tolist()):
        assert (index == NO_VOTE) == (counts[row].max() == 0)
        if index != NO_VOTE:
            assert counts[row, index] == counts[row].max()
        if tied[row]:
            assert (counts[row, :3] == counts[row].max()).sum() > 1


def test_count_votes() -> None:
    votes = count_votes(np.array([0, 2, 0, 2, 2]), ["b", "a", "b", None, "b"], 3, "x")
    assert votes.names == ("a", "b")
    assert votes.counts.tolist() == [[0, 2], [0, 0], [1, 1]]


def test_renamed_votes_are_added_up() -> None:
    votes = Votes(("a", "b", "c"), np.array([[1, 2, 4]], dtype=np.float32), "x")
    joined = renamed(votes, {"a": "z", "b": "b", "c": "z"}.__getitem__)
    assert joined.names == ("z", "b")
    assert joined.counts.tolist() == [[5, 2]]


def test_on_classes() -> None:
    votes = Votes(("a", "b", "c"), np.array([[1, 2, 4], [0, 1, 0]], dtype=np.float32), "x")
    counts, outside, left_out = on_classes(votes, LabelSpace(("b", "z")))
    assert counts.tolist() == [[2, 0], [1, 0]]
    assert outside.tolist() == [5, 0]
    assert left_out == ["a", "c"]


@pytest.fixture
def folder(write_pictures) -> Path:
    return write_pictures("1.png", "2.png", "3.png", "4.png")


COLUMNS = """path,label,votes_sad,votes_happy,votes_unknown
1.png,sad,1,"1,009",0
2.png,sad,2,2,0
3.png,happy,1,0,9
4.png,sad,0,0,0
"""


def test_a_column_a_class(folder: Path) -> None:
    (folder / "labels.csv").write_text(COLUMNS)
    source = open_source(folder)
    assert source.table.labels.names == ("sad", "happy")
    assert source.table.given_label == ["happy", "sad", "unknown", "sad"]
    assert source.table.given.tolist() == [1, 0, -1, 0]
    assert source.table.votes is not None
    assert source.table.votes_outside is not None
    assert source.table.votes.tolist() == [[1, 1009], [2, 2], [1, 0], [0, 0]]
    assert source.table.votes_outside.tolist() == [0, 0, 9, 0]
    assert list(source.assumed) == [
        "paths come from the column 'path' (--path-column)",
        "the given label is the plurality of the votes in 'votes_sad' to 'votes_unknown'",
        "1 row has no votes: the dataset's own label is taken",
        "1 tie between classes went to the class listed first (sad, happy, unknown)",
        "the dataset's own label differs from the plurality in 2 of 3 rows; "
        "--no-votes or --label-column takes it instead",
        "1 row carries a label that is no class here (unknown): kept, not audited; --label-map makes it one",
    ]


def test_the_label_column_wins_when_told(folder: Path) -> None:
    (folder / "labels.csv").write_text(COLUMNS)
    source = open_source(folder, SourceOptions(label_column="label"))
    assert source.table.given_label == ["sad", "sad", "happy", "sad"]
    assert source.table.labels.names == ("happy", "sad")
    assert source.table.votes is not None
    assert source.table.votes.tolist() == [[1009, 1], [2, 2], [0, 1], [0, 0]]


def test_no_votes(folder: Path) -> None:
    (folder / "labels.csv").write_text(COLUMNS)
    source = open_source(folder, SourceOptions(votes=False))
    assert source.table.given_label == ["sad", "sad", "happy", "sad"]
    assert source.table.votes is None
    (folder / "labels.csv").write_text("path,votes_a,votes_b\n1.png,1,2\n")
    with pytest.raises(SourceError, match="no column that looks like labels"):
        open_source(folder / "labels.csv", SourceOptions(votes=False))


def test_columns_named_after_expressions(folder: Path) -> None:
    (folder / "labels.csv").write_text("path,neutral,happiness,anger,age,NF\n1.png,1,5,0,30,0\n2.png,0,1,4,40,2\n")
    table = open_source(folder).table
    assert table.given_label == ["happiness", "anger"]
    assert table.labels.names == ("happiness", "anger")
    assert table.votes is not None
    assert table.votes.tolist() == [[5, 0], [1, 4]]
    assert table.votes_outside is not None
    assert table.votes_outside.tolist() == [1, 2]


def test_the_map_names_votes_too(folder: Path) -> None:
    (folder / "labels.csv").write_text(COLUMNS)
    source = open_source(folder, SourceOptions(label_map={"unknown": "odd", "happy": "glad"}))
    assert source.table.labels.names == ("sad", "glad", "odd")
    assert source.table.given_label == ["glad", "sad", "odd", "sad"]


def _lists(folder: Path, name: str) -> Path:
    rows = [("1.png", ["b", "b", "a"]), ("2.png", ["a", "a"]), ("3.png", []), ("4.png", ["b", "a"])]
    if name.endswith(".parquet"):
        pq.write_table(pa.table({"path": [row[0] for row in rows], "votes": [row[1] for row in rows]}), folder / name)
    elif name.endswith(".jsonl"):
        text = "\n".join(json.dumps({"path": path, "annotations": labels}) for path, labels in rows)
        (folder / name).write_text(text)
    else:
        quoted = {"json": json.dumps, "python": repr, "bars": "|".join, "semicolons": ";".join}[name.split(".")[0]]
        lines = [f'{path},"{quoted(labels)}"' for path, labels in rows]  # type: ignore[operator]
        text = "\n".join(["path,votes", *lines])
        (folder / name).write_text(text if name != "json.csv" else text.replace('["', '[""').replace('"]', '""]'))
    return folder / name


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "python.csv", "bars.csv", "semicolons.csv"])
def test_a_list_a_sample(folder: Path, name: str) -> None:
    table = open_source(_lists(folder, name)).table
    assert table.given_label == ["b", "a", None, "a"]
    assert table.votes is not None
    assert table.votes.tolist() == [[1, 2], [2, 0], [0, 0], [1, 1]]


def test_a_json_list_in_csv(folder: Path) -> None:
    (folder / "a.csv").write_text('path,votes\n1.png,"[""b"", ""b"", ""a""]"\n2.png,"[3, 3]"\n')
    table = open_source(folder / "a.csv").table
    assert table.given_label == ["b", "3"]


def test_counts_by_name(folder: Path) -> None:
    (folder / "a.jsonl").write_text(
        '{"path": "1.png", "votes": {"a": 3, "b": 1}}\n{"path": "2.png", "votes": {"b": 2}}\n'
    )
    table = open_source(folder / "a.jsonl").table
    assert table.given_label == ["a", "b"]
    assert table.votes is not None
    assert table.votes.tolist() == [[3, 1], [0, 2]]


ANNOTATORS = """file,worker,label,split
1.png,ann,sad,train
2.png,ann,happy,test
1.png,bob,happy,train
1.png,cyd,happy,train
2.png,bob,,test
3.png,bob,sad,train
"""


def test_a_row_an_annotator(folder: Path) -> None:
    (folder / "labels.csv").write_text(ANNOTATORS)
    source = open_source(folder)
    table = source.table
    assert table.sample_id == ["1.png", "2.png", "3.png"]
    assert table.given_label == ["happy", "happy", "sad"]
    assert table.split == ["train", "test", "train"]
    assert table.votes is not None
    assert table.votes.tolist() == [[2, 1], [1, 0], [0, 1]]
    assert source.read(2) == (folder / "3.png").read_bytes()


def test_a_row_an_annotator_taken_as_rows(folder: Path) -> None:
    (folder / "labels.csv").write_text(ANNOTATORS)
    table = open_source(folder, SourceOptions(votes=False)).table
    assert table.sample_id == ["1.png", "2.png", "1.png#2", "1.png#3", "2.png#2", "3.png"]


def test_one_annotator_a_sample_makes_no_votes(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,annotator,label\n1.png,ann,a\n2.png,bob,b\n")
    source = open_source(folder)
    assert source.table.votes is None
    assert "every sample has one annotator: labels are taken as they stand" in source.assumed


def test_votes_that_are_none(folder: Path) -> None:
    (folder / "labels.csv").write_text("path,votes_a,votes_b\n1.png,1,two\n")
    with pytest.raises(SourceError, match=r"the column 'votes_b' of labels.csv holds a vote that is no number"):
        open_source(folder / "labels.csv")


def test_who_cast_which_vote_is_kept(folder: Path) -> None:
    lines = ["1.png,ann,a", "1.png,bob,b", "2.png,ann,b", "2.png,,b", "1.png,cid,none of these", "3.png,bob,a"]
    (folder / "labels.csv").write_text("\n".join(["file,annotator,label", *lines]) + "\n")
    table = open_source(folder / "labels.csv", SourceOptions(label_map={"none of these": "unknown"})).table
    ballots = table.ballots
    assert ballots is not None
    assert table.votes is not None
    names = [*table.labels.names, None]
    cast = [
        (table.sample_id[row], ballots.annotators[who], names[choice])
        for row, who, choice in zip(ballots.row, ballots.annotator, ballots.choice, strict=True)
    ]
    assert cast == [("1.png", "ann", "a"), ("1.png", "bob", "b"), ("2.png", "ann", "b"), ("1.png", "cid", None),
                    ("3.png", "bob", "a")]  # fmt: skip
    assert table.votes.sum() == 5  # the vote of nobody counts, too
    assert open_source(folder / "labels.csv", SourceOptions(votes=False, label_column="label")).table.ballots is None


def test_ballots_go_with_their_rows() -> None:
    votes = count_votes(np.array([0, 0, 1, 2]), ["a", "b", "a", "b"], 3, "x", annotators=["ann", "bob", "ann", None])
    some = of_rows(votes, np.array([2, 0]))
    assert some.ballots is not None
    assert (some.ballots.row.tolist(), some.ballots.choice.tolist()) == ([1, 1], [0, 1])
    assert [some.ballots.annotators[who] for who in some.ballots.annotator] == ["ann", "bob"]
    joined = renamed(votes, lambda _: "c")
    assert joined.ballots is not None
    assert joined.ballots.choice.tolist() == [0, 0, 0]
