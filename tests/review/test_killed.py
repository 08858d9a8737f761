"""A server that is killed in the middle of its work: what it said to be saved is there, and it goes on from there."""

from __future__ import annotations

import http.client
import signal
import threading

from small_run import command

from labelaudit.queue.decision_lines import read_decision_lines
from labelaudit.rundir import RunDir


def test_kill_nine_loses_nothing_that_was_saved(run: RunDir) -> None:
    saved: list[tuple[str, int, str]] = []
    with command(run.root) as (process, client):
        desk = client.get("/api/desk").json

        def work(name: str) -> None:
            seen = 0
            try:
                while True:
                    for row in desk["rows"]:
                        label = desk["classes"][seen % len(desk["classes"])]
                        if client.decide(row, label, annotator=name, seen=seen).status == 200:
                            saved.append((name, row, label))
                    seen += 1
            except (OSError, http.client.HTTPException):
                return  # the server is gone

        threads = [threading.Thread(target=work, args=(f"a{k}",)) for k in range(4)]
        for thread in threads:
            thread.start()
        while len(saved) < 200:
            threads[0].join(0.01)
        process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert process.wait() == -signal.SIGKILL
    with run.decisions.open("ab") as file:
        file.write(b'{"sample_id": "half')  # what a kill in the middle of a line leaves
    last = {(name, row): label for name, row, label in saved}
    with command(run.root) as (process, client):
        for name in {name for name, _ in last}:
            progress = client.get(f"/api/progress?annotator={name}").json
            stands = {row: (version, label) for row, version, _, label in progress["decisions"]}
            of_name = [(row, label) for (who, row), label in last.items() if who == name]
            for row, label in of_name:
                version = sum(1 for who, which, _ in saved if (who, which) == (name, row))
                # The last one may have been written and its answer lost.
                assert stands[row][0] in (version, version + 1)
                assert stands[row] == (version, label) or stands[row][0] == version + 1
        row = desk["rows"][0]
        assert client.decide(row, "sad", annotator="after").status == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert '"after": 1' in out
    lines = read_decision_lines(run.decisions)
    assert len(saved) < len(lines) <= len(saved) + 5
