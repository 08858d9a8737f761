from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.labels import LabelSpace
from labelaudit.records import PixelFacts, Sample, SampleTable, Stage, no_progress

LABELS = LabelSpace(("happy", "sad"))


def samples(given_label: list[str | None]) -> SampleTable:
    count = len(given_label)
    return SampleTable([f"s{row}" for row in range(count)], given_label, [None] * count, ["train"] * count, LABELS)


@given(st.lists(st.sampled_from(["happy", "sad", "no face", None])))
@settings(deadline=None)
def test_given_labels_and_counts_follow_the_names(labels: list[str | None]) -> None:
    table = samples(labels)
    assert len(table) == len(labels)
    assert table.given.tolist() == [{"happy": 0, "sad": 1}.get(label, -1) for label in labels]
    assert table.class_counts().tolist() == [labels.count("happy"), labels.count("sad")]
    for row, label in enumerate(labels):
        assert table[row] == Sample(f"s{row}", label, None, "train")


def test_columns_have_one_length() -> None:
    with pytest.raises(ValueError, match=r"differ in length: \[1, 2\]"):
        SampleTable(["a", "b"], ["happy"], [None], [None], LABELS)


def test_votes_have_a_row_a_sample_and_a_column_a_class() -> None:
    columns = (["a"], ["happy"], [None], [None], LABELS)
    assert SampleTable(*columns, votes=np.array([[3, 1]], dtype=np.float32)).votes is not None
    with pytest.raises(ValueError, match=r"shape \(1, 3\), not \(1, 2\)"):
        SampleTable(*columns, votes=np.zeros((1, 3), dtype=np.float32))


def test_readable_is_without_an_error() -> None:
    none, nothing = np.zeros(2, dtype=np.int32), np.zeros(2, dtype=np.float32)
    facts = PixelFacts([None, "truncated"], [None] * 2, none, none, nothing, nothing, none, none.astype(bool))
    assert facts.readable.tolist() == [True, False]


def test_the_silent_progress_takes_a_stage() -> None:
    assert no_progress(Stage("pixels", 1, 2, "faces")) is None
