"""Proves the Label Studio format against Label Studio itself: out, annotated by two people, and back.

    python -m venv /tmp/ls && /tmp/ls/bin/pip install label-studio
    python examples/proofs/label_studio_round_trip.py --label-studio /tmp/ls/bin/label-studio

Starts a server (its first start takes minutes), and ends it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from drawn_queue import AWKWARD, draw_queue
from label_studio_server import Person, served

from labelaudit.decision import Decision, Ruling
from labelaudit.queue.choices import AMBIGUOUS, NOT_A_FACE
from labelaudit.queue.item import Queue
from labelaudit.queue.label_studio import CONFIG, TASKS, write_label_studio
from labelaudit.queue.label_studio import read_label_studio as read_back

FACES = 8
ANN, BEN = "ann@example.com", "ben@example.com"

PLAN = (
    (0, ANN, "happy"),
    (0, BEN, "sad"),
    (1, ANN, AMBIGUOUS),
    (2, BEN, NOT_A_FACE),
    (3, ANN, AWKWARD),
    (4, ANN, None),  # cancelled
    (5, BEN, "fear"),
    (5, BEN, "surprise"),  # a second annotation by the same person
)
"""Row of the queue, who, and what they choose; rows 6 and 7 are left alone."""


def main() -> None:
    """Runs the whole proof."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label-studio", type=Path, required=True, help="the program label-studio")
    parser.add_argument("--keep", type=Path, help="an existing folder for the exports")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "server").mkdir()
        with served(asked.label_studio.resolve(), folder / "server", owner=ANN) as url:
            people = {email: Person(url, email) for email in (ANN, BEN)}
            people[ANN].enter("/user/login/")
            people[BEN].enter("/user/signup/")
            version = people[ANN].call("/api/version/")["label-studio-os-package"]["version"]
            print(f"Label Studio {version} runs, with two users")
            prove_round_trip(people, folder, keep=asked.keep or folder)
            prove_blind(people[ANN], folder)
    print("proved")


def prove_round_trip(people: dict[str, Person], folder: Path, *, keep: Path) -> None:
    """A queue goes out, two people annotate it, and their decisions come back in three forms of export."""
    out = folder / "queue"
    out.mkdir()
    queue, pictures = draw_queue(FACES, out)
    write_label_studio(queue, out, pictures=pictures)
    ann = people[ANN]
    project = import_queue(ann, out)
    tasks = tasks_of(ann, project)
    assert len(tasks) == FACES
    for item, task in zip(queue.items, tasks, strict=True):
        assert task["data"]["sample_id"] == item.sample_id
        assert task["data"]["image"].startswith("data:image/png;base64,")
        said = [each["result"][0]["value"]["choices"] for each in task["predictions"]]
        assert said == ([] if item.suggested_label is None else [[item.suggested_label]])
    print(f"{FACES} tasks imported, {sum(bool(task['predictions']) for task in tasks)} with a prediction")

    for row, who, choice in PLAN:
        people[who].call(f"/api/tasks/{tasks[row]['id']}/annotations/", annotation(choice))
    ids = {email: str(person.call("/api/current-user/whoami")["id"]) for email, person in people.items()}
    full = save(
        keep / "export.json", ann.call(f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
    )
    check(read_back(full), queue, names=ids)
    minimal = save(keep / "export_min.json", ann.call(f"/api/projects/{project}/export?exportType=JSON_MIN"))
    check(read_back(minimal), queue, names=ids)
    snapshot = save(keep / "export_snapshot.json", snapshot_of(ann, project))
    check(read_back(snapshot), queue, names={email: email for email in people})
    print("JSON, JSON-MIN and a snapshot with addresses come back as the same decisions")


def prove_blind(ann: Person, folder: Path) -> None:
    """A blind queue is accepted and tells nothing."""
    out = folder / "blind"
    out.mkdir()
    queue, pictures = draw_queue(FACES, out, blind=True)
    write_label_studio(queue, out, pictures=pictures)
    tasks = tasks_of(ann, import_queue(ann, out))
    assert len(tasks) == FACES
    assert not any(task["predictions"] for task in tasks)
    assert {key for task in tasks for key in task["data"]} == {"image", "sample_id", "content_sha256", "annotators"}
    print("a blind queue has neither predictions nor given labels")


def import_queue(ann: Person, out: Path) -> int:
    """Makes a project as a person does: the labelling interface pasted, the tasks uploaded."""
    config = (out / CONFIG).read_text(encoding="utf-8")
    ann.call("/api/projects/validate/", {"label_config": config})
    project: int = ann.call("/api/projects/", {"title": out.name, "label_config": config})["id"]
    done = ann.upload(f"/api/projects/{project}/import", out / TASKS)
    assert done["task_count"] == FACES, done
    return project


def tasks_of(ann: Person, project: int) -> list[dict[str, Any]]:
    """All tasks in the order of import, with their predictions."""
    found = ann.call(f"/api/tasks?project={project}&page_size=100&fields=all")["tasks"]
    return sorted(found, key=lambda task: int(task["id"]))


def annotation(choice: str | None) -> dict[str, Any]:
    """What the page sends for a choice; for None, what it sends for a skipped task."""
    chosen = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [choice]}}
    return {"result": [] if choice is None else [chosen], "was_cancelled": choice is None, "lead_time": 2.5}


def snapshot_of(ann: Person, project: int) -> Any:
    """An export with annotators' addresses, as made in the background."""
    options = {"annotations__completed_by": {"only_id": False}}
    made = ann.call(f"/api/projects/{project}/exports/", {"title": "all", "serialization_options": options})
    for _ in range(60):
        if ann.call(f"/api/projects/{project}/exports/{made['id']}")["status"] == "completed":
            return ann.call(f"/api/projects/{project}/exports/{made['id']}/download?exportType=JSON")
        time.sleep(1)
    raise SystemExit("the snapshot was not made within a minute")


def save(path: Path, export: Any) -> Path:
    """Writes an export to a file."""
    path.write_text(json.dumps(export, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def check(decisions: tuple[Decision, ...], queue: Queue, *, names: dict[str, str]) -> None:
    """Holds what came back against the plan."""
    rulings = {AMBIGUOUS: Ruling.AMBIGUOUS, NOT_A_FACE: Ruling.NOT_A_FACE}
    expected = sorted(
        (
            queue.items[row].sample_id,
            names[who],
            rulings.get(choice, Ruling.LABEL),
            None if choice in rulings else choice,
        )
        for row, who, choice in PLAN
        if choice is not None
    )
    got = sorted((each.sample_id, each.annotator, each.ruling, each.label) for each in decisions)
    assert got == expected, f"expected {expected}, got {got}"
    digests = {item.sample_id: item.content_sha256 for item in queue.items}
    for each in decisions:
        assert each.content_sha256 == digests[each.sample_id]
        assert each.decided_at.endswith("Z")
        assert each.tool == "label-studio"


if __name__ == "__main__":
    main()
