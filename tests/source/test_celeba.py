"""CelebA as text and as csv; one attribute is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions

SMILING = SourceOptions(label_column="smiling")


@pytest.fixture
def folder(write_pictures) -> Path:
    root = write_pictures(
        "img_align_celeba/img_align_celeba/000001.jpg", "img_align_celeba/img_align_celeba/000002.jpg"
    )
    (root / "list_attr_celeba.txt").write_bytes(
        b"4\r\n5_o_Clock_Shadow Smiling \r\n000001.jpg -1  1\r\n000002.jpg  1 -1\r\n000003.jpg -1  7\r\n\r\n"
    )
    (root / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 2\n\n")
    return root


def test_text(folder: Path) -> None:
    for source in (open_source(folder, SMILING), open_source(folder / "list_attr_celeba.txt", SMILING)):
        assert source.format == "celeba"
        assert source.table.sample_id[0] == "img_align_celeba/img_align_celeba/000001.jpg"
        assert source.table.given_label == ["Smiling", "not Smiling", "7"]
        assert source.table.labels.names == ("not Smiling", "Smiling")
        assert source.table.split == ["train", "test", None]
        assert "list_attr_celeba.txt announces 4 rows and holds 3" in source.assumed
        assert "1 row has no split in list_eval_partition.txt" in source.assumed
        with pytest.raises(PixelError, match="file not found"):
            source.read(2)


def test_csv(folder: Path) -> None:
    (folder / "list_attr_celeba.txt").unlink()
    (folder / "list_eval_partition.txt").unlink()
    (folder / "list_attr_celeba.csv").write_text(
        "image_id,5_o_Clock_Shadow,Smiling\n000001.jpg,-1,1\n000002.jpg,1,-1\n"
    )
    (folder / "list_eval_partition.csv").write_text("image_id,partition\n000001.jpg,1\n000002.jpg,2\n")
    source = open_source(folder, SMILING)
    assert source.table.given_label == ["Smiling", "not Smiling"]
    assert source.table.split == ["val", "test"]


def test_the_attribute_is_a_choice(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"choose one with --label-column \(5_o_Clock_Shadow, Smiling\)"):
        open_source(folder)
    with pytest.raises(SourceError, match=r"--label-column smilin: .* did you mean 'Smiling'\?"):
        open_source(folder, SourceOptions(label_column="smilin"))


def test_a_row_that_is_short(folder: Path) -> None:
    (folder / "list_attr_celeba.txt").write_text("1\nA B\n000001.jpg 1\n")
    with pytest.raises(SourceError, match=r"the row of 000001.jpg has 1 values where the names line has 2"):
        open_source(folder, SourceOptions(label_column="A"))


@pytest.mark.parametrize("first", ["11\x1d", "9" * 5_000, "four"])
def test_a_first_line_that_is_no_count_says_nothing(folder: Path, first: str) -> None:
    lines = (folder / "list_attr_celeba.txt").read_text().split("\n")
    (folder / "list_attr_celeba.txt").write_text("\n".join([first, *lines[1:]]))
    assert len(open_source(folder, SMILING).table) == 3


def test_a_partition_of_one_column_is_refused(folder: Path) -> None:
    (folder / "list_eval_partition.txt").unlink()
    (folder / "list_eval_partition.csv").write_text("image_id\n000001.jpg\n")
    with pytest.raises(SourceError, match=r"list_eval_partition\.csv has one column"):
        open_source(folder, SMILING)
