from __future__ import annotations

from pathlib import Path, PurePosixPath

from labelaudit.gate.place import NOWHERE, Place, find_place, named_place, repository_root


def test_paths_stand_below_the_prefix():
    place = Place(PurePosixPath("data/faces"))
    assert place.file("happy/1.png") == "data/faces/happy/1.png"
    assert place.file("../other/1.png") == "data/other/1.png"
    assert place.file("/1.png") == "data/faces/1.png"
    assert place.file(None) is None
    assert NOWHERE.file("happy/1.png") == "happy/1.png"


def test_a_named_prefix_is_also_the_file_that_holds_embedded_pictures():
    assert named_place("data/batch.parquet").file(None) == "data/batch.parquet"
    assert named_place("").file(None) is None


def test_a_dataset_is_found_from_the_root_of_the_repository(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    faces = tmp_path / "data" / "faces"
    faces.mkdir(parents=True)
    table = tmp_path / "data" / "labels.csv"
    table.write_text("path,label")
    inner = tmp_path / "jobs"
    inner.mkdir()
    assert repository_root(inner) == tmp_path
    assert find_place(faces, None, start=inner) == Place(PurePosixPath("data/faces"))
    assert find_place(table, None, start=inner) == Place(PurePosixPath("data"), "data/labels.csv")
    assert find_place(table, faces, start=inner).file("1.png") == "data/faces/1.png"
    assert find_place(tmp_path / "nowhere", None, start=inner) == NOWHERE


def test_a_dataset_outside_of_the_repository_keeps_its_paths(tmp_path: Path):
    repository, faces = tmp_path / "repository", tmp_path / "faces"
    (repository / ".git").mkdir(parents=True)
    faces.mkdir()
    assert find_place(faces, None, start=repository).file("1.png") == "1.png"
