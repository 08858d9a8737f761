"""FairFace: two csv files, one of their columns."""

from __future__ import annotations

import pytest
from source.other_copies import FAIRFACE_HEADER

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions


def test_columns(write_pictures) -> None:
    root = write_pictures("fairface/train/1.jpg", "fairface/train/2.jpg", "fairface/val/1.jpg")
    (root / "fairface_label_train.csv").write_text(
        FAIRFACE_HEADER
        + "train/1.jpg,50-59,Male,East Asian,True\ntrain/2.jpg,3-9,Female,Indian,False\ntrain/3.jpg,3-9,,Black,True\n\n"
    )
    (root / "fairface_label_val.csv").write_text(
        FAIRFACE_HEADER + "val/1.jpg,0-2,Male,Black,True\ntrain/1.jpg,0-2,Male,Black,True\n"
    )
    source = open_source(root, SourceOptions(label_column="gender"))
    assert source.format == "fairface"
    assert source.table.sample_id == [
        "fairface/train/1.jpg",
        "fairface/train/2.jpg",
        "fairface/train/3.jpg",
        "fairface/val/1.jpg",
        "fairface/train/1.jpg#2",  # split files that overlap: both rows stay
    ]
    assert source.table.given_label == ["Male", "Female", None, "Male", "Male"]
    assert source.table.split == ["train", "train", "train", "val", "val"]
    with pytest.raises(PixelError, match=r"file not found: fairface/train/3.jpg"):
        source.read(2)
    with pytest.raises(SourceError, match=r"choose one with --label-column \(age, gender, race\)"):
        open_source(root)
