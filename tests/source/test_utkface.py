"""UTKFace: labels in the names."""

from __future__ import annotations

import pytest

from labelaudit.errors import SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions

NAMES = [f"{age}_{age % 2}_{age % 5}_20170109142408075.jpg.chip.JPG" for age in range(1, 13)]
ODD = "61_1_20170109142408075.jpg"


def test_labels_in_names(write_pictures) -> None:
    root = write_pictures(*(f"part1/{name}" for name in [*NAMES, ODD]), "part1/9_3_7_20170109142408075.jpg")
    source = open_source(root, SourceOptions(label_column="gender"))
    assert source.format == "utkface"
    by_name = dict(zip(source.table.sample_id, source.table.given_label, strict=True))
    assert by_name[f"part1/{NAMES[0]}"] == "female"
    assert by_name[f"part1/{NAMES[1]}"] == "male"
    assert by_name[f"part1/{ODD}"] is None
    assert by_name["part1/9_3_7_20170109142408075.jpg"] == "3"
    assert source.table.labels.names == ("male", "female")
    assert f"1 name lacks a part (part1/{ODD})" in source.assumed
    races = open_source(root, SourceOptions(label_column="race")).table
    assert races.labels.names == ("White", "Black", "Asian", "Indian", "Others")


def test_what_is_audited_is_a_choice(write_pictures) -> None:
    with pytest.raises(SourceError, match=r"UTKFace labels several things: choose one with .*\(gender, race\)"):
        open_source(write_pictures(*NAMES))


def test_few_such_names_are_no_utkface(write_pictures) -> None:
    root = write_pictures("a/1.jpg", f"a/{NAMES[0]}", "b/2.jpg", f"b/{NAMES[1]}")
    assert open_source(root).format == "folder"
