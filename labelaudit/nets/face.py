"""The public face weights of MobileFaceNet: downloaded once, into the user's cache, and known by their hash.

From github.com/foamliu/MobileFaceNet (Apache-2.0): trained to recognise faces on a refined MS-Celeb-1M. They are not
part of labelaudit. A copy as safetensors, with its own hash, is as good.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from labelaudit.errors import WeightsError
from labelaudit.nets.tensorfile import read_bytes
from labelaudit.rundir import written_aside

BACKBONE = "mobilefacenet"
"""The network that the face weights fit."""
_LARGEST = 64 * 2**20
_TIMEOUT = 10.0


@dataclass(frozen=True)
class PinnedFile:
    """A file that is known by its hash.

    Attributes:
        name: In the cache folder.
        sha256: Hex digest of the whole file.
    """

    name: str
    sha256: str


SOURCE = (
    "https://raw.githubusercontent.com/foamliu/MobileFaceNet/"
    "a6cc9032a659b615f477833e1a70b5e7931bcccc/weights/mobilefacenet.pt"
)
DOWNLOADED = PinnedFile("mobilefacenet.pt", "90a00ba1d8b0b688af3deb731ed53dca582e6106805d1bc3cfdef55f570493f4")
CONVERTED = PinnedFile(
    "mobilefacenet_ms1m.safetensors", "631c2db53a7de2d9f63564488355d47bea991e64d258a161c655f6eeaf503afe"
)


def fetch_face_weights(folder: Path) -> tuple[Path, bytes]:
    """The cached face weights, downloaded first where there are none, and checked at every use.

    Args:
        folder: Of the user's cached weights; made where it does not exist.

    Returns:
        The file and its content.

    Raises:
        WeightsError: They are neither cached nor to be had, or are not what they should be.
    """
    for file in (CONVERTED, DOWNLOADED):
        path = folder / file.name
        if path.is_file():
            content = read_bytes(path)
            _check(content, file.sha256, f"{path} is not the published file; delete it and run again")
            return path, content
    path = folder / DOWNLOADED.name
    content = _download(path)
    _write_weights(path, content)
    return path, content


def _write_weights(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as aside:
            aside.write_bytes(content)
    except OSError as error:
        raise WeightsError(f"cannot keep the face weights in {path.parent}: {error.strerror}") from error


def _download(target: Path) -> bytes:
    by_hand = f"download {SOURCE} to {target}, or give --weights FILE"
    try:
        with urllib.request.urlopen(SOURCE, timeout=_TIMEOUT) as answer:
            content: bytes = answer.read(_LARGEST)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(f"the face weights cannot be downloaded ({reason}); {by_hand}") from error
    _check(content, DOWNLOADED.sha256, f"what {SOURCE} sent is not the published file; {by_hand}")
    return content


def _check(content: bytes, sha256: str, complaint: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise WeightsError(f"{complaint} (SHA-256 {found[:12]}... instead of {sha256[:12]}...)")
