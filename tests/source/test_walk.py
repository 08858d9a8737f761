"""One walk: what is a picture, which links are followed, and that none hangs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labelaudit.source.walk import is_picture_name, stays_inside, walk


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "b.Png", "c.webp", "d.bmp", "e.tif", "e.TIFF", "f.gif", "x.y.jpg"])
def test_endings_of_pictures(name: str) -> None:
    assert is_picture_name(name)


@pytest.mark.parametrize("name", ["jpg", "a.txt", "a.jpg.part", "README", "a.npy", ""])
def test_endings_of_other_files(name: str) -> None:
    assert not is_picture_name(name)


def test_stays_inside() -> None:
    assert stays_inside("/a/b", "/a")
    assert stays_inside("/a", "/a")
    assert stays_inside("/a", "/")
    assert not stays_inside("/ab", "/a")


def test_sorted_with_sizes_and_times(write_pictures) -> None:
    root = write_pictures("b/2.png", "b/10.PNG", "a/ü 1.jpg")
    (root / "b" / "notes.txt").write_text("x")
    (root / "empty").mkdir()
    tree = walk(root)
    assert tree.pictures == ["a/ü 1.jpg", "b/10.PNG", "b/2.png"]
    assert tree.others == ["b/notes.txt"]
    assert tree.folders == ["a", "b", "empty"]
    for path, size, time in zip(tree.pictures, tree.facts[:, 0], tree.facts[:, 1], strict=True):
        assert (size, time) == ((root / path).stat().st_size, (root / path).stat().st_mtime_ns)


def test_hidden_files_and_junk_are_passed_over(write_pictures) -> None:
    root = write_pictures("a/1.png", "a/.hidden.png", "a/._1.png", "__MACOSX/a/1.png", ".git/1.png")
    assert walk(root).pictures == ["a/1.png"]


def test_links_inside_are_followed(write_pictures) -> None:
    root = write_pictures("a/1.png", "b/2.png")
    (root / "b" / "link.png").symlink_to("../a/1.png")
    (root / "c").symlink_to("a")
    assert walk(root).pictures == ["a/1.png", "b/2.png", "b/link.png", "c/1.png"]


def test_links_to_folders_that_leave_are_not_followed(write_pictures, tmp_path: Path) -> None:
    root = write_pictures("a/1.png")
    write_pictures("secret.png", root=tmp_path / "outside")
    (root / "b").symlink_to(tmp_path / "outside")
    tree = walk(root)
    assert tree.pictures == ["a/1.png"]
    assert tree.not_followed == ["b"]


def test_cycles_end(write_pictures) -> None:
    root = write_pictures("a/1.png", "b/2.png")
    (root / "a" / "up").symlink_to("..")
    (root / "a" / "self").symlink_to(".")
    (root / "a" / "other").symlink_to("../b")
    (root / "b" / "other").symlink_to("../a")
    tree = walk(root)
    assert tree.pictures == ["a/1.png", "a/other/2.png", "b/2.png", "b/other/1.png"]
    assert set(tree.not_followed) >= {"a/up", "a/self", "a/other/other", "b/other/other"}


def test_a_link_that_leads_nowhere_stays_a_row(write_pictures) -> None:
    root = write_pictures("a/1.png")
    (root / "a" / "gone.png").symlink_to("nowhere.png")
    tree = walk(root)
    assert tree.pictures == ["a/1.png", "a/gone.png"]
    assert tree.facts.tolist()[1] == [-1, -1]


def test_the_root_may_be_a_link(write_pictures, tmp_path: Path) -> None:
    root = write_pictures("a/1.png")
    (tmp_path / "link").symlink_to(root)
    assert walk(tmp_path / "link").pictures == ["a/1.png"]


def test_what_an_audit_wrote_is_no_part_of_the_dataset(write_pictures) -> None:
    root = write_pictures("a/1.png", "runs/x/faces/1.png", "b/1.png")
    for name in ("run.json", "report.parquet"):
        (root / "runs" / "x" / name).write_text("{}")
    (root / "b" / "run.json").write_text("{}")  # alone it marks nothing
    tree = walk(root)
    assert tree.pictures == ["a/1.png", "b/1.png"]
    assert tree.runs == ["runs/x"]
    assert tree.others == ["b/run.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_circles_of_links_and_pipes_end_no_walk(tmp_path: Path) -> None:
    (tmp_path / "self.png").symlink_to("self.png")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    os.mkfifo(tmp_path / "labels.csv")
    os.mkfifo(tmp_path / "pipe.jpg")
    tree = walk(tmp_path)
    assert tree.pictures == ["pipe.jpg", "self.png"]
    assert tree.facts[1].tolist() == [-1, -1]
    assert tree.others == []
