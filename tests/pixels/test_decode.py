from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFile

from labelaudit.errors import PixelError
from labelaudit.pixels.decode import decode_face, picture_size, quiet_decoder

Encode = Callable[..., bytes]

# A picture that no turn or flip leaves as it is: red left above, green right above, blue left below, dark right below.
QUARTERS = np.zeros((8, 8, 3), dtype=np.uint8)
QUARTERS[:4, :4] = (255, 0, 0)
QUARTERS[:4, 4:] = (0, 255, 0)
QUARTERS[4:, :4] = (0, 0, 255)


def test_pixels_of_the_right_size_are_untouched(encoded: Encode) -> None:
    face = decode_face(encoded(QUARTERS), size=8)
    assert (face.pixels == QUARTERS).all()
    assert face.pixels.dtype == np.uint8
    assert (face.width, face.height) == (8, 8)


def test_measures_come_with_the_face() -> None:
    face = decode_face(np.full((4, 4), 51, dtype=np.uint8), size=4)
    assert face.sharpness == 0.0
    assert face.brightness == pytest.approx(0.2)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM"])
def test_kinds_that_lose_nothing(encoded: Encode, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert (decode_face(encoded(QUARTERS, kind, **options), size=8).pixels == QUARTERS).all()


def test_jpeg(encoded: Encode) -> None:
    grey = np.full((16, 16), 90, dtype=np.uint8)
    assert np.abs(decode_face(encoded(grey, "JPEG"), size=16).pixels.astype(int) - 90).max() <= 1


def test_resizing_is_bilinear_with_antialiasing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(picture).resize((16, 16), Image.Resampling.BILINEAR))
    assert (decode_face(picture, size=16).pixels == expected).all()


def test_a_picture_that_is_not_square_is_resized_straight() -> None:
    picture = np.zeros((10, 30), dtype=np.uint8)
    picture[:, 15:] = 255
    face = decode_face(picture, size=10)
    assert (face.width, face.height) == (30, 10)
    assert (face.pixels[:, :4] == 0).all()
    assert (face.pixels[:, 6:] == 255).all()


def test_one_pixel(encoded: Encode) -> None:
    face = decode_face(encoded(np.full((1, 1, 3), 77, dtype=np.uint8)), size=12)
    assert (face.width, face.height) == (1, 1)
    assert (face.pixels == 77).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_exif_orientation(encoded: Encode, orientation: int, kind: str) -> None:
    def turn(pixels: np.ndarray) -> np.ndarray:
        """How a camera stores an upright picture under each orientation (EXIF 2.3, table 6)."""
        return {
            1: pixels,
            2: pixels[:, ::-1],
            3: pixels[::-1, ::-1],
            4: pixels[::-1],
            5: pixels.transpose(1, 0, 2),
            6: np.rot90(pixels, 1),
            7: np.rot90(pixels, 2).transpose(1, 0, 2),
            8: np.rot90(pixels, -1),
        }[orientation]

    upright = np.repeat(QUARTERS, 2, axis=1)  # 16 wide, 8 high
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    face = decode_face(encoded(np.ascontiguousarray(turn(upright)), kind, exif=exif), size=8)
    assert (face.width, face.height) == (16, 8)
    middles = face.pixels[[1, 1, 6, 6], [1, 6, 1, 6]]
    assert middles.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]]


def test_damaged_exif_does_not_spoil_the_picture(encoded: Encode) -> None:
    picture = encoded(QUARTERS, "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert decode_face(picture, size=8).width == 8


def test_cmyk(encoded: Encode) -> None:
    picture = Image.new("CMYK", (6, 6), (0, 255, 255, 0))
    pixels = decode_face(encoded(picture, "JPEG", quality=100), size=6).pixels
    assert (pixels[..., 0] > 245).all()
    assert (pixels[..., 1:] < 10).all()


def test_one_bit(encoded: Encode) -> None:
    picture = Image.new("1", (4, 4), 1)
    assert (decode_face(encoded(picture), size=4).pixels == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(encoded: Encode, kind: str) -> None:
    deep = np.array([[0, 257 * 100], [257 * 200, 65_535]], dtype=np.uint16)
    assert decode_face(encoded(deep, kind), size=2).pixels[..., 0].tolist() == [[0, 100], [200, 255]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.2], [0.4, 1.0]], dtype=np.float32), [[0, 51], [102, 255]]),
        (np.array([[0.0, 51.0], [102.0, np.nan]], dtype=np.float32), [[0, 51], [102, 0]]),
        (np.array([[-5, 51], [102, 255]], dtype=np.int32), [[0, 51], [102, 255]]),
        (np.array([[0, 257 * 51], [257 * 102, 65_535]], dtype=np.int32), [[0, 51], [102, 255]]),
    ],
)
def test_deeper_grey_finds_its_white(encoded: Encode, values: np.ndarray, expected: list[list[int]]) -> None:
    assert decode_face(encoded(values, "TIFF"), size=2).pixels[..., 1].tolist() == expected


def test_transparency_lies_on_grey_and_hides_what_is_under_it(encoded: Encode) -> None:
    picture = np.zeros((2, 2, 4), dtype=np.uint8)
    picture[..., 0] = 255
    picture[0, :, 3] = 255
    pixels = decode_face(encoded(picture), size=2).pixels
    assert pixels[0].tolist() == [[255, 0, 0]] * 2
    assert pixels[1].tolist() == [[128, 128, 128]] * 2


def test_grey_with_alpha(encoded: Encode) -> None:
    picture = Image.merge("LA", (Image.new("L", (2, 2), 200), Image.new("L", (2, 2), 0)))
    assert (decode_face(encoded(picture), size=2).pixels == 128).all()


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_palette_with_a_transparent_colour(encoded: Encode, transparency: int | bytes) -> None:
    picture = Image.new("P", (2, 2), 1)
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((0, 0), 0)
    pixels = decode_face(encoded(picture, transparency=transparency), size=2).pixels
    assert pixels.reshape(-1, 3).tolist() == [[128] * 3, [40, 50, 60], [40, 50, 60], [40, 50, 60]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_the_first_picture_of_several_counts(encoded: Encode, kind: str) -> None:
    first, second = Image.new("RGB", (4, 4), (255, 255, 255)), Image.new("RGB", (4, 4), (0, 0, 0))
    picture = encoded(first, kind, save_all=True, append_images=[second])
    assert (decode_face(picture, size=4).pixels == 255).all()


def test_a_large_jpeg_is_decoded_small(encoded: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    across = np.linspace(0, 255, 1001).astype(np.uint8)
    picture = encoded(np.broadcast_to(across, (1001, 1001)).copy(), "JPEG", quality=95)
    loaded = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: loaded.append(image.size) or load(image))
    face = decode_face(picture, size=32)
    assert (face.width, face.height) == (1001, 1001)
    assert loaded[0] == (126, 126)  # an eighth, rounded up
    whole = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB").resize((32, 32), Image.Resampling.BILINEAR))
    assert np.abs(face.pixels.astype(int) - whole).max() <= 2


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (np.full((4, 4), 9, dtype=np.uint8), 9),
        (np.full((4, 4, 3), 9, dtype=np.uint8), 9),
        (np.full((8, 8, 3), 9, dtype=np.uint8)[::2, ::2], 9),
    ],
)
def test_raw_pixels(picture: np.ndarray, expected: int) -> None:
    assert (decode_face(picture, size=4).pixels == expected).all()


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)],
)
def test_raw_pixels_of_another_kind_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(PixelError, match=r"raw pixels must be|no pixels"):
        decode_face(picture, size=4)


def test_an_empty_file() -> None:
    with pytest.raises(PixelError, match="the file is empty"):
        decode_face(b"", size=8)


@pytest.mark.parametrize("content", [b"hello", b"<html></html>", b"%!PS-Adobe-3.0 EPSF-3.0\n", bytes(1000)])
def test_what_is_not_a_picture(content: bytes) -> None:
    with pytest.raises(PixelError, match="not a picture in a format that is read") as caught:
        decode_face(content, size=8)
    assert "0x" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncated_files_carry_the_decoders_words(encoded: Encode, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    whole = encoded(noise, kind)
    with pytest.raises(PixelError) as caught:
        decode_face(whole[: len(whole) // 2], size=8)
    assert "\n" not in str(caught.value)
    assert "cannot be decoded: " in str(caught.value) or "not a picture" in str(caught.value)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is large and holds nothing to speak of."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9)))


@pytest.mark.parametrize("side", [8_001, 12_000, 60_000])
def test_bombs_are_refused_by_their_header(side: int) -> None:
    with pytest.raises(PixelError, match=r"larger than the limit of 64 megapixels|decompression bomb"):
        decode_face(png_header(side, side), size=8)


@pytest.mark.parametrize(("width", "height"), [(30_000, 1), (1, 101)])
def test_stripes_are_refused(width: int, height: int) -> None:
    with pytest.raises(PixelError, match="one side is more than 100 times the other"):
        decode_face(png_header(width, height), size=8)


def test_the_size_is_read_without_decoding() -> None:
    assert picture_size(png_header(300, 200)) == (300, 200)
    assert picture_size(np.zeros((2, 3), np.uint8)) == (3, 2)
    with pytest.raises(PixelError):
        picture_size(b"")


def test_no_warning_reaches_anybody(encoded: Encode) -> None:
    malformed = encoded(QUARTERS, "TIFF")[:-2] + b"\xff\xff"
    pictures = [png_header(9_000, 9_000), malformed, png_header(9_500, 9_500)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        for picture in pictures:
            try:
                decode_face(picture, size=8)
            except PixelError as error:
                assert "\n" not in str(error)
        assert warnings.filters == before
    assert not caught


def test_filters_are_reset_when_the_last_thread_leaves() -> None:
    before = list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with quiet_decoder():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with quiet_decoder():
        thread.start()
        inside.wait()
    assert warnings.filters != before
    leave.set()
    thread.join()
    assert warnings.filters == before


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM"]))
def test_any_bytes_are_a_face_or_a_pixel_error(content: bytes, start: bytes) -> None:
    try:
        face = decode_face(start + content, size=4)
    except PixelError as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert face.pixels.shape == (4, 4, 3)


@given(st.integers(0, 2_000), st.integers(0, 255))
def test_a_damaged_byte_never_gets_out(place: int, value: int) -> None:
    content = bytearray(_JPEG)
    content[place % len(content)] = value
    try:
        assert decode_face(bytes(content), size=4).pixels.shape == (4, 4, 3)
    except PixelError as error:
        assert "\n" not in str(error)


_JPEG_FILE = io.BytesIO()
Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)).save(_JPEG_FILE, "JPEG")
_JPEG = _JPEG_FILE.getvalue()


def test_decoding_does_not_need_torch() -> None:
    code = "import sys, labelaudit.pixels.build; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
