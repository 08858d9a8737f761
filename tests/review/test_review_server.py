from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from small_run import Client, served

from labelaudit.errors import DecisionError, ReportError
from labelaudit.faces import DrawnFaces
from labelaudit.queue.decision_lines import read_decision_lines
from labelaudit.queue.select import QueueChoice
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir


def first_rows(client: Client) -> list[int]:
    return client.get("/api/desk").json["rows"]


def test_the_desk_holds_the_queue_and_nothing_else(client: Client, run: RunDir) -> None:
    desk = client.get("/api/desk").json
    report = read_report(run).table
    ranks = report["queue_rank"].to_pylist()
    assert desk["rows"] == sorted((row for row in range(140) if ranks[row] is not None), key=lambda row: ranks[row])
    assert len(desk["rows"]) == 16
    assert desk["given"][0] == report["given_label"][desk["rows"][0]].as_py()
    assert desk["annotators"] == []
    face = client.get(f"/api/faces/{desk['rows'][0]}").json
    assert face["given"] == desk["given"][0]
    assert face["suggested"] == desk["suggested"][0]
    assert face["shares"]["confidence_peer1"] == pytest.approx(0.1 / 6, abs=1e-4)
    assert face["shares"]["confidence_ridge"] is None
    assert (face["noisy"], face["clean"]) == (pytest.approx(0.2), 0.5)
    assert [each["row"] for each in face["similar"]] == [(desk["rows"][0] + step) % 140 for step in range(1, 7)]
    assert face["similar"][0]["label"] == report["given_label"][desk["rows"][0] + 1].as_py()
    assert face["reason"].startswith(f"the models give {face['given']} 0.0")


def test_a_decision_is_in_the_file_when_it_is_answered(client: Client, run: RunDir) -> None:
    row = first_rows(client)[0]
    answer = client.decide(row, "sad")
    assert (answer.status, answer.json["version"], answer.json["revision"]) == (200, 1, 1)
    (line,) = read_decision_lines(run.decisions)
    assert line.label == "sad"
    assert line.sample_id == read_report(run).table["sample_id"][row].as_py()
    assert line.content_sha256 == read_report(run).table["content_sha256"][row].as_py()
    progress = client.get("/api/progress?annotator=Ann").json
    assert progress["decisions"] == [[row, 1, "label", "sad"]]
    assert client.get("/api/progress?annotator=Bo").json["decisions"] == []


def test_the_count_of_wrong_labels(client: Client) -> None:
    desk = client.get("/api/desk").json
    one, two, three = desk["rows"][:3]
    client.decide(one, desk["suggested"][0])
    client.decide(two, desk["given"][1])
    counts = client.decide(three, None, ruling="not_a_face").json["counts"]
    assert (counts["sitting"]["wrong"], counts["sitting"]["counted"]) == (2, 3)
    counts = client.decide(three, None, ruling="withdrawn", seen=1).json["counts"]
    assert (counts["ever"]["wrong"], counts["ever"]["counted"]) == (1, 2)


def test_a_new_sitting_goes_on_where_the_last_one_ended(run: RunDir) -> None:
    with served(run) as client:
        desk = client.get("/api/desk").json
        client.decide(desk["rows"][0], desk["suggested"][0])
    with served(run) as client:
        progress = client.get("/api/progress?annotator=Ann").json
        assert progress["decisions"] == [[desk["rows"][0], 1, "label", desk["suggested"][0]]]
        assert (progress["counts"]["ever"]["wrong"], progress["counts"]["sitting"]["counted"]) == (1, 0)
        assert client.get("/api/desk").json["annotators"] == [{"name": "Ann", "decided": 1}]


def test_a_page_that_saw_less_is_told_what_stands(client: Client, run: RunDir) -> None:
    row = first_rows(client)[0]
    client.decide(row, "sad")
    late = client.decide(row, "happy")
    assert late.status == 409
    assert (late.json["label"], late.json["version"]) == ("sad", 1)
    assert client.decide(row, "sad").status == 200  # an answer that was lost is asked for again
    assert len(read_decision_lines(run.decisions)) == 1
    assert client.decide(row, "happy", seen=1).status == 200


def test_others_are_hidden_until_asked_for(client: Client) -> None:
    row = first_rows(client)[0]
    client.decide(row, "sad", annotator="Bo")
    assert client.get("/api/progress?annotator=Ann").json["decisions"] == []
    others = client.get(f"/api/faces/{row}/others?annotator=Ann").json["others"]
    assert others == [{"name": "Bo", "ruling": "label", "label": "sad"}]
    assert client.get(f"/api/faces/{row}/others?annotator=Bo").json["others"] == []


def test_a_blind_desk_tells_nothing(run: RunDir) -> None:
    with served(run, QueueChoice(blind=True, top=2)) as client:
        desk = client.get("/api/desk").json
        assert not {"given", "suggested", "verdict"} & set(desk)
        one, two = desk["rows"]
        assert client.get(f"/api/faces/{one}").json == {"row": one}
        assert client.get(f"/pictures/{one}").status == 200
        assert client.get(f"/pictures/{one + 1}").status == 404
        client.decide(one, "sad", annotator="Bo")
        assert client.get(f"/api/faces/{one}/others?annotator=Ann").json["others"] == []
        assert client.decide(one, "happy").json["counts"] is None
        assert client.get(f"/api/faces/{one}/others?annotator=Ann").json["others"]
        assert client.decide(two, "happy").json["counts"]["ever"]["counted"] == 2


NO_DECISIONS = [
    b"",
    b"no json",
    b"[" * 4000,
    b'{"row": 0}',
    b'{"row": "0", "ruling": "label", "label": "sad", "annotator": "Ann", "seen": 0}',
    b'{"row": 0, "ruling": "label", "label": "sad", "annotator": "Ann", "seen": -1}',
    b'{"row": 0, "ruling": "label", "label": "sad", "annotator": "Ann", "seen": 0, "more": 1}',
    b'{"row": 0, "ruling": "label", "label": "cross", "annotator": "Ann", "seen": 0}',
    b'{"row": 0, "ruling": "label", "label": null, "annotator": "Ann", "seen": 0}',
    b'{"row": 0, "ruling": "skip", "label": "sad", "annotator": "Ann", "seen": 0}',
    b'{"row": 0, "ruling": "nonsense", "label": null, "annotator": "Ann", "seen": 0}',
    b'{"row": 0, "ruling": "skip", "label": null, "annotator": "  ", "seen": 0}',
    b'{"row": 0, "ruling": "skip", "label": null, "annotator": "a\\nb", "seen": 0}',
    b'{"row": 0, "ruling": "skip", "label": null, "annotator": "\\ud800", "seen": 0}',
    b'{"row": 0, "ruling": "skip", "label": null, "annotator": "' + b"a" * 65 + b'", "seen": 0}',
    b'{"row": 100000000000000000000000, "ruling": "skip", "label": null, "annotator": "a", "seen": 0}',
    b"\xff\xfe",
]


def test_what_is_no_decision_is_refused_in_one_line(client: Client, run: RunDir) -> None:
    for body in NO_DECISIONS:
        answer = client.ask("POST", "/api/decisions", body)
        assert 400 <= answer.status < 500, body
        assert list(answer.json) == ["error"], body
        assert b"\n" not in answer.body.strip()
        assert str(run.root).encode() not in answer.body
    assert not run.decisions.exists()


def test_unknown_rows_and_addresses_are_not_there(client: Client) -> None:
    outside = next(row for row in range(140) if row not in first_rows(client))
    for path in (
        f"/api/faces/{outside}",
        "/api/faces/999999",
        "/api/faces/-1",
        "/pictures/140",
        "/api/nothing",
        "/docs",
        "/openapi.json",
        "/redoc",
        "/page/",
        "/../report.parquet",
        "/%2e%2e/report.parquet",
        "/pictures/..%2f..%2freport.parquet",
        "/review.js/../../server.py",
        "//etc/passwd",
    ):
        answer = client.get(path)
        assert answer.status in (404, 422), path
        assert list(answer.json) == ["error"], path
    assert client.ask("DELETE", "/api/decisions").status == 405


def test_pictures_are_those_that_were_audited(client: Client, run: RunDir, drawn: DrawnFaces) -> None:
    row = first_rows(client)[0]
    report = read_report(run).table
    file = run.root.parent / "faces" / report["path"][row].as_py()
    answer = client.get(f"/pictures/{row}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.body == file.read_bytes()
    assert client.get(f"/pictures/{row}/small").body == file.read_bytes()
    file.write_bytes((run.root.parent / "faces" / report["path"][row + 1].as_py()).read_bytes())
    assert (client.get(f"/pictures/{row}").status, client.get(f"/pictures/{row}").json) == (
        410,
        {"error": "changed since the audit"},
    )
    file.unlink()
    gone = client.get(f"/pictures/{row}")
    assert gone.status == 410
    assert str(run.root.parent) not in gone.json["error"]


def test_another_dataset_is_refused(run: RunDir) -> None:
    for file in (run.root.parent / "faces").rglob("*.png"):
        file.write_bytes(b"other")
    with pytest.raises(ReportError, match="--dataset"), served(run):
        pass


def test_a_full_disk_is_said_and_nothing_is_kept(client: Client, run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _: object) -> None:
        raise DecisionError(f"cannot write {path}: no space")

    row = first_rows(client)[0]
    with monkeypatch.context() as patched:
        patched.setattr("labelaudit.review.ledger.write_decision_lines", full)
        answer = client.decide(row, "sad")
    assert (answer.status, answer.json) == (507, {"error": "the file of decisions cannot be written"})
    assert client.get("/api/progress?annotator=Ann").json["decisions"] == []
    assert client.decide(row, "sad").status == 200


def test_many_at_once_lose_nothing(client: Client, run: RunDir) -> None:
    rows = first_rows(client)
    failed = []

    def work(name: str) -> None:
        failed.extend(row for row in rows if client.decide(row, "sad", annotator=name).status != 200)

    threads = [threading.Thread(target=work, args=(f"annotator {k}",)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    lines = read_decision_lines(run.decisions)
    assert len({(line.annotator, line.sample_id) for line in lines}) == len(lines) == 8 * 16


def test_names_are_one_however_they_are_typed(client: Client) -> None:
    row = first_rows(client)[0]
    client.decide(row, "sad", annotator=" Zo\u0065\u0308 ")
    assert [each["name"] for each in client.get("/api/desk").json["annotators"]] == ["Zo\u00eb"]


def test_answers_are_json_that_any_reader_takes(client: Client) -> None:
    for path in ("/api/desk", f"/api/faces/{first_rows(client)[0]}", "/api/progress?annotator=Ann"):
        body = client.get(path).body
        assert json.loads(body, parse_constant=pytest.fail)  # NaN and Infinity
