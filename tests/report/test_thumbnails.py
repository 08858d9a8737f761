from __future__ import annotations

import base64
import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from labelaudit.errors import PixelError, ReportError
from labelaudit.report.thumbnails import CHANGED, NOT_THERE, SIDE, fetch_thumbnails, make_thumbnail
from labelaudit.source.memory import ArraySource


def encoded(width: int, height: int, *, mode: str = "RGB", kind: str = "PNG", **more) -> bytes:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, kind, **more)
    return content.getvalue()


def decoded(uri: str) -> Image.Image:
    kind, _, content = uri.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert kind == f"data:image/{image.format.lower()}"
    return image


def test_a_small_picture_keeps_its_pixels():
    content = encoded(48, 48)
    thumbnail = make_thumbnail(content)
    image = decoded(thumbnail.uri)
    assert image.format == "PNG"
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(content))))
    assert (thumbnail.width, thumbnail.height) == (SIDE, SIDE)


def test_a_grey_picture_is_kept_as_grey():
    assert decoded(make_thumbnail(encoded(48, 48, mode="L")).uri).mode == "L"


def test_a_large_picture_becomes_small():
    thumbnail = make_thumbnail(encoded(800, 400))
    image = decoded(thumbnail.uri)
    assert (image.format, image.size) == ("JPEG", (SIDE, SIDE))
    assert (thumbnail.width, thumbnail.height) == (SIDE, SIDE // 2)  # shown in its own proportions
    assert len(thumbnail.uri) < 16_000


def test_a_thumbnail_tells_nothing_that_the_picture_does_not_show():
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    thumbnail = make_thumbnail(encoded(200, 200, kind="JPEG", exif=exif))
    assert b"taken at home" not in base64.b64decode(thumbnail.uri.partition(",")[2])


def test_what_is_no_picture_is_refused():
    with pytest.raises(PixelError):
        make_thumbnail(b"no picture")


@pytest.fixture
def pictures() -> list[bytes]:
    return [encoded(20 + row, 20) for row in range(4)]


@pytest.fixture
def source(pictures) -> ArraySource:
    return ArraySource(pictures, ["a", "b", "a", "b"], ids=["p", "q", "r", "s"])


def test_only_pictures_that_were_audited_are_shown(source, pictures):
    digest = [hashlib.sha256(content).hexdigest() for content in pictures]
    stages = []
    got = fetch_thumbnails(source, {"s": digest[3], "p": "00" * 32, "x": digest[0]}, progress=stages.append)
    assert list(got.found) == ["s"]
    assert got.missing == {"p": CHANGED, "x": NOT_THERE}
    assert (stages[-1].done, stages[-1].total) == (3, 3)


def test_a_picture_that_cannot_be_read_says_why(source, pictures):
    broken = [pictures[0], b"damaged", *pictures[2:]]
    source = ArraySource(broken, ["a", "b", "a", "b"], ids=["p", "q", "r", "s"])
    wanted = {name: hashlib.sha256(content).hexdigest() for name, content in zip("pq", broken, strict=False)}
    got = fetch_thumbnails(source, wanted)
    assert list(got.found) == ["p"]
    assert "not a picture" in got.missing["q"]


def test_another_dataset_is_refused(source):
    with pytest.raises(ReportError, match=r"none of the 2 pictures.*x: not in the dataset"):
        fetch_thumbnails(source, {"x": "00" * 32, "p": "00" * 32})


def test_a_page_without_faces_asks_for_none(source):
    assert fetch_thumbnails(source, {}).found == {}
