"""Ways to read the picture of a row, apart from what its label is."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from labelaudit.errors import PixelError
from labelaudit.source.interface import Picture
from labelaudit.source.walk import stays_inside

_DRIVE = re.compile(r"[A-Za-z]:")
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "MPO", "JPEG2000", "AVIF")
LARGEST_FILE = 512 << 20
"""Bytes of a file that is taken for a picture; no picture that is decoded needs as many."""

_LARGEST_CROPPED = 64_000_000  # pixels; a picture to be cropped must be decoded whole


class Pictures(Protocol):
    """The pictures of a dataset by row number. ``read`` is called from several threads at once."""

    def read(self, row: int) -> Picture:
        """Reads one picture.

        Raises:
            PixelError: It is missing or cannot be read.
        """
        ...

    def signature(self) -> str:
        """A cheap hex digest that changes when the pictures may have changed; labels do not matter to it."""
        ...


def leaves_root(path: str) -> bool:
    """Whether a ``/``-separated path is absolute or climbs out of the folder it is relative to."""
    if path.startswith("/") or _DRIVE.match(path):
        return True
    return ".." in path and os.path.normpath(path).split(os.sep, 1)[0] == ".."


class FilePictures:
    """Pictures that are files below one folder, which no path and no link may leave.

    Args:
        root: The folder.
        paths: Of each row, relative to it; None = the row names no picture.
        facts: Size and time of each row's file, shape (N, 2), where a walk has taken them; otherwise ``signature``
            looks at every file.
        boxes: Left, top, right, bottom of each row's face in pixels, shape (N, 4); the face is cut out when it is
            read. A box without area means the whole picture.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[str | None],
        *,
        facts: NDArray[np.int64] | None = None,
        boxes: NDArray[np.int64] | None = None,
    ) -> None:
        self._root = os.path.realpath(root)
        self._paths = paths
        self._facts = facts
        self._boxes = boxes

    @property
    def root(self) -> Path:
        """The folder, links resolved."""
        return Path(self._root)

    @property
    def paths(self) -> Sequence[str | None]:
        """Of each row, relative to the root, as the system has them; None = the row names no picture."""
        return self._paths

    @property
    def cropped(self) -> bool:
        """Whether a row may be a part of its picture."""
        return self._boxes is not None

    def read(self, row: int) -> Picture:
        """The file's bytes, or the pixels of the row's face box.

        Raises:
            PixelError: The path leaves the root, is missing, or cannot be read.
        """
        path = self._paths[row]
        if path is None:
            raise PixelError("the row names no picture")
        content = read_below(self._root, path)
        if self._boxes is None or _is_empty(box := self._boxes[row]):
            return content
        return crop(content, box)

    def signature(self) -> str:
        """Digest of every path, size and time, and of the face boxes."""
        facts = self._looked_up() if self._facts is None else self._facts
        return signature_of(self._paths, facts, self._boxes)

    def _looked_up(self) -> NDArray[np.int64]:
        facts = np.full((len(self._paths), 2), -1, dtype=np.int64)  # (N, 2)
        for row, path in enumerate(self._paths):
            if path is None or leaves_root(path):
                continue
            try:
                found = os.stat(f"{self._root}/{path}")  # noqa: PTH116 - no Path object a row
            except (OSError, ValueError):
                continue
            facts[row] = found.st_size, found.st_mtime_ns
        return facts


def signature_of(paths: Sequence[str | None], facts: NDArray[np.int64], boxes: NDArray[np.int64] | None) -> str:
    """Digest of paths (N,), of what stands for their contents (N, 2), and of face boxes (N, 4)."""
    digest = hashlib.sha256()
    digest.update("\0".join(path or "" for path in paths).encode("utf-8", "surrogateescape"))
    digest.update(np.ascontiguousarray(facts).tobytes())
    if boxes is not None:
        digest.update(np.ascontiguousarray(boxes).tobytes())
    return digest.hexdigest()


def files_signature(files: Sequence[Path]) -> str:
    """Digest of the names, sizes and times of a few files that hold all pictures."""
    digest = hashlib.sha256()
    for path in files:
        facts = path.stat()
        digest.update(f"{path.name}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def read_below(root: str, path: str) -> bytes:
    """Reads a file that must lie below a resolved folder, links resolved.

    Raises:
        PixelError: The path leaves the folder, names no plain file, or cannot be read.
    """
    if leaves_root(path):
        raise PixelError(f"{_shown(path)} leaves the root: only files below the dataset's folder are read (--root)")
    try:
        real = os.path.realpath(f"{root}/{path}")
        if not stays_inside(real, root):
            raise PixelError(f"{_shown(path)} is a link that leaves the root: copy the file into the dataset's folder")
        found = os.stat(real)  # noqa: PTH116 - no Path object a row
        if not stat.S_ISREG(found.st_mode):
            raise PixelError(f"not a file: {_shown(path)}")
        if found.st_size > LARGEST_FILE:
            raise PixelError(f"{_shown(path)} is larger than {LARGEST_FILE >> 20} MiB: no picture of a face is")
        with open(real, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise PixelError(f"file not found: {_shown(path)}") from error
    except ValueError as error:  # a NUL character in the name
        raise PixelError(f"not a file's name: {_shown(path)}") from error
    except OSError as error:
        raise PixelError(f"{_shown(path)} cannot be read: {error.strerror}") from error


@functools.cache
def readable_formats() -> tuple[str, ...]:
    """What pictures may be, less what this Pillow was built without. Never a format that starts a program (EPS)."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def crop(content: bytes, box: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Decodes a picture and cuts a face out of it.

    Args:
        content: The encoded picture.
        box: Left, top, right, bottom in pixels; parts outside the picture are cut off.

    Returns:
        RGB pixels, shape (H, W, 3).

    Raises:
        PixelError: The picture cannot be decoded, or the box lies outside it.
    """
    try:
        with Image.open(io.BytesIO(content), formats=readable_formats()) as picture:
            width, height = picture.size
            if width * height > _LARGEST_CROPPED:
                raise PixelError(f"{width} x {height} pixels are too many to cut a face out of")
            left, top = max(int(box[0]), 0), max(int(box[1]), 0)
            right, bottom = min(int(box[2]), width), min(int(box[3]), height)
            if left >= right or top >= bottom:
                raise PixelError(f"the face box {box.tolist()} lies outside the picture of {width} x {height}")
            return np.asarray(picture.convert("RGB").crop((left, top, right, bottom)))
    except PixelError:
        raise
    except Exception as error:  # decoders raise anything on bytes that nobody vouches for
        raise PixelError(f"cannot be decoded to cut the face out: {_one_line(error)}") from error


def _is_empty(box: NDArray[np.int64]) -> bool:
    return bool(box[2] <= box[0] or box[3] <= box[1])


def _shown(path: str) -> str:
    """A path as a message may show it: only the name where it is absolute, without broken characters."""
    path = path.encode("utf-8", "backslashreplace").decode("utf-8")
    return path.rsplit("/", 1)[-1] if path.startswith("/") or _DRIVE.match(path) else path


def _one_line(error: Exception) -> str:
    # Pillow's "cannot identify image file <_io.BytesIO object at 0x...>" holds an address that differs every time.
    text = " ".join(str(error).split())
    return type(error).__name__ if "object at 0x" in text or not text else text
