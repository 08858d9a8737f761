"""Which format a dataset has: by looking, never by a coin toss, and as the user says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from source.all_copies import COPIES
from source.copies import Album, Write

from labelaudit.errors import SourceError
from labelaudit.faces import DrawnFaces
from labelaudit.source.detect import FORMATS, detect, format_named, open_source
from labelaudit.source.layout import Layout
from labelaudit.source.options import SourceOptions


def test_every_format_has_a_name_of_its_own() -> None:
    names = [one.name for one in FORMATS]
    assert len(set(names)) == len(names)
    assert {"folder", "manifest", "parquet", "fer2013", "ferplus", "rafdb", "affectnet", "huggingface"} <= set(names)
    for name in names:
        assert format_named(name).name == name
        assert name == name.lower()


def test_two_that_fit_equally_are_a_question(write_pictures) -> None:
    root = write_pictures("a/1.png", "b/2.png")
    (root / "labels.csv").write_text("path,label\na/1.png,x\nb/2.png,y\n")
    message = r"the folder set could be read in several ways: manifest \(labels.csv .*\); folder \(.*\); .* --format"
    with pytest.raises(SourceError, match=message):
        open_source(root)
    assert open_source(root, SourceOptions(format="folder")).table.labels.names == ("a", "b")
    told = open_source(root, SourceOptions(format="manifest"))
    assert told.table.labels.names == ("x", "y")
    assert told.why == "as --format says"


def test_two_known_datasets_in_a_folder_are_a_question(write_pictures) -> None:
    root = write_pictures("Image/aligned/train_1_aligned.jpg", "Image/aligned/train_2_aligned.jpg")
    (root / "list_patition_label.txt").write_text("train_1.jpg 1\ntrain_2.jpg 2\n")
    (root / "label.lst").write_text("train_1_aligned.jpg 0 0 0 4 4 30 3\ntrain_2_aligned.jpg 0 0 0 4 4 30 4\n")
    message = r"several ways: rafdb \(list_.*: RAF-DB basic\); expw \(label.lst found: ExpW\); choose one with --format"
    with pytest.raises(SourceError, match=message):
        open_source(root)
    assert open_source(root, SourceOptions(format="expw")).table.given_label == ["happy", "sad"]
    assert open_source(root, SourceOptions(format="rafdb")).table.given_label == ["surprise", "fear"]


@pytest.mark.parametrize("write", COPIES, ids=lambda write: write.__name__)
def test_what_is_told_and_what_is_seen_agree(write: Write, tmp_path: Path, drawn: DrawnFaces) -> None:
    copy = write(tmp_path / "set", Album(drawn))
    options = copy.source_options()
    seen = open_source(copy.location, options)
    told = open_source(copy.location, replace(options, format=copy.format))
    assert told.why == "as --format says"
    assert (told.format, told.assumed, told.table.sample_id) == (seen.format, seen.assumed, seen.table.sample_id)
    assert told.table.given.tolist() == seen.table.given.tolist()


def test_what_else_it_could_be_is_said(write_pictures) -> None:
    root = write_pictures("Image/aligned/train_1_aligned.jpg", "Image/other/train_2.jpg")
    (root / "list_patition_label.txt").write_text("train_1.jpg 1\ntrain_2.jpg 2\n")
    found = detect(Layout(root, SourceOptions()))
    assert found.chosen.name == "rafdb"
    assert [other.name for other in found.others] == ["folder"]
    assert open_source(root).why == "list_patition_label.txt found: RAF-DB basic (--format folder would fit too)"


def test_formats_that_do_not_exist(write_pictures) -> None:
    with pytest.raises(
        SourceError, match=r"--format foldr: no such format; did you mean 'folder'\? \(there are fer2013"
    ):
        open_source(write_pictures("a/1.png"), SourceOptions(format="foldr"))


@pytest.mark.parametrize("name", [one.name for one in FORMATS])
def test_no_format_breaks_on_what_it_does_not_know(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("not a dataset\n")
    for dataset in (tmp_path / "empty", tmp_path / "notes.txt"):
        with pytest.raises(SourceError) as caught:
            open_source(dataset, SourceOptions(format=name))
        assert "\n" not in str(caught.value)
        assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", ["notes.txt", "archive.zip", "noending"])
def test_files_of_no_format(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(SourceError, match=rf"{name} is of no known format \(fer2013, "):
        open_source(tmp_path / name)


@pytest.mark.parametrize("name", ["nowhere", "./no/where", "a/b/c", "/no/such/place", "~/faces", "a\0b", "x" * 5000])
def test_paths_that_are_not_there(name: str) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        open_source(name)


def test_a_mistyped_path_is_not_asked_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"data/faces: no such file or folder"):
        open_source("data/faces")
