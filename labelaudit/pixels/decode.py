"""One encoded picture -> a square of RGB bytes, or a ``PixelError`` that says why not.

What happens to the odd ones:

- A picture that is not square is resized straight to the square, as the field's loaders do with aligned faces
  (``transforms.Resize((s, s))``); nothing is cropped or padded.
- Resizing is bilinear with antialiasing, torchvision's default.
- EXIF orientation is applied; width and height are those of the upright picture.
- Transparent parts are laid on mid-grey (128), which is about what a network sees as "nothing" once its input is
  normalised; what a file hides under its transparency never shows.
- 16-bit grey is scaled to 8 bits by its whole range. Deeper and floating-point grey takes as white the smallest of
  1 (floating point only), 255, 65,535 and 2**31 - 1 that holds its brightest pixel.
- CMYK is converted without a colour profile. Of an animation or a file of several pages the first picture counts.
- Size is limited by the file's header, before anything is decoded, so a decompression bomb costs nothing.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from labelaudit.errors import PixelError
from labelaudit.pixels.measures import brightness, grey_of, sharpness
from labelaudit.source.interface import Picture
from labelaudit.source.pictures import readable_formats

DECODER_VERSION = 1
"""Raised whenever the same bytes may decode to other pixels; part of every cache's key."""

MAX_PIXELS = 64_000_000
"""Pictures with more pixels are refused: no face needs them."""

MAX_ASPECT = 100
"""Pictures whose long side is more than this many times the short one are refused: they show no face."""

_LIMIT = f"{MAX_PIXELS // 1_000_000} megapixels"
_BIG_PIXELS = 16_000_000
"""Pictures with more pixels are decoded one at a time, so that memory does not grow with the threads."""

_NAMES = "JPEG, PNG, WebP, BMP, GIF, TIFF, PPM, JPEG 2000, AVIF"
_GREY = "L"
_DEEP_GREY = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_BACKGROUND = (128, 128, 128, 255)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = frozenset({5, 6, 7, 8})
_big_picture = threading.Lock()


@dataclass(frozen=True, slots=True)
class DecodedFace:
    """One picture, decoded and resized.

    Attributes:
        pixels: RGB, (size, size, 3).
        width, height: Of the upright picture as it was, in pixels.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int

    @property
    def sharpness(self) -> float:
        """Variance of the Laplacian of the resized grey picture in [0, 255]."""
        return float(sharpness(grey_of(self.pixels)))

    @property
    def brightness(self) -> float:
        """Mean grey value in [0, 1]."""
        return float(brightness(grey_of(self.pixels)))


def decode_face(picture: Picture, *, size: int) -> DecodedFace:
    """Decodes a picture and resizes it to a square.

    Args:
        picture: An encoded file, or raw pixels.
        size: Side of the square, in pixels.

    Raises:
        PixelError: The picture cannot be decoded; the message holds the decoder's reason.
    """
    with _decoding():
        image = _open(picture)
        width, height = image.size
        # A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size; twice the target leaves the filter enough to work with.
        reduced = image.draft(image.mode, (2 * size, 2 * size)) if min(width, height) > 4 * size else None
        with _big_picture if image.width * image.height > _BIG_PIXELS else contextlib.nullcontext():
            pixels, orientation = _square(image, size, box=reduced[1] if reduced else None)
        return DecodedFace(pixels, *((height, width) if orientation in _ON_ITS_SIDE else (width, height)))


def picture_size(picture: Picture) -> tuple[int, int]:
    """Width and height in pixels as the header has them, before orientation; the picture is not decoded.

    Raises:
        PixelError: No picture, or one that ``decode_face`` would refuse by its header.
    """
    with _decoding():
        return _open(picture).size


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    """Turns whatever a decoder says into one line, and keeps its warnings off the terminal."""
    with quiet_decoder():
        try:
            yield
        except PixelError:
            raise
        except Image.DecompressionBombError as error:  # Pillow looks first where a picture is far too large
            raise PixelError(f"larger than the limit of {_LIMIT}, by its header") from error
        except UnidentifiedImageError as error:  # its own text holds a memory address
            raise PixelError(f"not a picture in a format that is read ({_NAMES})") from error
        except Exception as error:  # decoders raise anything on bytes that nobody vouches for
            raise PixelError(f"cannot be decoded: {' '.join(str(error).split()) or type(error).__name__}") from error


def _open(picture: Picture) -> Image.Image:
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if not picture:
        raise PixelError("the file is empty (0 bytes)")
    image = Image.open(io.BytesIO(picture), formats=readable_formats())
    _check_size(*image.size)
    return image


def _from_array(picture: NDArray[np.uint8]) -> Image.Image:
    grey, colour = picture.ndim == 2, picture.ndim == 3 and picture.shape[-1] == 3
    if picture.dtype != np.uint8 or not (grey or colour):
        raise PixelError(f"raw pixels must be uint8 (H, W) or (H, W, 3), not {picture.dtype} {picture.shape}")
    _check_size(picture.shape[1], picture.shape[0])
    return Image.fromarray(np.ascontiguousarray(picture))


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise PixelError(f"{width} x {height}: the picture has no pixels")
    if width * height > MAX_PIXELS:
        raise PixelError(f"{width} x {height} pixels: larger than the limit of {_LIMIT}")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PixelError(f"{width} x {height} pixels: one side is more than {MAX_ASPECT} times the other")


def _square(
    image: Image.Image, size: int, *, box: tuple[float, float, float, float] | None
) -> tuple[NDArray[np.uint8], int]:
    """Upright RGB pixels of the box (None = all), (size, size, 3), and the orientation they had."""
    image.load()
    orientation = _orientation(image)
    image = _plain(image)
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, _BACKGROUND), image)
    if orientation in _UPRIGHT:  # a square turns after resizing as well as before, and costs less
        image = image.transpose(_UPRIGHT[orientation])
    pixels = np.frombuffer(image.convert("RGB").tobytes(), dtype=np.uint8)
    return pixels.reshape(size, size, 3), orientation


def _plain(image: Image.Image) -> Image.Image:
    """Any mode -> ``L``, ``RGB`` or, where something is transparent, ``RGBA``."""
    if image.mode in _DEEP_GREY:
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert(_GREY)
    return image if image.mode in (_GREY, "RGB") else image.convert("RGB")


def _eight_bits(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    values = np.nan_to_num(grey.astype(np.float64))
    if grey.dtype.kind == "u" and grey.dtype.itemsize == 2:
        white = 65_535.0
    else:
        scales = [255.0, 65_535.0, 2.0**31 - 1]
        if grey.dtype.kind == "f":
            scales.insert(0, 1.0)
        brightest = values.max()
        white = next((scale for scale in scales if brightest <= scale), brightest)
    return np.rint(np.clip(values / white, 0.0, 1.0) * 255.0).astype(np.uint8)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or it is damaged, which does not spoil the pixels."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1


_quiet_lock = threading.Lock()
_quiet_depth = 0
_quiet_filters = contextlib.ExitStack()


@contextlib.contextmanager
def quiet_decoder() -> Iterator[None]:
    """Silences Pillow's warnings while any thread decodes.

    Filters belong to the process, so they are set when the first thread enters and reset when the last one leaves;
    ``warnings.catch_warnings`` in each thread would reset them in the wrong order.
    """
    global _quiet_depth
    with _quiet_lock:
        if _quiet_depth == 0:
            _quiet_filters.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _quiet_depth += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0:
                _quiet_filters.close()
