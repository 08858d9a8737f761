"""Words that datasets share."""

from __future__ import annotations

import pytest

from labelaudit.source.words import (
    counted,
    did_you_mean,
    means_no_class,
    names_expression,
    same_label,
    some,
    split_name,
    splits_of_shards,
    twin_spellings,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Training", "train"),
        ("VALID", "val"),
        ("dev", "val"),
        ("PublicTest", "val"),
        ("PrivateTest", "test"),
        ("Fold 3", "Fold 3"),
    ],
)
def test_split_name(written: str, expected: str) -> None:
    assert split_name(written) == expected


def test_splits_of_shards() -> None:
    assert splits_of_shards(["train-00000-of-00002", "Validation_1", "test"]) == ["train", "Validation", "test"]
    assert splits_of_shards(["train-0", "other-0"]) == []
    assert splits_of_shards(["fer_votes_train"]) == []


def test_expressions_and_what_is_none() -> None:
    assert names_expression("Happiness")
    assert not names_expression("age")
    assert means_no_class("Not a Face")
    assert means_no_class("NF")
    assert not means_no_class("neutral")


def test_same_label() -> None:
    assert same_label("angry", "Anger")
    assert same_label("Old Man", "old_man")
    assert not same_label("angry", "disgust")


def test_twin_spellings() -> None:
    assert twin_spellings(["Happy", "sad", "happy ", "Sadness", "fear"]) == [("Happy", "happy "), ("sad", "Sadness")]
    assert twin_spellings(["1", "2", "?", "!"]) == []


def test_for_people() -> None:
    assert counted(1, "row") == "1 row"
    assert counted(1234, "row") == "1,234 rows"
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert did_you_mean("File-Nmae", ["file_name", "label"]) == "; did you mean 'file_name'?"
    assert did_you_mean("xyz", ["file_name"]) == ""
