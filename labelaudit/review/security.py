"""Who may speak to the server. Every request passes here before anything else looks at it.

- Host: only names of this machine, so that a page of another site whose name is made to point here (DNS rebinding) is
  refused. With the network let in, numeric addresses too: they cannot be made to point elsewhere.
- Origin and Sec-Fetch-Site: only the page itself, so that no other page can decide or look (CSRF).
- Token: a random secret in the address that is printed, kept in a cookie of this site alone from then on.
- Size and time: bodies are cut off at a few kilobytes, told or not, and after some seconds.
- Answers: a policy under which the page can load and run only what this server sent, and nobody keeps or frames it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 4_096
"""Of a request's body."""

BODY_SECONDS = 10.0
"""In which a request's body must have come."""

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OWN = frozenset({"same-origin", "none"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Access:
    """What lets a request in.

    Attributes:
        port: The server's; part of the cookie's name, as browsers share cookies between ports.
        hosts: Names under which the server may be spoken to.
        any_address: Whether it may be spoken to by any numeric address, too.
        token: The secret.
    """

    port: int
    hosts: frozenset[str] = LOOPBACK_NAMES
    any_address: bool = False
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def cookie(self) -> str:
        """Name of the cookie that holds the token."""
        return f"labelaudit-{self.port}"

    def knows_host(self, host: str) -> bool:
        """Whether the server answers to the value of a Host header; the port is the other end's affair (a tunnel)."""
        name = _name_of(host)
        if name in self.hosts:
            return True
        return self.any_address and _is_address(name)

    def knows_token(self, told: str | None) -> bool:
        """Whether this is the secret, in a time that tells nothing about it."""
        return told is not None and secrets.compare_digest(told.encode(errors="replace"), self.token.encode())


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: HTTPStatus
    why: str


class Guard:
    """Refuses what may not come in, and puts the headers on whatever goes out.

    Args:
        app: Whom it guards.
        access: What lets a request in.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI; only HTTP is spoken here."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        told = _token_told(scope)
        new_cookie = self._access.knows_token(told)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.update(_HEADERS)
                if new_cookie:
                    answer["Set-Cookie"] = (
                        f"{self._access.cookie}={self._access.token}; HttpOnly; SameSite=Strict; Path=/"
                    )
            await send(message)

        refusal = self._refusal(scope, headers, admitted=new_cookie)
        if refusal is None:
            try:
                body = await asyncio.wait_for(_read_body(receive), BODY_SECONDS)
            except TimeoutError:
                body, refusal = None, _TOO_SLOW
            if body is not None:
                await self._app(scope, _replayed(body, receive), send_guarded)
                return
            refusal = refusal or _TOO_LARGE
        new_cookie = False
        await _answer(refusal, send_guarded, plain=scope["path"] == "/")

    def _refusal(self, scope: Scope, headers: Headers, *, admitted: bool) -> _Refusal | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if len(headers.getlist("host")) != 1 or not self._access.knows_host(host):
            return _Refusal(HTTPStatus.MISDIRECTED_REQUEST, "this server does not answer to that name")
        landing = scope["path"] == "/" and scope["method"] in _SAFE_METHODS
        if origin not in (None, f"http://{host}") or not (landing or headers.get("sec-fetch-site", "none") in _OWN):
            return _Refusal(HTTPStatus.FORBIDDEN, "another page may not ask this server")
        if scope["method"] not in _SAFE_METHODS and origin is None:
            return _Refusal(HTTPStatus.FORBIDDEN, "a decision must come from the page: it has no Origin")
        if not admitted and not self._access.knows_token(_cookie(headers, self._access.cookie)):
            return _Refusal(HTTPStatus.UNAUTHORIZED, "open the address that labelaudit review has printed")
        length = headers.get("content-length", "0")
        return None if length.isdecimal() and int(length) <= MOST_BYTES else _TOO_LARGE


_TOO_SLOW = _Refusal(HTTPStatus.REQUEST_TIMEOUT, "the rest of the request did not come")
_TOO_LARGE = _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MOST_BYTES:,} bytes; a decision is shorter")


async def _read_body(receive: Receive) -> bytes | None:
    """A whole body; None where it goes on past what is read of one, whatever length it told."""
    body, more = b"", True
    while more and len(body) <= MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body if len(body) <= MOST_BYTES else None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Hands a body that was read on, and then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def _answer(refusal: _Refusal, send: Send, *, plain: bool) -> None:
    """Says why not: a sentence where a person looks at it, else a line of JSON."""
    said = f"labelaudit review: {refusal.why}." if plain else json.dumps({"error": refusal.why})
    kind = b"text/plain; charset=utf-8" if plain else b"application/json"
    body = said.encode() + b"\n"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(refusal.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _name_of(host: str) -> str:
    """A Host header without its port, in lower case: ``[::1]:8000`` -> ``::1``."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _token_told(scope: Scope) -> str | None:
    """The token of the printed address; it opens the page and nothing else."""
    if scope["path"] != "/" or scope["method"] not in _SAFE_METHODS:
        return None
    query: bytes = scope["query_string"]
    return next(iter(parse_qs(query.decode("latin-1")).get("token", ())), None)


def _cookie(headers: Headers, name: str) -> str | None:
    try:
        found = SimpleCookie("; ".join(headers.getlist("cookie"))).get(name)
    except CookieError:
        return None
    return None if found is None else str(found.value)
