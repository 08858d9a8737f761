"""Clients that mean harm: many at once, slow ones, and such that want files that are not the page's."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from small_run import Client

from labelaudit.review import hurry, security

_MANY = 200


@contextlib.contextmanager
def connected(client: Client, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as kept:
        yield [
            kept.enter_context(socket.create_connection(("127.0.0.1", client.port), timeout=20)) for _ in range(count)
        ]


def closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_two_hundred_clients_at_once_are_all_answered(client: Client) -> None:
    answers: list[int] = []
    paths = ("/", "/api/desk", "/pictures/0", "/pictures/0/small", "/api/progress?annotator=Ann")

    def ask(number: int) -> None:
        answers.append(client.get(paths[number % len(paths)]).status)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(_MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert answers == [200] * _MANY


def test_half_a_head_keeps_nobody_out_and_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hurry, "HEAD_SECONDS", 2.0)
    with connected(client, _MANY) as slow:
        for connection in slow[::2]:  # every other one says nothing at all
            connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        assert client.get("/api/desk").status == 200
        assert all(closed(connection) for connection in slow)
    assert client.get("/api/desk").status == 200


def test_a_head_that_comes_byte_by_byte_gets_no_more_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hurry, "HEAD_SECONDS", 1.0)
    start = time.perf_counter()
    with connected(client, 1) as [slow]:
        slow.settimeout(0.1)
        with contextlib.suppress(ConnectionError):
            while time.perf_counter() - start < 20:
                slow.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    if slow.recv(1) == b"":
                        break
    assert time.perf_counter() - start < 10


def test_a_second_request_is_not_waited_for_either(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hurry, "HEAD_SECONDS", 1.0)
    with connected(client, 1) as [slow]:
        host = f"127.0.0.1:{client.port}"
        slow.sendall(f"GET /nothing HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert slow.recv(4_096).startswith(b"HTTP/1.1 401")
        slow.sendall(b"GET /")
        start = time.perf_counter()
        while slow.recv(4_096):  # what is left of the first answer
            pass
        assert time.perf_counter() - start < 4  # before uvicorn's own wait for an idle connection ends


def test_a_body_that_does_not_come_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.5)
    own = "".join(f"{name}: {value}\r\n" for name, value in client.own.items())
    with connected(client, 1) as [slow]:
        slow.sendall(f"POST /api/decisions HTTP/1.1\r\n{own}Content-Length: 100\r\n\r\n{{".encode())
        assert slow.recv(4_096).startswith(b"HTTP/1.1 408")
    assert client.get("/api/desk").status == 200


def test_a_body_without_an_end_is_cut_off(client: Client) -> None:
    own = "".join(f"{name}: {value}\r\n" for name, value in client.own.items())
    with connected(client, 1) as [long]:
        long.sendall(f"POST /api/decisions HTTP/1.1\r\n{own}Transfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                long.sendall(b"1000\r\n" + b"x" * 4_096 + b"\r\n")
            assert long.recv(4_096).startswith(b"HTTP/1.1 413")
    assert client.get("/api/desk").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/..%5c..%5cetc",
        "/review.js/../../security.py",
        "/page/index.html",
        "//etc/passwd",
        "/pictures/../api/desk",
        "/pictures/0/../../../etc/passwd",
        "/pictures/%2e%2e",
        "/pictures/0%00",
        "/pictures/-1",
        "/pictures/1e3",
        "/pictures/99999999999999999999",
        "/api/faces/..%2f..",
        "/report.parquet",
        "/decisions.jsonl",
        "/.lock",
    ],
)
def test_only_what_belongs_to_the_page_is_served(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status in (400, 404, 405, 422), answer.body
    assert b"root:" not in answer.body
    assert b"Traceback" not in answer.body
    assert len(answer.body) < 200


@pytest.mark.parametrize(
    "junk",
    [
        b"\0" * 500,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 400,
        b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 200_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_of_the_page_is_refused_and_harms_nobody(client: Client, junk: bytes) -> None:
    with connected(client, 1) as [odd], contextlib.suppress(ConnectionError):
        odd.sendall(junk)
        with contextlib.suppress(OSError):  # the server may have hung up already; what it said can still be read
            odd.shutdown(socket.SHUT_WR)
        said = odd.recv(65_536)
        assert not said.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 5")), said[:100]
    assert client.get("/api/desk").status == 200
