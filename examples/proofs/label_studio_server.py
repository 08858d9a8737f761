"""A real Label Studio on this machine: SQLite in a folder of its own, on the loopback address, with several users."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

PASSWORD = "only-for-this-proof-1"  # noqa: S105 - of a server that lives for a minute
_START_SECONDS = 600
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Person:
    """Somebody who is signed in, as a browser is: by a cookie."""

    def __init__(self, url: str, email: str) -> None:
        self.url = url
        self.email = email
        self._jar = CookieJar()
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    def enter(self, page: str) -> None:
        """Signs in at ``/user/login/``, or up at ``/user/signup/``."""
        found = _TOKEN.search(self.get_page(page))
        form = {"email": self.email, "password": PASSWORD, "csrfmiddlewaretoken": found.group(1) if found else ""}
        self._open(page, urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded")
        assert self.call("/api/current-user/whoami")["email"] == self.email

    def get_page(self, path: str) -> str:
        """A page as it stands."""
        return self._open(path).decode()

    def call(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """An answer of the API, from JSON."""
        content = None if body is None else json.dumps(body).encode()
        return json.loads(self._open(path, content, "application/json", method) or b"null")

    def upload(self, path: str, file: Path) -> Any:
        """What the API says to an uploaded file."""
        edge = "edge-of-a-part"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'
        body = head.encode() + file.read_bytes() + f"\r\n--{edge}--\r\n".encode()
        return json.loads(self._open(path, body, f"multipart/form-data; boundary={edge}"))

    def _open(self, path: str, body: bytes | None = None, kind: str = "", method: str | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, data=body, method=method)  # noqa: S310 - loopback
        if body is not None:
            request.add_header("Content-Type", kind)
            request.add_header("Referer", self.url + path)
            request.add_header("X-CSRFToken", next((each.value or "" for each in self._jar if "csrf" in each.name), ""))
        try:
            with self._browser.open(request, timeout=120) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            raise SystemExit(f"Label Studio answers {path} with {error.code}: {error.read()[:600]!r}") from error


@contextlib.contextmanager
def served(binary: Path, folder: Path, *, owner: str) -> Iterator[str]:
    """Runs a server until the end of the block.

    Args:
        binary: ``label-studio`` of an environment that has it.
        folder: For its database and files.
        owner: E-mail address of the first user, whose password is ``PASSWORD``.

    Yields:
        Its URL.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [str(binary), "start", "--no-browser", "--data-dir", str(folder), "--internal-host", "127.0.0.1"]
    command += ["--port", str(port), "--username", owner, "--password", PASSWORD]
    quiet = {"COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **quiet}, stdout=log, stderr=log, cwd=folder)
        try:
            _wait(url, server, folder / "server.log")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310
            return
        time.sleep(1)
    raise SystemExit("Label Studio did not start; it said:\n" + log.read_text(errors="replace")[-2000:])
