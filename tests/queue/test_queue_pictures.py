import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from labelaudit.pixels.chunks import content_sha256
from labelaudit.queue.pictures import encoded, link_pictures, write_pictures
from labelaudit.queue.select import QueueChoice, select_queue
from labelaudit.source.detect import open_source
from labelaudit.source.memory import ArraySource


@pytest.fixture
def source(tmp_path):
    """Three pictures of two classes, one of them with metadata, in a folder."""
    folder = tmp_path / "set"
    for number, (label, ending) in enumerate([("happy", "PNG"), ("happy", "jpg"), ("sad", "png")]):
        (folder / label).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(np.full((8, 8, 3), number * 40, dtype=np.uint8))
        exif = Image.Exif()
        exif[0x010E] = "described by somebody"
        picture.save(folder / label / f"{number}.{ending}", exif=exif)
    return open_source(folder)


@pytest.fixture
def queue(source, make_report):
    rows = [
        {
            "sample_id": source.table.sample_id[row],
            "path": source.table.path[row],
            "content_sha256": content_sha256(source.read(row)),
            "queue_rank": 3 - row,
        }
        for row in range(3)
    ]
    return select_queue(make_report(*rows), QueueChoice())


def test_a_copy_is_the_file_itself_under_a_name_that_tells_its_place_only(source, queue, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    found = write_pictures(queue, out, source=source)
    assert found.missing == {}
    assert found.links == {"sad/2.png": "images/1.png", "happy/1.jpg": "images/2.jpg", "happy/0.PNG": "images/3.png"}
    for item in queue.items:
        copy = (out / found.links[item.sample_id]).read_bytes()
        assert hashlib.sha256(copy).hexdigest() == item.content_sha256
    assert sorted(each.name for each in (out / "images").iterdir()) == ["1.png", "2.jpg", "3.png"]


def test_what_is_gone_or_changed_is_said_and_not_copied(source, queue, tmp_path):
    folder = tmp_path / "set"
    (folder / "sad" / "2.png").unlink()
    with open(folder / "happy" / "1.jpg", "ab") as file:
        file.write(b"x")
    stranger = replace(queue.items[0], sample_id="sad/9.png")
    unread = replace(queue.items[2], content_sha256=None)
    out = tmp_path / "out"
    out.mkdir()
    found = write_pictures(replace(queue, items=(*queue.items[:2], stranger, unread)), out, source=source)
    assert found.links == {}
    assert found.missing == {
        "sad/2.png": "file not found: sad/2.png",
        "happy/1.jpg": "changed since the audit",
        "sad/9.png": "not in the dataset",
        "happy/0.PNG": "changed since the audit",
    }
    assert list((out / "images").iterdir()) == []


def test_raw_pixels_become_png(make_report, tmp_path):
    pixels = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    source = ArraySource(pixels, ["happy", "sad"])
    digests = [content_sha256(source.read(row)) for row in range(2)]
    rows = [
        {"sample_id": sample_id, "path": None, "content_sha256": digest}
        for sample_id, digest in zip(source.table.sample_id, digests, strict=True)
    ]
    found = write_pictures(select_queue(make_report(*rows), QueueChoice()), tmp_path, source=source)
    assert list(found.links.values()) == ["images/1.png", "images/2.png"]
    for row, link in enumerate(found.links.values()):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / link)), pixels[row])


def test_names_sort_as_the_queue_does(make_report, tmp_path):
    source = ArraySource(np.zeros((10, 4, 4), dtype=np.uint8), ["happy", "sad"] * 5)
    digest = content_sha256(source.read(0))
    rows = [{"sample_id": each, "content_sha256": digest} for each in source.table.sample_id]
    found = write_pictures(select_queue(make_report(*rows), QueueChoice()), tmp_path, source=source)
    assert list(found.links.values()) == [f"images/{place:02d}.png" for place in range(1, 11)]


def test_progress_is_told(source, queue, tmp_path):
    stages = []
    write_pictures(queue, tmp_path, source=source, progress=stages.append)
    assert [(each.done, each.total) for each in stages] == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("root", "link"),
    [
        ("https://x.example/faces/", "https://x.example/faces/a%20b/%C3%BC%231.png"),
        ("/data/local-files/?d=faces/", "/data/local-files/?d=faces/a%20b/%C3%BC%231.png"),
        ("faces/", "faces/a b/ü#1.png"),
        ("", "a b/ü#1.png"),
    ],
)
def test_links_are_quoted_in_urls_only(make_report, root, link):
    queue = select_queue(make_report({"path": "a b/ü#1.png"}, {"path": None}), QueueChoice())
    found = link_pictures(queue, root)
    assert found.links == {"a/0.png": link}
    assert found.missing == {"a/1.png": "no file of its own in the dataset"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_the_ending_is_that_of_the_content(kind):
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, kind)
    ending = {"JPEG": ".jpg", "TIFF": ".tif"}.get(kind, f".{kind.lower()}")
    assert encoded(file.getvalue(), "a/liar.txt") == (file.getvalue(), ending)


@pytest.mark.parametrize(
    ("path", "ending"), [("a/b.JP2", ".jp2"), ("a/b", ".bin"), (None, ".bin"), ("a.b/../c", ".bin"), ("a.p g", ".bin")]
)
def test_a_rare_kind_keeps_a_plain_ending(path, ending):
    assert encoded(b"something else", path) == (b"something else", ending)
