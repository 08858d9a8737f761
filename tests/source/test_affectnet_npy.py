"""AffectNet's form of 2021: a picture and small npy files beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelaudit.errors import PixelError
from labelaudit.source.detect import open_source


@pytest.fixture
def folder(write_pictures) -> Path:
    root = write_pictures(
        "train_set/images/0.jpg", "train_set/images/1.JPG", "train_set/images/2.jpg", "val_set/images/0.jpg"
    )
    for name, code in {
        "train_set/annotations/0": "1",
        "train_set/annotations/1": "7",
        "train_set/annotations/9": "10",
        "val_set/annotations/0": 1,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(root / f"{name}_exp.npy", np.array(code))
        np.save(root / f"{name}_val.npy", np.array("0.1"))
    return root


def test_codes_in_npy_files(folder: Path) -> None:
    source = open_source(folder)
    assert source.format == "affectnet-npy"
    assert source.why.startswith("train_set/annotations/0_exp.npy found: AffectNet")
    assert [(sample.path, sample.given_label, sample.split) for sample in source.table] == [
        ("train_set/images/0.jpg", "happy", "train"),
        ("train_set/images/1.JPG", "contempt", "train"),
        ("train_set/images/2.jpg", None, "train"),
        ("val_set/images/0.jpg", "happy", "val"),
        ("train_set/images/9.jpg", "no_face", "train"),
    ]
    assert source.table.labels.names == ("happy", "contempt")
    with pytest.raises(PixelError, match=r"file not found: train_set/images/9.jpg"):
        source.read(4)
    assert source.signature() == open_source(folder).signature()


def test_annotations_that_cannot_be_read(folder: Path) -> None:
    (folder / "val_set/annotations/0_exp.npy").write_bytes(b"\x93NUMPY broken")
    np.save(folder / "train_set/annotations/2_exp.npy", np.array([{"a": 1}], dtype=object))  # a pickle: never loaded
    source = open_source(folder)
    assert source.table.given_label[2:4] == [None, None]
    assert any(said.startswith("2 annotations cannot be read") for said in source.assumed)
