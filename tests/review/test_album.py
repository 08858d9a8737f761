from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from labelaudit.errors import PixelError
from labelaudit.labels import LabelSpace
from labelaudit.pixels.chunks import content_sha256
from labelaudit.records import SampleTable
from labelaudit.review.desk import Shown
from labelaudit.review.pictures import SMALL, Album
from labelaudit.source.interface import Picture


class Source:
    """Pictures in memory."""

    format, why, assumed = "memory", "", ()

    def __init__(self, pictures: Sequence[Picture], ids: Sequence[str]) -> None:
        nothing = [None] * len(ids)
        self.table = SampleTable(list(ids), ["a"] * len(ids), nothing, nothing, LabelSpace(("a",)))
        self.pictures = pictures

    def read(self, row: int) -> Picture:
        return self.pictures[row]

    def signature(self) -> str:
        return ""


def encoded(kind: str, size: tuple[int, int], **options: object) -> bytes:
    ramp = np.linspace(0, 255, size[0] * size[1] * 3).reshape(size[1], size[0], 3).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(ramp).save(file, kind, **options)
    return file.getvalue()


def album_of(*pictures: Picture) -> Album:
    ids = [f"s{row}" for row in range(len(pictures))]
    shown = {row: Shown(f"s{row}", content_sha256(picture)) for row, picture in enumerate(pictures)}
    return Album(Source(pictures, ids), shown)


def test_jpeg_and_png_go_out_as_they_are() -> None:
    jpeg, png = encoded("JPEG", (40, 30)), encoded("PNG", (40, 30))
    album = album_of(jpeg, png)
    assert (album.large(0).content, album.large(0).media_type) == (jpeg, "image/jpeg")
    assert (album.small(1).content, album.small(1).media_type) == (png, "image/png")


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "GIF", "WEBP"])
def test_others_are_drawn_anew_in_their_own_proportions(kind: str) -> None:
    served = album_of(encoded(kind, (40, 30))).large(0)
    assert served.media_type == "image/png"
    assert Image.open(io.BytesIO(served.content)).size == (40, 30)


def test_raw_pixels_are_drawn() -> None:
    served = album_of(np.full((48, 48), 77, dtype=np.uint8)).large(0)
    assert Image.open(io.BytesIO(served.content)).getpixel((5, 5)) == (77, 77, 77)


def test_nothing_moves() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    served = album_of(file.getvalue()).large(0)
    assert served.content != file.getvalue()
    assert getattr(Image.open(io.BytesIO(served.content)), "n_frames", 1) == 1


def test_large_pictures_are_made_smaller() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1500, 1000, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    album = album_of(file.getvalue())
    assert Image.open(io.BytesIO(album.large(0).content)).size == (683, 1024)
    assert Image.open(io.BytesIO(album.small(0).content)).size == (107, SMALL)


def test_a_page_is_no_picture() -> None:
    with pytest.raises(PixelError):
        album_of(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>").large(0)


def test_rows_are_found_again_where_the_dataset_has_changed() -> None:
    one, two = encoded("PNG", (8, 8)), encoded("PNG", (9, 9))
    shown = {0: Shown("a", content_sha256(one)), 1: Shown("b", content_sha256(two)), 7: Shown("gone", "00")}
    album = Album(Source([one, encoded("PNG", (7, 7)), two], ["a", "new", "b"]), shown)
    assert album.large(0).content == one
    assert album.large(1).content == two
    with pytest.raises(PixelError, match="not in the dataset"):
        album.large(7)
    assert album.holds(7)
    assert not album.holds(2)
