from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image

from labelaudit.errors import SourceError
from labelaudit.rundir import RunDir
from labelaudit.source.detect import open_source
from labelaudit.source.memory import table_source
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import Origin, read_origin, write_origin
from labelaudit.source.slices import MOST_VALUES, finished_slices, slice_candidates, table_slices

PICTURE = b"not looked at"


def table(**columns: list) -> pa.Table:
    rows = len(next(iter(columns.values())))
    return pa.table({"image": pa.array([PICTURE] * rows, pa.binary()), **columns})


def opened(columns: dict[str, list], *slices: str, **options):
    return table_source(table(**columns), SourceOptions(slices=slices, **options))


def test_asked_for_columns_stand_beside_the_samples() -> None:
    source = opened({"label": ["a", "b", "a"], "who": [" ann", "bo", None], "camera": [1.0, 2.0, 1.0]}, "who", "camera")
    assert source.table.slices == {"who": ["ann", "bo", None], "camera": ["1", "2", "1"]}
    assert "1 row has no who: in no slice of it" in source.assumed


def test_only_what_was_asked_for_is_taken_and_what_could_be_asked_for_is_said() -> None:
    columns = {"label": ["a", "b"] * 20, "who": ["ann", "bo"] * 20, "note": [f"n{row}" for row in range(40)]}
    source = opened(columns)
    assert source.table.slices == {}
    assert "who may name groups of rows; --slice who tells how many labels are wrong in each" in source.assumed
    assert not any("may name groups" in said for said in opened(columns, "who").assumed)


def test_splits_are_slices_of_every_dataset_that_has_them() -> None:
    source = opened({"label": ["a", "b", "a"], "usage": ["Training", "PublicTest", "Training"]}, "split")
    assert source.table.slices == {"split": ["train", "val", "train"]}
    with pytest.raises(SourceError, match="no split, so there is nothing to compare"):
        opened({"label": ["a", "b"]}, "split")


def test_chosen_splits_choose_the_slices_rows() -> None:
    columns = {"label": ["a", "b", "a", "b"], "split": ["train", "train", "test", "train"], "who": ["x", "y", "z", "y"]}
    assert opened(columns, "who", splits=("train",)).table.slices == {"who": ["x", "y", "y"]}


@pytest.mark.parametrize(
    ("columns", "name", "message"),
    [
        ({"who": ["ann", "bo"]}, "whom", r"--slice whom: the table has no such column; did you mean .*who"),
        ({"who": ["ann", "ann"]}, "who", "has one who only, so there is nothing to compare"),
        ({"who": [["ann"], ["bo"]]}, "who", "which cannot name groups"),
    ],
)
def test_what_cannot_be_a_slice_is_refused(columns: dict[str, list], name: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        opened({"label": ["a", "b"], **columns}, name)


def test_a_column_of_measurements_is_no_slice() -> None:
    rows = MOST_VALUES + 1
    with pytest.raises(SourceError, match="1,001 different values"):
        opened({"label": ["a", "b"] * (rows // 2) + ["a"], "score": [row / 7 for row in range(rows)]}, "score")


def test_rows_of_one_sample_must_agree() -> None:
    columns = {
        "id": ["1", "1", "2", "2"],
        "label": ["a", "a", "b", "b"],
        "annotator": ["ann", "bo", "ann", "bo"],
        "camera": ["left", "left", "right", "right"],
    }
    assert opened(columns, "camera").table.slices == {"camera": ["left", "right"]}
    with pytest.raises(SourceError, match="several values of it for the sample '1'"):
        opened(columns, "annotator")


def test_a_manifest_and_the_run_that_remembers_it(tmp_path: Path) -> None:
    lines = ["path,label,who"]
    for row in range(4):
        Image.new("L", (8, 8), 60 * row).save(tmp_path / f"{row}.png")
        lines.append(f"{row}.png,{'ab'[row % 2]},{'xy'[row // 2]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    origin = Origin(str(tmp_path / "labels.csv"), SourceOptions(slices=("who",)))
    assert origin.open().table.slices == {"who": ["x", "x", "y", "y"]}
    run = RunDir(tmp_path / "run")
    run.root.mkdir()
    write_origin(run, origin)
    again = read_origin(run)
    assert again is not None
    assert again.options.slices == ("who",)
    value = json.loads(run.origin.read_text())
    del value["options"]["slices"]  # as written before there were slices
    run.origin.write_text(json.dumps(value))
    before = read_origin(run)
    assert before is not None
    assert before.options.slices == ()


def test_a_folder_has_no_columns(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / label / "0.png")
    with pytest.raises(SourceError, match=r"--slice who: .* says nothing of it; it has no slices"):
        open_source(str(tmp_path), SourceOptions(slices=("who",)))


def test_numbers_are_not_offered() -> None:
    rows = 100
    found = slice_candidates(
        table(label=["a"] * rows, who=["x", "y"] * 50, votes_a=[1, 2] * 50, one=["z"] * rows), {"label"}
    )
    assert found == ["who"]


@drawn(st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", " c "])), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_every_row_keeps_its_value(values: list[str | None]) -> None:
    found = table_slices(pa.table({"who": pa.array(values, pa.string())}), ["who"], rows=None, keys=None, where="t")
    kept = finished_slices(found, ["who"], [None] * len(values), where="t", assumed=[], may_be_one=True)
    assert kept["who"] == [value and value.strip() for value in values]


def test_a_column_of_nothing_is_no_candidate() -> None:
    table = pa.table({"label": ["a", "b"] * 100, "nothing": pa.nulls(200), "camera": ["x", "y"] * 100})
    assert slice_candidates(table, {"label"}) == ["camera"]
