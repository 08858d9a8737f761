"""CVAT: image tags in "CVAT for images 1.1", the labels of the task, and the tags that come back.

Each picture goes out with one tag, which is no class: ``(labelaudit)`` carries, as attributes, the row's id and hash
and what the audit found. The annotator adds the tag of a class. So a suggestion that nobody looked at can never come
back as somebody's decision. Format: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/.
"""

from __future__ import annotations

import io
import posixpath
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from labelaudit.decision import Decision
from labelaudit.errors import DecisionError, QueueError
from labelaudit.queue.choices import choices_of
from labelaudit.queue.details import details
from labelaudit.queue.item import Queue
from labelaudit.queue.markup import parse_xml, write_xml
from labelaudit.queue.returned import check_size, decision, in_utc, read_bytes
from labelaudit.records import JsonDict
from labelaudit.rundir import write_json

ANNOTATIONS = "annotations.xml"
LABELS = "labels.json"

_TOOL = "cvat"
_CARRIER = "(labelaudit)"
_LONGEST_LABEL = 64  # CVAT cuts longer names off
_PLAIN_BYTES, _MOST_SQUEEZED = 16 << 20, 100
"""So many bytes may be squeezed into anything; longer annotations to a hundredth. Real ones shrink to a twentieth."""
_BY_A_MODEL = "auto"


def write_cvat(queue: Queue, out: Path, *, pictures: Mapping[str, str]) -> None:
    """Writes ``labels.json``, to paste into the raw label constructor of a task, and ``annotations.xml``.

    Args:
        queue: The rows.
        out: An existing folder.
        pictures: sample_id -> path of the picture. CVAT finds a picture by its name below the folder that all of them
            share, and where that fails by its place in the order of names.

    Raises:
        QueueError: A class name is too long for CVAT, or a text holds a character that XML has no place for.
        OSError: The folder cannot be written.
    """
    labels = _labels(queue)
    write_xml(out / ANNOTATIONS, _annotations(queue, labels, pictures))
    write_json(out / LABELS, labels)


def read_cvat(path: Path) -> tuple[Decision, ...]:
    """Reads "CVAT for images 1.1" of a task, a job or a project, as XML or as the zip that CVAT gives.

    A picture with one class tag has that class, one with several has them all: ``ambiguous``. One without was not
    decided. CVAT does not say who set a tag and when: a decision is the assignee's, of the job or else the task, and
    of the time of the last change.

    Raises:
        DecisionError: It is no such file, or a decided picture has lost the tag that carries its id.
    """
    root = parse_xml(_annotations_in(path), str(path))
    if root.tag != "annotations":
        raise DecisionError(f"{path} is XML, but no export in the format 'CVAT for images 1.1'; export it in that")
    tasks = {task.findtext("id"): task for task in root.iterfind("meta/project/tasks/task")}
    whole = next((each for each in map(root.find, ("meta/job", "meta/task", "meta/project")) if each is not None), None)
    decisions = []
    for image in root.iterfind("image"):
        meta = tasks.get(image.get("task_id"), whole)
        decisions.extend(_of_image(image, meta, f"{path}, picture {image.get('name')!r}"))
    return tuple(decisions)


def _labels(queue: Queue) -> list[JsonDict]:
    """The labels of a task: the choices, and the tag that carries what is known of a picture."""
    choices = choices_of(queue.classes)
    for choice in choices:
        if len(choice) > _LONGEST_LABEL:
            raise QueueError(f"CVAT cuts the class {choice!r} off at {_LONGEST_LABEL} characters; use other names")
    carrier = _CARRIER
    while carrier in choices:
        carrier = f"({carrier}"
    names = details(queue.items[0], blind=queue.blind) if queue.items else {}
    attributes = [
        {"name": name, "mutable": False, "input_type": "text", "default_value": "", "values": [""]} for name in names
    ]
    plain: list[JsonDict] = [{"name": choice, "type": "tag", "attributes": []} for choice in choices]
    return [*plain, {"name": carrier, "type": "tag", "attributes": attributes}]


def _annotations(queue: Queue, labels: Sequence[JsonDict], pictures: Mapping[str, str]) -> ET.Element:
    root = ET.Element("annotations")
    _text(root, "version", "1.1")
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    _text(task, "name", queue.dataset)
    _text(task, "size", str(len(queue)))
    _text(task, "mode", "annotation")
    _add_labels(ET.SubElement(task, "labels"), labels)
    names = _below_shared_folder([pictures[item.sample_id] for item in queue.items])
    carrier = labels[-1]["name"]
    # CVAT numbers pictures in the order of their names.
    for number, (name, item) in enumerate(sorted(zip(names, queue.items, strict=True), key=lambda pair: pair[0])):
        image = ET.SubElement(root, "image", id=str(number), name=name)
        tag = ET.SubElement(image, "tag", label=carrier, source="file")
        for key, value in details(item, blind=queue.blind).items():
            _text(tag, "attribute", "" if value is None else str(value)).set("name", key)
    return root


def _add_labels(parent: ET.Element, labels: Sequence[JsonDict]) -> None:
    for label in labels:
        element = ET.SubElement(parent, "label")
        _text(element, "name", label["name"])
        _text(element, "type", label["type"])
        attributes = ET.SubElement(element, "attributes")
        for each in label["attributes"]:
            attribute = ET.SubElement(attributes, "attribute")
            _text(attribute, "name", each["name"])
            _text(attribute, "mutable", str(each["mutable"]))
            _text(attribute, "input_type", each["input_type"])
            _text(attribute, "default_value", each["default_value"])
            _text(attribute, "values", "\n".join(each["values"]))


def _text(parent: ET.Element, tag: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, tag)
    element.text = text
    return element


def _below_shared_folder(paths: Sequence[str]) -> list[str]:
    """Paths without the folders that all of them share: the names under which CVAT keeps uploaded pictures."""
    folders = {posixpath.dirname(path) for path in paths}
    shared = posixpath.commonpath(folders) if folders and all(folders) else ""
    return [path.removeprefix(f"{shared}/") if shared else path for path in paths]


def _annotations_in(path: Path) -> bytes:
    content = read_bytes(path)
    if not content.startswith(b"PK\x03\x04"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = archive.getinfo(ANNOTATIONS)
            check_size(path, member.file_size)
            if member.file_size > max(_PLAIN_BYTES, _MOST_SQUEEZED * member.compress_size):
                size = f"{member.file_size >> 20:,} MiB"
                raise DecisionError(f"{path} unpacks to {size} of next to nothing; it is not read")
            return archive.read(ANNOTATIONS)
    except KeyError as error:
        raise DecisionError(f"{path} is a zip without {ANNOTATIONS}; export 'CVAT for images 1.1'") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise DecisionError(f"{path} is a damaged zip ({error}); export it again") from error


def _of_image(image: ET.Element, meta: ET.Element | None, where: str) -> list[Decision]:
    """The decision on a picture, or none."""
    carried: dict[str, str] = {}
    choices = []
    for tag in image.iterfind("tag"):
        attributes = {each.get("name", ""): each.text or "" for each in tag.iterfind("attribute")}
        if "sample_id" in attributes:
            carried = attributes
        elif tag.get("source") != _BY_A_MODEL:
            choices.append(tag.get("label", ""))
    if not choices:
        return []
    if not carried.get("sample_id"):
        raise DecisionError(f"{where} has lost its tag {_CARRIER}; import {ANNOTATIONS} again before annotating")
    made = decision(
        choices,
        sample_id=carried["sample_id"],
        tool=_TOOL,
        annotator=("" if meta is None else meta.findtext("assignee/username", "")).strip(),
        decided_at=in_utc(None if meta is None else meta.findtext("updated"), where),
        content_sha256=carried.get("content_sha256"),
    )
    return [made]
