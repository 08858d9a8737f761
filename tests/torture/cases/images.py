"""Pictures that are none, or are too large, too odd or too broken; each stands among twelve good ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .case import Case, Must, inspect, inspected, one_unreadable
from .ground import Ground

Content = Callable[[Ground], bytes]
FINE = inspected(unreadable=0, rows=13)


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, suffix in _CUT_SHORT.items():
        yield picture(f"truncated {kind}", f"bad.{suffix}", _cut(kind), one_unreadable("cannot be decoded"))
        yield picture(f"{kind}, head only", f"bad.{suffix}", _head(kind), one_unreadable())
    for name, content, words in _BAD:
        yield picture(name, "bad.png", content, one_unreadable(*words))
    for name, content in _BOMBS:
        yield picture(name, "bomb.png", content, one_unreadable("megapixels"), heavy=True)
    yield picture(
        "bomb: a comment of a gigabyte",
        "a.png",
        _squeezed(b"zTXt", b"Comment\0\0"),
        one_unreadable("too large"),
        heavy=True,
    )
    yield picture(
        "bomb: a colour profile of a gigabyte",
        "a.png",
        _squeezed(b"iCCP", b"icc\0\0"),
        one_unreadable("too large"),
        heavy=True,
    )
    for name, suffix, content in _ODD_BUT_FINE:
        yield picture(name, f"odd.{suffix}", content, FINE)


def picture(name: str, file: str, content: Content, must: Must, *, heavy: bool = False) -> Case:
    """A case of one picture among good ones."""

    def make(folder: Path, ground: Ground) -> list[str | Path]:
        faces = ground.copy_of_faces(folder)
        (faces / "happy" / file).write_bytes(content(ground))
        return inspect(faces)

    return Case("images", name, make, must, heavy)


def encoded(image: Image.Image, kind: str, **more: Any) -> bytes:
    """A file's bytes."""
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def face_as(kind: str, mode: str = "RGB", **more: Any) -> Content:
    """The face in some format and mode."""
    return lambda ground: encoded(Image.fromarray(ground.face()).convert(mode), kind, **more)


def always(content: bytes) -> Content:
    """Bytes that have nothing to do with a face."""
    return lambda _ground: content


_CUT_SHORT = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif"}


def _cut(kind: str) -> Content:
    def content(ground: Ground) -> bytes:
        whole = face_as(kind)(ground)
        return whole[: len(whole) // 2]

    return content


def _head(kind: str) -> Content:
    return lambda ground: face_as(kind)(ground)[:14]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes, *before: bytes, colour: int = 2, depth: int = 8) -> bytes:
    """A PNG file that says what it likes of itself."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(before) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def _bmp_bomb(ground: Ground) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 100, 0, 0, 54) + head + bytes(100)


def _gif_bomb(ground: Ground) -> bytes:
    whole = bytearray(face_as("GIF", "P")(ground))
    whole[6:10] = b"\xff\xff\xff\xff"
    return bytes(whole)


def _jpeg_bomb(ground: Ground) -> bytes:
    whole = bytearray(face_as("JPEG")(ground))
    place = whole.index(b"\xff\xc0") + 5
    whole[place : place + 4] = b"\xff\xdc\xff\xdc"
    return bytes(whole)


def _tiff_bomb(ground: Ground) -> bytes:
    tags: tuple[tuple[int, int, int, int], ...] = (
        (256, 4, 1, 300_000),
        (257, 4, 1, 300_000),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
    )
    tags += ((273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 300_000), (279, 4, 1, 4))
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(8)


def _webp_bomb(ground: Ground) -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\xff\xff" * 2
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _squeezed(kind: bytes, head: bytes) -> Content:
    """A small picture with a compressed chunk beside it that unpacks to a gigabyte."""

    def content(ground: Ground) -> bytes:
        packer = zlib.compressobj(9)
        squeezed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 10)) + packer.flush()
        pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in ground.face()))
        return png(48, 48, pixels, png_chunk(kind, head + squeezed))

    return content


def _crc(ground: Ground) -> bytes:
    whole = bytearray(face_as("PNG")(ground))
    whole[whole.index(b"IDAT") + 40] ^= 0xFF
    return bytes(whole)


_HTML = b"<!DOCTYPE html><html><head><title>404</title></head><body><img src=x onerror=alert(1)></body></html>"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 48\n(/etc/passwd) run\nshowpage\n"
_XBM = b"#define a_width 8\n#define a_height 8\nstatic char a_bits[] = {0,0,0,0,0,0,0,0};\n"

_NO_FORMAT = ("not a picture in a format that is read",)
_BAD: tuple[tuple[str, Content, tuple[str, ...]], ...] = (
    ("0 bytes", always(b""), ("empty (0 bytes)",)),
    ("1 byte", always(b"\xff"), _NO_FORMAT),
    ("an error page saved as a picture", always(_HTML), _NO_FORMAT),
    ("an SVG that wants a file of the machine", always(_SVG), _NO_FORMAT),
    ("an EPS, which would start a program", always(_EPS), _NO_FORMAT),
    ("an XBM, a format that is not read", always(_XBM), _NO_FORMAT),
    ("a zip", always(b"PK\x03\x04" + bytes(60)), _NO_FORMAT),
    ("a pickle", always(b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05posix\x94."), _NO_FORMAT),
    ("64 KiB of noise", always(np.random.default_rng(3).bytes(65_536)), _NO_FORMAT),
    ("64 KiB of zeros", always(bytes(65_536)), _NO_FORMAT),
    ("a Git LFS pointer", always(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"), _NO_FORMAT),
    ("0 x 0 by its header", always(png(0, 0, zlib.compress(b""))), ()),
    ("pixels that do not unpack", always(png(48, 48, b"not zlib at all")), ("cannot be decoded",)),
    ("damaged pixels", _crc, ("cannot be decoded",)),
    ("30,000 x 1", always(encoded(Image.new("RGB", (30_000, 1)), "PNG")), ("one side",)),
    ("1 x 30,000", always(encoded(Image.new("L", (1, 30_000)), "PNG")), ("one side",)),
)

_BOMBS: tuple[tuple[str, Content], ...] = (
    ("bomb: PNG of 100,000 x 100,000", always(png(100_000, 100_000, zlib.compress(bytes(1 << 20))))),
    ("bomb: PNG of 2**31 - 1 x 2", always(png(2**31 - 1, 2, zlib.compress(bytes(9))))),
    ("bomb: BMP of 60,000 x 60,000", _bmp_bomb),
    ("bomb: GIF of 65,535 x 65,535", _gif_bomb),
    ("bomb: JPEG of 65,500 x 65,500", _jpeg_bomb),
    ("bomb: TIFF of 300,000 x 300,000", _tiff_bomb),
    ("bomb: WebP of 2**24 x 2**24", _webp_bomb),
    ("bomb: PPM of 10**9 x 10**9", always(b"P6 1000000000 1000000000 255\n" + bytes(30))),
)


def _animated(kind: str) -> Content:
    def content(ground: Ground) -> bytes:
        first = Image.fromarray(ground.face())
        rest = [Image.fromarray(255 - ground.face())] * 3
        return encoded(first, kind, save_all=True, append_images=rest, duration=40)

    return content


def _palette_with_transparency(ground: Ground) -> bytes:
    image = Image.fromarray(ground.face()).quantize(16)
    return encoded(image, "PNG", transparency=3)


def _deep_grey(ground: Ground) -> bytes:
    grey = np.asarray(Image.fromarray(ground.face()).convert("L")).astype(np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG")


def _orientation(value: int) -> Content:
    def content(ground: Ground) -> bytes:
        exif = Image.Exif()
        exif[0x0112] = value
        return encoded(Image.fromarray(ground.face()), "JPEG", exif=exif)

    return content


def _exif_junk(ground: Ground) -> bytes:
    whole = face_as("JPEG")(ground)
    body = b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xfe" * 50
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:]


_ODD_BUT_FINE: tuple[tuple[str, str, Content], ...] = (
    ("1 x 1", "png", always(encoded(Image.new("RGB", (1, 1), "red"), "PNG"))),
    ("a JPEG named .png", "png", face_as("JPEG")),
    ("a PNG named .jpg", "jpg", face_as("PNG")),
    ("a WebP named .GIF", "GIF", face_as("WEBP")),
    ("animated GIF", "gif", _animated("GIF")),
    ("animated WebP", "webp", _animated("WEBP")),
    ("TIFF of four pages", "tif", _animated("TIFF")),
    ("CMYK", "jpg", face_as("JPEG", "CMYK")),
    ("bilevel", "png", face_as("PNG", "1")),
    ("grey with alpha", "png", face_as("PNG", "LA")),
    ("floating-point grey", "tif", face_as("TIFF", "F")),
    ("16 bits of grey", "png", _deep_grey),
    ("palette with transparency", "png", _palette_with_transparency),
    ("junk for a colour profile", "jpg", face_as("JPEG", icc_profile=b"\xff" * 3_000)),
    ("EXIF orientation 0", "jpg", _orientation(0)),
    ("EXIF orientation 99", "jpg", _orientation(99)),
    ("EXIF that is junk", "jpg", _exif_junk),
    ("bytes after the end", "png", lambda ground: face_as("PNG")(ground) + _HTML),
)
