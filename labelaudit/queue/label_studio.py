"""Label Studio: tasks with predictions, the page that annotators see, and the annotations that come back.

``tasks.json`` is imported into a project whose labelling interface is ``labeling-config.xml``. Pictures that lie beside
it are written into the tasks themselves, so that nothing must be served or connected. Both exports that hold everything
are read: JSON (a task with its annotations) and JSON-MIN (an annotation a record). Formats:
https://labelstud.io/guide/task_format and https://labelstud.io/guide/export.
"""

from __future__ import annotations

import base64
import json
import mimetypes
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from labelaudit.decision import Decision
from labelaudit.errors import DecisionError
from labelaudit.queue.choices import AMBIGUOUS, NOT_A_FACE, choice_of, choices_of
from labelaudit.queue.details import details, rounded
from labelaudit.queue.item import Queue, QueueItem
from labelaudit.queue.markup import write_xml
from labelaudit.queue.returned import decision, in_utc, object_in, read_json, records_in, text_in
from labelaudit.records import JsonDict
from labelaudit.report.words import chance
from labelaudit.rundir import written_aside

TASKS = "tasks.json"
CONFIG = "labeling-config.xml"
FILE_BYTES = 100 << 20
"""Tasks beyond this size go into another file: Label Studio takes uploads of 250 MiB."""

_TOOL = "label-studio"
_CONTROL = "label"
_OBJECT = "image"

_CLASS_KEYS = "1234567890qwertyiopsdfgjkl"  # without those that Label Studio's page keeps for itself, and without:
_WORD_KEYS = {AMBIGUOUS: "a", NOT_A_FACE: "n"}

_STYLE = """
.labelaudit { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; max-width: 1100px; margin: 0 auto; }
.labelaudit-picture { flex: 2 1 360px; }
.labelaudit-question { flex: 1 1 280px; }
.labelaudit-audit { margin-bottom: 12px; padding: 12px 16px; border-left: 4px solid #b45309;
  border-radius: 4px; background: rgba(180, 83, 9, 0.1); }
"""


def write_label_studio(queue: Queue, out: Path, *, pictures: Mapping[str, str]) -> None:
    """Writes ``labeling-config.xml`` and ``tasks.json``, and more tasks as ``tasks-2.json`` and so on.

    Args:
        queue: The rows. A suggestion becomes a prediction, which Label Studio chooses beforehand; a blind queue has
            none.
        out: An existing folder.
        pictures: sample_id -> URL that the annotators' browsers can open, or path of a file below ``out``, which then
            becomes part of the task.

    Raises:
        QueueError: A class name holds a character that XML has no place for.
        OSError: The folder cannot be written.
    """
    write_xml(out / CONFIG, _config(queue), declared=False)
    _write_tasks(out, (_task(item, queue, _reached(pictures[item.sample_id], out)) for item in queue.items))


def read_label_studio(path: Path) -> tuple[Decision, ...]:
    """Reads an export, JSON or JSON-MIN. Cancelled annotations, drafts and predictions are nobody's decision.

    An annotation without a choice says ``skip``; one with several says that all of them fit: ``ambiguous``.

    Raises:
        DecisionError: It is no such export, or was made in a project with another labelling interface.
    """
    tasks = records_in(read_json(path), str(path))
    if tasks and not any("data" in task or _CONTROL in task for task in tasks):
        raise DecisionError(f"{path} holds no choices of the interface in {CONFIG}; export as JSON or JSON-MIN")
    decisions: list[Decision] = []
    for number, task in enumerate(tasks, 1):
        where = f"{path}, record {number}"
        decisions.extend(_of_task(task, where) if "data" in task else [_of_record(task, where)])
    return tuple(decisions)


def _write_tasks(out: Path, tasks: Iterable[JsonDict]) -> None:
    """Writes lists of tasks, each file as large as Label Studio takes it."""
    texts = (json.dumps(task, ensure_ascii=False, allow_nan=False).encode() for task in tasks)
    text = next(texts, None)
    number = 1
    while text is not None or number == 1:
        name = TASKS if number == 1 else f"{Path(TASKS).stem}-{number}.json"
        with written_aside(out / name) as aside, open(aside, "wb") as file:
            file.write(b"[")
            between = b"\n"
            while text is not None and file.tell() < FILE_BYTES:
                file.write(between + text)
                between = b",\n"
                text = next(texts, None)
            file.write(b"\n]\n")
        number += 1


def _reached(picture: str, out: Path) -> str:
    """What a browser opens: a file beside the tasks as a ``data:`` URL, anything else as it is."""
    if "://" in picture:
        return picture
    file = (out / picture).resolve()
    if not (file.is_relative_to(out.resolve()) and file.is_file()):
        return picture
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


def _task(item: QueueItem, queue: Queue, picture: str) -> JsonDict:
    data: JsonDict = {_OBJECT: picture, **details(item, blind=queue.blind)}
    if queue.blind:
        return {"data": data}
    task: JsonDict = {"data": data | {"finding": _finding(item)}, "predictions": []}
    if item.suggested_label is not None:
        chosen = {"choices": [choice_of(item.suggested_label)]}
        result = {"from_name": _CONTROL, "to_name": _OBJECT, "type": "choices", "value": chosen}
        score = rounded(item.suggested_confidence)
        task["predictions"] = [{"model_version": queue.model_version, "score": score, "result": [result]}]
    return task


def _finding(item: QueueItem) -> str:
    """What the audit found, in one line."""
    wrong = "" if item.p_mislabelled is None else f"{chance(item.p_mislabelled)} likely to be wrong"
    looks = "" if item.suggested_label is None else f"looks like {item.suggested_label}"
    if looks and item.suggested_confidence is not None:
        looks += f" ({chance(item.suggested_confidence)})"
    return " · ".join(filter(None, (wrong, looks))) or item.reason


def _config(queue: Queue) -> ET.Element:
    view = ET.Element("View", className="labelaudit")
    ET.SubElement(view, "Style").text = _STYLE
    picture = ET.SubElement(view, "View", className="labelaudit-picture")
    ET.SubElement(picture, "Image", name=_OBJECT, value=f"${_OBJECT}", zoom="true", width="100%")
    question = ET.SubElement(view, "View", className="labelaudit-question")
    if not queue.blind:
        audit = ET.SubElement(question, "View", className="labelaudit-audit")
        ET.SubElement(audit, "Header", value="Given label: $given_label", size="4")
        ET.SubElement(audit, "Header", value="$finding", size="5")
    ET.SubElement(question, "Header", value="Which label is right?", size="4")
    choices = ET.SubElement(
        question, "Choices", name=_CONTROL, toName=_OBJECT, choice="single-radio", required="true", showInline="false"
    )
    keys = iter(_CLASS_KEYS)
    for choice in choices_of(queue.classes):
        key = _WORD_KEYS.get(choice) or next(keys, None)
        ET.SubElement(choices, "Choice", {"value": choice, **({"hotkey": key} if key else {})})
    return view


def _of_task(task: JsonDict, where: str) -> Iterator[Decision]:
    data = object_in(task, "data", where)
    sample_id = text_in(data, "sample_id", where)
    for annotation in records_in(task.get("annotations", []), f"{where}, annotations"):
        if not annotation.get("was_cancelled"):
            yield decision(
                _chosen(annotation.get("result", []), where),
                sample_id=sample_id,
                tool=_TOOL,
                annotator=_name(annotation.get("completed_by")),
                decided_at=in_utc(annotation.get("updated_at"), where),
                content_sha256=data.get("content_sha256"),
            )


def _of_record(record: JsonDict, where: str) -> Decision:
    """A decision from JSON-MIN: one choice is a text there, several are ``{"choices": [...]}``, none are missing."""
    chosen = record.get(_CONTROL, [])
    if isinstance(chosen, dict):
        chosen = chosen.get("choices")
    return decision(
        _texts([chosen] if isinstance(chosen, str) else chosen, where),
        sample_id=text_in(record, "sample_id", where),
        tool=_TOOL,
        annotator=_name(record.get("annotator")),
        decided_at=in_utc(record.get("updated_at"), where),
        content_sha256=record.get("content_sha256"),
    )


def _chosen(result: Any, where: str) -> list[str]:
    results = records_in(result, f"{where}, result")
    ours = [each for each in results if each.get("from_name") == _CONTROL and each.get("type") == "choices"]
    if results and not ours:
        raise DecisionError(f"{where} was annotated with another labelling interface; use {CONFIG} in the project")
    return [choice for each in ours for choice in _texts(object_in(each, "value", where).get("choices"), where)]


def _texts(chosen: Any, where: str) -> list[str]:
    if not isinstance(chosen, list) or not all(isinstance(each, str) for each in chosen):
        raise DecisionError(f"{where} has a choice that is no text; export it again")
    return chosen


def _name(who: Any) -> str:
    """An annotator's name: an e-mail address where the export has one, else the number of their account."""
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return "" if who is None else str(who)
