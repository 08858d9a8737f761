"""Files in an object store: listed, read and written through pyarrow's own clients (s3, gs) or fsspec's (hf, memory).

Credentials come from where each store's tools have them (environment, settings files, the machine's role). What a store
answers is turned into a line of our own and never repeated, for it may hold keys, signatures or host names.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
from numpy.typing import NDArray

from labelaudit.errors import LabelAuditError, SourceError
from labelaudit.source.urls import Url

_CONNECT_SECONDS, _REQUEST_SECONDS, _ATTEMPTS = 5, 30, 4
_COPIED_BYTES = 1 << 23
_CODE = re.compile(r"AWS Error (\w+)")
_NO_BUCKET = re.compile(r"NO_SUCH_BUCKET|bucket does not exist|NoSuchBucket", re.IGNORECASE)
_AWAY = re.compile(
    r"NETWORK_CONNECTION|could not resolve|could not connect|timed? ?out|UNAVAILABLE|offline|ConnectError",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE|TOKEN|EXPIRED|HTTP status 40[13]|PERMISSION|credential", re.IGNORECASE
)
_STAMPS = ("ETag", "etag", "blob_id", "xet_hash", "oid", "created", "mtime", "LastModified")
_WHERE = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the machine's role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, gcloud auth application-default login, or the machine's account",
    "hf": "HF_TOKEN, or hf auth login",
    "memory": "nowhere",
}


@dataclass(frozen=True)
class Listing:
    """What lies below a place.

    Attributes:
        paths: Of files, relative to it, sorted, N of them.
        facts: Size and a number that changes with the content (time or hash), (N, 2).
    """

    paths: list[str]
    facts: NDArray[np.int64]


class Files:
    """The files below a place in a store. May be used by several threads at once.

    Args:
        url: The place.
        error: What is raised; its text says where and what to do.

    Raises:
        LabelAuditError: A library is missing.
    """

    def __init__(self, url: Url, *, error: type[LabelAuditError] = SourceError) -> None:
        self.url = url
        self._error = error
        with self._explained():
            self._system, self._spec = _file_system(url, error)

    def kind(self) -> pafs.FileType:
        """Whether the place is a file, a folder (anything lies below it), or nothing."""
        with self._explained():
            found = self._system.get_file_info(self.url.path).type
            if found is pafs.FileType.NotFound and self._spec is None:  # or is even the bucket missing?
                bucket = self._system.get_file_info(self.url.bucket)
                if bucket.type is pafs.FileType.NotFound:
                    raise self._error(_no_bucket(self.url))
            return found

    def list(self) -> Listing:
        """Everything below the place, hidden or not."""
        with self._explained():
            if self._spec is not None:
                named = self._spec.find(self.url.path, detail=True)
                found = {name.strip("/"): (int(info.get("size") or 0), _stamp(info)) for name, info in named.items()}
            else:
                below = pafs.FileSelector(self.url.path, recursive=True, allow_not_found=False)
                infos = [each for each in self._system.get_file_info(below) if each.type is pafs.FileType.File]
                found = {each.path: (each.size, each.mtime_ns or -1) for each in infos}
        start = len(self.url.path) + 1
        names = sorted(found)
        facts = np.array([found[name] for name in names], dtype=np.int64).reshape(-1, 2)
        return Listing([name[start:] for name in names], facts)

    def read(self, path: str) -> bytes:
        """The bytes of a file, by its path relative to the place.

        Raises:
            FileNotFoundError: There is none.
            LabelAuditError: It cannot be read.
        """
        with self._explained(), self._system.open_input_stream(self._key(path)) as stream:
            content: bytes = stream.readall()
            return content

    def open(self, path: str) -> pa.NativeFile:
        """A file to read parts of."""
        with self._explained():
            return self._system.open_input_file(self._key(path))

    def save_copy(self, path: str, target: Path) -> None:
        """Copies a file to the disk."""
        with (
            self._explained(),
            self._system.open_input_stream(self._key(path)) as stream,
            open(target, "wb") as copy,
        ):
            while block := stream.read(_COPIED_BYTES):
                copy.write(block)

    def write_file(self, path: str, source: Path) -> None:
        """Copies a file from the disk; in the store it is there whole or not at all."""
        with (
            self._explained(),
            open(source, "rb") as file,
            self._system.open_output_stream(self._key(path)) as stream,
        ):
            while block := file.read(_COPIED_BYTES):
                stream.write(block)

    def remove(self, path: str) -> None:
        """Removes a file, where there is one."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            self._system.delete_file(self._key(path))

    def _key(self, path: str) -> str:
        return f"{self.url.path}/{path}" if path else self.url.path

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (LabelAuditError, FileNotFoundError):
            raise
        except Exception as error:  # every client raises others
            raise self._error(explain(error, self.url)) from error


def explain(error: Exception, url: Url) -> str:
    """One line on what a store answered, without a word of it."""
    said = f"{type(error).__name__} {error}"
    if _NO_BUCKET.search(said):
        return _no_bucket(url)
    if _AWAY.search(said):
        setting = " (or AWS_ENDPOINT_URL names another place)" if url.scheme == "s3" else ""
        return f"{url} cannot be reached: is there a network?{setting}"
    if _DENIED.search(said):
        return f"{url} may not be read or written: no credentials, or not enough; they come from {_WHERE[url.scheme]}"
    code = _CODE.search(said)
    return f"{url} cannot be read or written ({code[1] if code else type(error).__name__}); try again"


def _no_bucket(url: Url) -> str:
    return f"{url.scheme}://{url.bucket}: there is no such bucket; is its name right?"


def _file_system(url: Url, error: type[LabelAuditError]) -> tuple[pafs.FileSystem, Any]:
    """A client; and fsspec's, which knows more of a file, where it is one of these."""
    if url.scheme == "s3":
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if region is None and endpoint is None:
            region = pafs.resolve_s3_region(url.bucket)
        return pafs.S3FileSystem(
            endpoint_override=endpoint,
            region=region,
            connect_timeout=_CONNECT_SECONDS,
            request_timeout=_REQUEST_SECONDS,
            retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        ), None
    if url.scheme == "gs":
        return pafs.GcsFileSystem(retry_time_limit=timedelta(seconds=_REQUEST_SECONDS)), None
    try:
        if url.scheme == "hf":
            from huggingface_hub import HfFileSystem

            spec: Any = HfFileSystem()
        else:
            from fsspec.implementations.memory import MemoryFileSystem

            spec = MemoryFileSystem()
    except ImportError as missing:
        raise error(f"{url.scheme}:// needs a library more: pip install 'labelaudit[cloud]'") from missing
    return pafs.PyFileSystem(pafs.FSSpecHandler(spec)), spec


def _stamp(info: dict[str, Any]) -> int:
    """A number that changes when a file does, from whatever a store says of it."""
    said = next((str(info[name]) for name in _STAMPS if info.get(name)), "")
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "little", signed=True) if said else -1
