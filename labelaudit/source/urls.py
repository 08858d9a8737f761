"""What a URL of an object store is, and what it must not hold. Imports nothing that is slow."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from labelaudit.errors import SourceError

SCHEMES = ("s3", "gs", "hf", "memory")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
_HUB_FILES = "datasets/"
"""What follows ``hf://`` where files are meant; ``hf://owner/name`` is a dataset of the Hub by its name."""


@dataclass(frozen=True)
class Url:
    """A place in an object store, without credentials.

    Attributes:
        scheme: One of ``SCHEMES``.
        path: Bucket and key, ``/`` between parts, none at the ends.
    """

    scheme: str
    path: str

    @property
    def name(self) -> str:
        """Its last part."""
        return PurePosixPath(self.path).name

    @property
    def parent(self) -> Url:
        """The place that holds it."""
        return Url(self.scheme, self.path.rpartition("/")[0])

    @property
    def bucket(self) -> str:
        """The first part of the path."""
        return self.path.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}"


def is_url(place: object) -> bool:
    """Whether a place is named by a URL, and is no path and no name of the Hub."""
    if not isinstance(place, str | os.PathLike):
        return False
    found = _URL.fullmatch(os.fspath(place))
    if found is None:
        return False
    return found[1].lower() != "hf" or found[2].startswith(_HUB_FILES)


def read_url(text: str | os.PathLike[str]) -> Url:
    """Reads a URL.

    Raises:
        SourceError: It is of a kind that is not read, names no bucket, or holds credentials or a query; the message
            holds none of these.
    """
    found = _URL.fullmatch(os.fspath(text))
    scheme = "" if found is None else found[1].lower()
    if found is None or scheme not in SCHEMES:
        raise SourceError(f"{scheme or 'this'}:// is no place that is read ({', '.join(SCHEMES)}); copy it to a disk")
    place = found[2]
    if "@" in place.partition("/")[0]:
        raise SourceError(
            f"a {scheme}:// URL must hold no user, key or password: they end up in logs; credentials come from the "
            "environment, the store's own settings file, or the machine's role"
        )
    if "?" in place or "#" in place:
        raise SourceError(f"a {scheme}:// URL ends with the path: leave out what follows ? or #, such as a signature")
    path = "/".join(part for part in place.split("/") if part)
    if not path or ".." in path.split("/"):
        raise SourceError(f"{scheme}:// must be followed by a bucket and a path in it, such as {scheme}://bucket/faces")
    return Url(scheme, path)
