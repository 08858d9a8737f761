"""AffectNet's csv form: face boxes, codes that are no expression, splits by file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from source.expression_copies import AFFECTNET_HEADER

from labelaudit.errors import PixelError
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "set" / "Manually_Annotated_Images"
    for name in ("1/a.jpg", "1/b.JPG", "2/c d.jpg"):
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(pictures / name, "PNG")
    (tmp_path / "set" / "training.csv").write_text(
        AFFECTNET_HEADER
        + '1/a.jpg,2,1,3,2,"1;2;3",1,0.1,0.2\n'
        + "1/b.JPG,NULL,NULL,NULL,NULL,,8,-2,-2\n"
        + "1/gone.jpg,0,0,8,8,,10,-2,-2\n"
        + "2/c d.jpg,90,90,4,4,,0,-2,-2\n\n"
    )
    (tmp_path / "set" / "validation.csv").write_text(
        AFFECTNET_HEADER + "1/a.jpg,0,0,8,8,,7,0,0\n1/a.jpg,4,4,4,4,,11,0,0\n"
    )
    return tmp_path / "set"


def test_the_csv_form(folder: Path) -> None:
    source = open_source(folder)
    assert source.format == "affectnet"
    assert source.why.startswith("training.csv, validation.csv with the column subDirectory_filePath: AffectNet")
    table = source.table
    assert table.sample_id[0] == "Manually_Annotated_Images/1/a.jpg"
    assert table.sample_id[4:] == ["Manually_Annotated_Images/1/a.jpg#2", "Manually_Annotated_Images/1/a.jpg#3"]
    assert table.given_label == ["happy", "none", "no_face", "neutral", "contempt", "11"]
    assert table.labels.names == ("neutral", "happy", "contempt")
    assert table.given.tolist() == [1, -1, -1, 0, 2, -1]
    assert table.split == ["train"] * 4 + ["val"] * 2
    said = "\n".join(source.assumed)
    assert "3 rows carry a label that is no class here (11, no_face, none): kept, not audited" in said
    assert "1 row has no face box: the whole picture is taken" in said
    assert "paths are relative to the folder Manually_Annotated_Images" in said


def test_faces_are_cut_out(folder: Path) -> None:
    source = open_source(folder)
    face = source.read(0)
    assert isinstance(face, np.ndarray)
    assert face.shape == (2, 3, 3)
    assert face[..., 0].tolist() == [[10, 11, 12], [18, 19, 20]]
    assert source.read(1) == (folder / "Manually_Annotated_Images" / "1" / "b.JPG").read_bytes()
    with pytest.raises(PixelError, match=r"file not found: Manually_Annotated_Images/1/gone.jpg"):
        source.read(2)
    with pytest.raises(PixelError, match="lies outside the picture of 8 x 8"):
        source.read(3)
    whole = source.read(4)
    assert isinstance(whole, np.ndarray)
    assert whole.shape == (8, 8, 3)


def test_one_file_of_it(folder: Path) -> None:
    source = open_source(folder / "training.csv")
    assert source.table.split == ["train"] * 4
    assert source.table.path[0] == "Manually_Annotated_Images/1/a.jpg"


def test_automatic_labels_are_a_split_of_their_own(folder: Path) -> None:
    (folder / "automatically_annotated.csv").write_text(AFFECTNET_HEADER + "2/c d.jpg,0,0,8,8,,3,0,0\n")
    source = open_source(folder)
    assert source.table.split[-1] == "automatic"
    only = open_source(folder, SourceOptions(splits=("train", "val")))
    assert len(only.table) == 6


def test_numbered_folders_when_told(write_pictures) -> None:
    root = write_pictures("train/0/a.jpg", "train/7/b.jpg", root=None)
    assert open_source(root, SourceOptions(format="affectnet")).table.labels.names == ("neutral", "contempt")
