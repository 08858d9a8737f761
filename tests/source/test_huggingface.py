"""Hugging Face datasets: saved, in memory; pictures as bytes, never from outside the dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelaudit.errors import PixelError, SourceError
from labelaudit.source.detect import open_source
from labelaudit.source.given import source_from
from labelaudit.source.options import SourceOptions

datasets = pytest.importorskip("datasets")

NAMES = ("happy", "sad")


def test_a_saved_dataset(part, tmp_path: Path) -> None:
    part.save_to_disk(tmp_path / "saved")
    source = open_source(tmp_path / "saved")
    assert source.format == "huggingface"
    assert source.why == "dataset_info.json found: a saved Hugging Face dataset"
    assert source.table.sample_id == ["row/0", "row/1", "row/2"]
    assert source.table.given_label == ["happy", "sad", "sad"]
    assert source.table.labels.names == ("happy", "sad")
    assert source.read(2) == (tmp_path / "set" / "3.png").read_bytes()
    assert source.signature() == open_source(tmp_path / "saved").signature()


def test_splits(part, tmp_path: Path) -> None:
    both = datasets.DatasetDict({"train": part, "validation": part.select([2, 0])})
    both.save_to_disk(tmp_path / "saved")
    source = open_source(tmp_path / "saved")
    assert source.why == "dataset_dict.json found: a saved Hugging Face dataset"
    assert source.table.sample_id == ["train/0", "train/1", "train/2", "validation/0", "validation/1"]
    assert source.table.split == ["train"] * 3 + ["val"] * 2
    assert source.table.given_label[3:] == ["sad", "happy"]
    assert source.read(3) == source.read(2)
    assert source.read(4) == source.read(0)
    only = open_source(tmp_path / "saved", SourceOptions(splits=("val",)))
    assert only.read(1) == source.read(0)


def test_in_memory(part) -> None:
    source = source_from(part)
    assert source.table.given_label == ["happy", "sad", "sad"]
    assert source.table.split == [None] * 3
    with pytest.raises(SourceError, match="is a stream"):
        source_from(part.to_iterable_dataset())


def test_files_outside_the_dataset_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    features = datasets.Features({"image": datasets.Image(decode=False), "label": datasets.Value("string")})
    cells = [{"bytes": None, "path": str(tmp_path / "secret.png")}, None]
    made = datasets.Dataset.from_dict({"image": cells, "label": ["a", "b"]}, features=features)
    source = source_from(made)
    with pytest.raises(PixelError, match=r"^secret.png leaves the root: it lies outside the dataset$"):
        source.read(0)
    with pytest.raises(PixelError, match="the row holds no picture"):
        source.read(1)
    assert source_from(made, SourceOptions(root=tmp_path)).read(0) == b"secret"


def test_a_dataset_without_pictures() -> None:
    made = datasets.Dataset.from_dict({"text": ["a", "b"], "label": ["x", "y"]})
    with pytest.raises(SourceError, match="has no column of pictures"):
        source_from(made)


def test_a_dataset_of_pictures_only(part) -> None:
    with pytest.raises(SourceError, match="has no column that looks like labels"):
        source_from(part.remove_columns("label"))


def test_a_folder_that_is_broken(part, tmp_path: Path) -> None:
    part.save_to_disk(tmp_path / "saved")
    (tmp_path / "saved" / "state.json").write_text("{}")
    with pytest.raises(SourceError, match="saved cannot be opened as a saved Hugging Face dataset"):
        open_source(tmp_path / "saved")


def _spoil_offsets(path: Path) -> None:
    """Has the labels' texts begin far beyond their end; nothing else of the file changes."""
    content = path.read_bytes()
    offsets = np.array([0, 5, 8, 11], dtype=np.int32).tobytes()  # happy, sad, sad
    assert content.count(offsets) == 1
    path.write_bytes(content.replace(offsets, np.array([0, 2_000_000_000, 2_000_000_003, 11], np.int32).tobytes()))


@pytest.mark.parametrize("parts", [False, True])
def test_an_arrow_file_that_would_end_the_process_is_refused(part, tmp_path: Path, parts: bool) -> None:
    texts = part.cast_column("label", datasets.Value("string")).map(lambda row: {"label": NAMES[int(row["label"])]})
    (datasets.DatasetDict({"train": texts}) if parts else texts).save_to_disk(tmp_path / "saved")
    assert open_source(tmp_path / "saved").table.given_label == ["happy", "sad", "sad"]
    [file] = (tmp_path / "saved").rglob("data-*.arrow")
    _spoil_offsets(file)
    with pytest.raises(
        SourceError, match=rf"^the folder saved cannot be opened .*: {file.parent.name}/{file.name}: .*Offset"
    ):
        open_source(tmp_path / "saved")
    file.write_bytes(b"")
    with pytest.raises(SourceError, match=r"^the folder saved cannot be opened as a saved Hugging Face [^\n]+$"):
        open_source(tmp_path / "saved")
