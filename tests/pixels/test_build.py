from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labelaudit.errors import CacheError
from labelaudit.faces import DrawnFaces
from labelaudit.pixels import build, chunks
from labelaudit.pixels.build import build_store, stored_side
from labelaudit.pixels.decode import decode_face
from labelaudit.pixels.store import PixelStore
from labelaudit.records import Stage
from labelaudit.rundir import locked

Encode = Callable[..., bytes]
MakeSource = Callable[..., "object"]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_MAX_CHUNK_ROWS", 8)


@pytest.fixture
def source(memory_source: MakeSource, encoded: Encode, drawn: DrawnFaces):
    """45 faces; two are equal under different labels, three are unreadable each in its way."""
    pictures: list = [encoded(face) for face in drawn.images[:45]]
    pictures[7] = pictures[3]
    pictures[11] = b""
    pictures[12] = b"no picture"
    pictures[13] = "the file is missing"
    given = list(drawn.given[:45])
    given[3], given[7] = "happy", "sad"
    return memory_source(pictures, given)


def same(one: PixelStore, other: PixelStore) -> bool:
    mine, theirs = one.facts, other.facts
    return (
        bool((one.pixels == other.pixels).all())
        and list(mine.error) == list(theirs.error)
        and list(mine.content_sha256) == list(theirs.content_sha256)
        and np.array_equal(mine.sharpness, theirs.sharpness, equal_nan=True)
        and np.array_equal(mine.brightness, theirs.brightness, equal_nan=True)
        and np.array_equal(mine.duplicate_group, theirs.duplicate_group)
        and np.array_equal(mine.width, theirs.width)
    )


def test_every_row_is_there(source, tmp_path: Path) -> None:
    store = build_store(source, size=112, cache_dir=tmp_path)
    facts = store.facts
    assert len(store) == len(facts.error) == 45
    assert store.pixels.shape == (45, 48, 48, 3)
    assert store.size == 48
    assert not store.reused
    assert store.note is None
    assert np.flatnonzero(~facts.readable).tolist() == [11, 12, 13]
    assert facts.error[11] == "the file is empty (0 bytes)"
    assert facts.error[12].startswith("not a picture")
    assert facts.error[13] == "the file is missing"
    assert [facts.content_sha256[row] is None for row in (10, 11, 12, 13)] == [False, True, False, True]
    for row in (0, 44):
        face = decode_face(source.pictures[row], size=48)
        assert (store.pixels[row] == face.pixels).all()
        assert facts.sharpness[row] == pytest.approx(face.sharpness)
        assert facts.brightness[row] == pytest.approx(face.brightness)
    assert not store.pixels[11:14].any()
    assert np.isnan(facts.sharpness[11:14]).all()
    assert np.isnan(facts.brightness[11:14]).all()
    assert facts.width[11:14].tolist() == [0, 0, 0]


def test_duplicates_and_their_conflict_are_found(source, tmp_path: Path) -> None:
    store = build_store(source, size=48, cache_dir=tmp_path)
    assert np.flatnonzero(store.facts.duplicate_group == 0).tolist() == [3, 7]
    assert np.flatnonzero(store.exact_group == 0).tolist() == [3, 7]
    assert np.flatnonzero(store.facts.conflict).tolist() == [3, 7]


def test_content_hash(memory_source: MakeSource, tmp_path: Path) -> None:
    raw = np.arange(64, dtype=np.uint8).reshape(8, 8)
    facts = build_store(memory_source([raw]), size=8, cache_dir=tmp_path).facts
    # sha256 of the bytes 0 .. 63
    assert facts.content_sha256[0] == "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"


def test_the_next_run_reuses_it(source, tmp_path: Path) -> None:
    first = build_store(source, size=112, cache_dir=tmp_path)
    source.reads.clear()
    stages: list[Stage] = []
    again = build_store(source, size=112, cache_dir=tmp_path, progress=stages.append)
    assert again.reused
    assert again.note is None
    assert again.key == first.key
    assert same(first, again)
    assert not stages
    assert source.reads.count(20) == 1  # its header, to know the side
    assert not list(first.folder.glob("parts*"))


def test_labels_are_not_part_of_it(source, tmp_path: Path) -> None:
    first = build_store(source, size=48, cache_dir=tmp_path)
    source.given = ["fear"] * 45
    again = build_store(source, size=48, cache_dir=tmp_path)
    assert again.reused
    assert first.facts.conflict.any()
    assert not again.facts.conflict.any()


def test_other_pictures_ids_or_sides_are_another_store(source, memory_source: MakeSource, tmp_path: Path) -> None:
    keys = {build_store(source, size=size, cache_dir=tmp_path).key for size in (48, 32)}
    source.version = "2"
    keys.add(build_store(source, size=48, cache_dir=tmp_path).key)
    keys.add(build_store(memory_source(source.pictures[:44], source.given[:44]), size=48, cache_dir=tmp_path).key)
    assert len(keys) == 4


@pytest.mark.usefixtures("small_chunks")
def test_threads_and_chunks_change_nothing(source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    four = build_store(source, size=48, cache_dir=tmp_path / "four", workers=4)
    monkeypatch.setattr(chunks, "_MAX_CHUNK_ROWS", 45)
    one = build_store(source, size=48, cache_dir=tmp_path / "one", workers=1)
    assert same(four, one)
    assert (four.folder / "pixels.u8").read_bytes() == (one.folder / "pixels.u8").read_bytes()
    assert (four.folder / "index.parquet").read_bytes() == (one.folder / "index.parquet").read_bytes()


@pytest.mark.usefixtures("small_chunks")
def test_progress_counts_faces(source, tmp_path: Path) -> None:
    stages: list[Stage] = []
    build_store(source, size=48, cache_dir=tmp_path, workers=2, progress=stages.append)
    done = [stage.done for stage in stages if stage.name == "pixels"]
    assert (done[0], done[-1], len(done)) == (0, 45, 7)
    assert done == sorted(done)


def test_no_rows(memory_source: MakeSource, tmp_path: Path) -> None:
    store = build_store(memory_source([]), size=32, cache_dir=tmp_path)
    assert store.pixels.shape == (0, 32, 32, 3)
    assert build_store(memory_source([]), size=32, cache_dir=tmp_path).reused


def test_nothing_readable(memory_source: MakeSource, tmp_path: Path) -> None:
    store = build_store(memory_source([b"x", "gone"]), size=24, cache_dir=tmp_path)
    assert store.size == 24
    assert not store.facts.readable.any()


@pytest.mark.parametrize(("sides", "expected"), [([48, 30], 48), ([100, 200], 112), ([5, 3], 16), ([40, 0], 40)])
def test_small_faces_are_not_stored_large(memory_source: MakeSource, sides: list[int], expected: int) -> None:
    pictures = [np.zeros((side, side), dtype=np.uint8) for side in sides]
    assert stored_side(memory_source(pictures), size=112) == expected


def test_the_side_is_looked_for_all_over_a_large_dataset(memory_source: MakeSource) -> None:
    pictures = [np.zeros((20, 20), dtype=np.uint8)] * 4_000
    pictures[3_990] = np.zeros((64, 30), dtype=np.uint8)
    source = memory_source(pictures)
    assert stored_side(source, size=112) == 64
    assert len(source.reads) == 512


KILLED = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from conftest import MemorySource
    from labelaudit.pixels import chunks
    from labelaudit.pixels.build import build_store
    chunks._MAX_CHUNK_ROWS = 8

    class Killing(MemorySource):
        def read(self, row):
            if row == 30:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().read(row)

    pictures = [Path(name).read_bytes() for name in sys.argv[2:]]
    build_store(Killing(pictures, ["a"] * 45, [None] * 45), size=48, cache_dir=Path(sys.argv[1]), workers=1)
"""


@pytest.mark.usefixtures("small_chunks")
def test_a_killed_build_goes_on_and_gives_the_same(
    memory_source: MakeSource, encoded: Encode, drawn: DrawnFaces, tmp_path: Path
) -> None:
    pictures = [encoded(face) for face in drawn.images[:45]]
    names = []
    for row, picture in enumerate(pictures):
        names.append(str(tmp_path / f"{row:02d}.png"))
        Path(names[-1]).write_bytes(picture)
    code = textwrap.dedent(KILLED).format(tests=str(Path(__file__).parent))
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "killed"), *names], check=False)
    assert killed.returncode == -signal.SIGKILL
    (folder,) = (tmp_path / "killed" / "pixels").iterdir()
    assert not (folder / "meta.json").exists()
    assert len(list((folder / "parts").glob("*.parquet"))) == 3  # rows 0 to 23

    source = memory_source(pictures, ["a"] * 45)
    went_on = build_store(source, size=48, cache_dir=tmp_path / "killed")
    assert went_on.folder == folder
    assert went_on.note == "an interrupted build of the pixel cache went on: 24 pictures were there"
    assert sorted(source.reads[1:]) == list(range(24, 45))  # and one header, to know the side
    assert same(went_on, build_store(source, size=48, cache_dir=tmp_path / "whole"))


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("harm", ["part", "pixels"])
def test_a_damaged_unfinished_store_is_redone(
    source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(build, "_finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            build_store(source, size=48, cache_dir=tmp_path)
    (folder,) = (tmp_path / "pixels").iterdir()
    if harm == "part":
        (folder / "parts" / "000002.parquet").write_bytes(b"PAR1")
    else:
        (folder / "pixels.u8").unlink()
    redone = build_store(source, size=48, cache_dir=tmp_path)
    assert (redone.note is None) == (harm == "pixels")
    assert same(redone, build_store(source, size=48, cache_dir=tmp_path / "whole"))


def spoil_pixels(folder: Path) -> None:
    (folder / "pixels.u8").write_bytes(bytes((folder / "pixels.u8").stat().st_size))


def shorten_pixels(folder: Path) -> None:
    os.truncate(folder / "pixels.u8", 100)


def spoil_index(folder: Path) -> None:
    content = bytearray((folder / "index.parquet").read_bytes())
    content[len(content) // 2] ^= 255
    (folder / "index.parquet").write_bytes(content)


def remove_index(folder: Path) -> None:
    (folder / "index.parquet").unlink()


def remove_pixels(folder: Path) -> None:
    (folder / "pixels.u8").unlink()


def flip_one_bit(folder: Path) -> None:
    with (folder / "pixels.u8").open("r+b") as file:
        file.seek(5_000)
        byte = file.read(1)[0]
        file.seek(5_000)
        file.write(bytes([byte ^ 1]))


def spoil_meta(folder: Path) -> None:
    (folder / "meta.json").write_text("{")


def empty_meta(folder: Path) -> None:
    (folder / "meta.json").write_text(json.dumps([]))


@pytest.mark.parametrize(
    "harm",
    [spoil_pixels, flip_one_bit, shorten_pixels, spoil_index, remove_index, remove_pixels, spoil_meta, empty_meta],
)
def test_a_damaged_store_is_rebuilt_with_a_word(source, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    whole = build_store(source, size=48, cache_dir=tmp_path / "whole")
    store = build_store(source, size=48, cache_dir=tmp_path / "harmed")
    harm(store.folder)
    rebuilt = build_store(source, size=48, cache_dir=tmp_path / "harmed")
    assert not rebuilt.reused
    assert rebuilt.note is not None
    assert rebuilt.note.startswith("the pixel cache was damaged and has been rebuilt (")
    assert same(rebuilt, whole)
    assert build_store(source, size=48, cache_dir=tmp_path / "harmed").reused


def test_a_picture_that_can_be_read_again_is(source, encoded: Encode, drawn: DrawnFaces, tmp_path: Path) -> None:
    build_store(source, size=48, cache_dir=tmp_path)
    source.pictures[13] = encoded(drawn.images[13])
    again = build_store(source, size=48, cache_dir=tmp_path)
    assert again.facts.error[13] is None
    assert again.note is not None
    assert "can be read now" in again.note


def test_a_disk_error_while_reading_is_a_row_and_not_the_end(source, tmp_path: Path) -> None:
    read = source.read

    def failing(row: int):
        if row == 20:
            raise PermissionError(errno.EACCES, "Permission denied", "/secret/place")
        return read(row)

    source.read = failing
    store = build_store(source, size=48, cache_dir=tmp_path)
    assert store.facts.error[20] == "cannot be read: Permission denied"


def test_a_full_disk_is_said_in_one_line(source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(chunks.os, "fsync", full)
        with pytest.raises(CacheError, match=r"No space left on device; name another one with --cache-dir") as caught:
            build_store(source, size=48, cache_dir=tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert build_store(source, size=48, cache_dir=tmp_path).facts.readable.sum() == 42


def test_too_little_room_is_known_before_work_begins(source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1_000}))
    with pytest.raises(CacheError, match=r"needs 0\.0 GB .* --cache-dir"):
        build_store(source, size=48, cache_dir=tmp_path)


def test_a_cache_folder_that_is_a_file(source, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match=r"cannot use the cache folder .*--cache-dir"):
        build_store(source, size=48, cache_dir=tmp_path / "file")


@pytest.mark.usefixtures("small_chunks")
def test_two_at_once_build_one_store(source, tmp_path: Path) -> None:
    stores: list[PixelStore] = []

    def run() -> None:
        stores.append(build_store(source, size=48, cache_dir=tmp_path, workers=2))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(store.reused for store in stores) in ([False, True], [True, True])
    assert same(*stores)


def test_whoever_comes_second_waits(source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build_store(source, size=48, cache_dir=tmp_path).folder
    (folder / "meta.json").unlink()
    held = locked(folder)
    held.__enter__()
    stages: list[Stage] = []

    def watch(stage: Stage) -> None:
        stages.append(stage)
        if stage.name.startswith("waiting"):
            held.__exit__(None, None, None)

    store = build_store(source, size=48, cache_dir=tmp_path, progress=watch)
    assert [stage.name.split()[0] for stage in stages][:2] == ["waiting", "pixels"]
    assert not store.reused


def test_the_shared_faces_hold_the_known_duplicates(
    shared_data: Path, memory_source: MakeSource, tmp_path: Path
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(shared_data, columns=["image", "label"])
    store = build_store(
        memory_source(table["image"].to_pylist(), table["label"].to_pylist()), size=112, cache_dir=tmp_path
    )
    assert store.size == 48
    assert store.exact_group.max() + 1 == 1_032
    assert (store.exact_group >= 0).sum() == 2_256
    assert store.facts.readable.all()
    groups = {number: set() for number in range(1_032)}
    for number, label in zip(store.exact_group.tolist(), table["label"].to_pylist(), strict=True):
        if number >= 0:
            groups[number].add(label)
    assert sum(len(labels) > 1 for labels in groups.values()) == 38
