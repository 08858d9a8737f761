from __future__ import annotations

import http.client
import json
import socket

import pytest
from small_run import Client

from labelaudit.errors import SettingsError
from labelaudit.review.security import MOST_BYTES, Access
from labelaudit.review.serve import access_for, address_of, check_host, is_loopback, open_socket
from labelaudit.rundir import RunDir

SECRET = ("/", "/review.js", "/review.css", "/icon.svg", "/api/desk", "/pictures/0", "/nothing")


def test_nothing_is_told_without_the_token(client: Client) -> None:
    for path in SECRET:
        assert client.ask("GET", path, without=("Cookie",)).status == 401, path
        for cookie in (
            "",
            "labelaudit-1=x",
            f"labelaudit-{client.port}=wrong",
            f"labelaudit-{client.port}=",
            "\x01=;;",
        ):
            assert client.get(path, Cookie=cookie).status == 401, (path, cookie)
    assert client.ask("GET", f"/api/desk?token={client.token}", without=("Cookie",)).status == 401
    assert client.ask("GET", "/?token=wrong", without=("Cookie",)).status == 401
    assert client.ask("GET", "/?token=%ff%00", without=("Cookie",)).status == 401


def test_the_address_opens_the_page_and_leaves_a_strict_cookie(client: Client) -> None:
    answer = client.ask("GET", f"/?token={client.token}", without=("Cookie", "Origin"))
    assert answer.status == 200
    cookie = answer.headers["set-cookie"]
    assert cookie == f"labelaudit-{client.port}={client.token}; HttpOnly; SameSite=Strict; Path=/"
    assert "set-cookie" not in client.get("/").headers


def test_other_names_are_refused(client: Client) -> None:
    port = client.port
    names = (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "",
        "localhost@evil",
        "[::2]",
    )
    for named in names:
        for path in ("/", f"/?token={client.token}", "/api/desk"):
            answer = client.get(path, Host=named, Origin=f"http://{named}")
            assert answer.status == 421, (named, path)
            assert "set-cookie" not in answer.headers
    assert client.ask("GET", "/", without=("Host",)).status in (400, 421)


def test_this_machines_names_are_answered(client: Client) -> None:
    for named in (f"localhost:{client.port}", "LOCALHOST", f"[::1]:{client.port}", "127.0.0.1:9999"):
        assert client.get("/api/desk", Host=named, Origin=f"http://{named}").status == 200, named


def test_other_pages_may_neither_decide_nor_look(client: Client, run: RunDir) -> None:
    row = client.get("/api/desk").json["rows"][0]
    body = json.dumps({"row": row, "ruling": "skip", "label": None, "annotator": "Ann", "seen": 0}).encode()
    for origin in ("http://evil.example", f"https://127.0.0.1:{client.port}", "http://127.0.0.1:1", "null"):
        assert client.ask("POST", "/api/decisions", body, Origin=origin).status == 403, origin
        assert client.get("/api/desk", Origin=origin).status == 403, origin
    assert client.ask("POST", "/api/decisions", body, without=("Origin",)).status == 403
    for site in ("cross-site", "same-site"):
        assert client.ask("POST", "/api/decisions", body, Sec_Fetch_Site=site).status == 403
        assert client.get(f"/pictures/{row}", Sec_Fetch_Site=site).status == 403
    assert not run.decisions.exists()
    # A link to the page, from wherever it was opened, is a visit and no request of another page.
    visit = {"without": ("Cookie", "Origin"), "Sec_Fetch_Site": "cross-site"}
    assert client.ask("GET", f"/?token={client.token}", **visit).status == 200


def test_only_json_decides(client: Client, run: RunDir) -> None:
    body = b'{"row": 0, "ruling": "skip", "label": null, "annotator": "Ann", "seen": 0}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert client.ask("POST", "/api/decisions", body, Content_Type=kind).status in (415, 422)
    assert not run.decisions.exists()


def test_long_bodies_are_cut_off(client: Client) -> None:
    for length in (str(MOST_BYTES + 1), "999999999999999999999"):
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
        connection.putrequest("POST", "/api/decisions", skip_host=True)
        for name, value in {**client.own, "Content-Length": length}.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status in (400, 413)  # answered before a byte of it is sent
        connection.close()
    chunks = b"".join(b"400\r\n" + b"x" * 1024 + b"\r\n" for _ in range(5)) + b"0\r\n\r\n"
    assert client.ask("POST", "/api/decisions", chunks, Transfer_Encoding="chunked").status == 413


def test_every_answer_carries_the_policy(client: Client) -> None:
    row = client.get("/api/desk").json["rows"][0]
    answers = [client.get(path) for path in ("/", "/review.js", "/api/desk", f"/pictures/{row}", "/nothing")]
    answers.append(client.ask("GET", "/", without=("Cookie",)))
    answers.append(client.get("/", Host="evil.example"))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert not {"server", "access-control-allow-origin"} & set(answer.headers)


def test_the_page_holds_nothing_inline(client: Client) -> None:
    page = client.get("/").body.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert page.count("<script") == page.count('<script type="module" src=') == 1
    assert "http" not in page.replace("http-equiv", "")  # nothing from elsewhere
    for name in ("review.js", "view.js", "faces.js", "outbox.js"):
        assert "innerHTML" not in client.get(f"/{name}").body.decode()


@pytest.mark.parametrize(
    ("host", "is_own"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.1.2.3", True), ("0.0.0.0", False), ("box", False)],
)
def test_who_is_let_in(host: str, is_own: bool) -> None:
    assert is_loopback(host) is is_own
    check_host(host, let_network_in=True)
    if not is_own:
        with pytest.raises(SettingsError, match="--let-network-in"):
            check_host(host, let_network_in=False)


def test_a_wide_door_takes_addresses_and_no_strangers_names() -> None:
    with open_socket("0.0.0.0", 0) as listener:
        access = access_for(listener, "0.0.0.0")
    assert access.knows_host("192.168.1.7:8477")
    assert access.knows_host("[fe80::1]:8477")
    assert not access.knows_host("evil.example")
    assert not Access(1).knows_host("192.168.1.7")
    assert address_of(Access(80, token="t"), "::1") == "http://[::1]:80/?token=t"


def test_tokens_differ_and_are_not_shown() -> None:
    one, other = Access(1), Access(1)
    assert one.token != other.token
    assert len(one.token) >= 40
    assert one.token not in repr(one)
    assert not one.knows_token(None)
    assert not one.knows_token("\udcff")


def test_a_taken_port_is_said() -> None:
    with open_socket("127.0.0.1", 0) as listener:
        taken = listener.getsockname()[1]
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # else every answer waits 40 ms
        with pytest.raises(SettingsError, match=f"port {taken}"):
            open_socket("127.0.0.1", taken)
    with open_socket("127.0.0.1", None) as first, open_socket("127.0.0.1", None) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
    with pytest.raises(SettingsError, match="no name or address"):
        open_socket("no such host", 0)
