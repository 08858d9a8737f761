"""The main job from end to end in a process without sockets: nothing is asked of a network that nobody asked for."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from labelaudit.faces import draw_dataset, write_dataset

_SWITCHES = ("OFFLINE", "TELEMETRY", "TRACK", "ANALYTICS", "PROXY")
"""In names of variables by which libraries are kept from the network, or led to it by another way."""

SMALL = ("--weights", "none", "--backbone", "gradients", "--folds", "2", "--epochs", "2", "--device", "cpu")


def run_blocked(folder: Path, *commands: tuple[object, ...]) -> list[tuple[int, list[str]]]:
    """Exit codes of command lines, and what each asked of sockets."""
    told = folder / "told.json"
    lines = json.dumps([[str(word) for word in command] for command in commands])
    left = {name: value for name, value in os.environ.items() if not any(each in name.upper() for each in _SWITCHES)}
    script = Path(__file__).with_name("blocked.py")
    done = subprocess.run([sys.executable, script, lines, told], env=left, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [(code, asked) for code, asked in json.loads(told.read_text(encoding="utf-8"))]


def decide_first(table: Path, decided: Path) -> str:
    """Fills in another label for the first row of a queue; gives its sample_id."""
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["decision"] = "sad" if rows[0]["given_label"] != "sad" else "happy"
    rows[0]["annotator"] = "ann"
    with open(decided, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows[0]["sample_id"]


def test_the_main_job_touches_no_network(tmp_path: Path) -> None:
    faces, run, queue = tmp_path / "faces", tmp_path / "run", tmp_path / "queue.csv"
    write_dataset(draw_dataset(60, seed=5, class_shares={"happy": 1.0, "sad": 1.0}), faces)
    assert run_blocked(
        tmp_path,
        ("inspect", faces),
        ("audit", faces, "--out", run, *SMALL),
        ("report", run),
        ("queue", run, "--format", "csv", "--top", "5", "--out", queue),
        ("audit", faces, "--out", tmp_path / "asked", "--weights", "face"),
    ) == [(0, [])] * 4 + [(2, ["socket.getaddrinfo"])]  # the last asks for a download: the hook sees what it should

    sample = decide_first(queue, tmp_path / "decided.csv")
    assert run_blocked(tmp_path, ("apply", run, tmp_path / "decided.csv", "--out", tmp_path / "new")) == [(0, [])]
    ledger = [json.loads(line) for line in (tmp_path / "new" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [each["sample_id"] for each in ledger if "sample_id" in each] == [sample]
