"""Datumaro: a dataset in its own JSON form, and the label annotations that come back.

``annotations/queue.json`` beside ``images/``. A row's given label goes out as a label annotation with the attribute
``labelaudit: given``; what else is known stands in the item's attributes. A label annotation without that mark, or with
another class, is a decision. Format:
https://open-edge-platform.github.io/datumaro/stable/docs/data-formats/formats/datumaro.html.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelaudit.decision import Decision
from labelaudit.errors import DecisionError
from labelaudit.queue.choices import choice_of, choices_of
from labelaudit.queue.details import details
from labelaudit.queue.item import Queue, QueueItem
from labelaudit.queue.returned import decision, object_in, read_json, records_in, text_in
from labelaudit.records import JsonDict
from labelaudit.rundir import write_json

ANNOTATIONS = "annotations/queue.json"

_TOOL = "datumaro"
_IMAGES = "images/"
_MEDIA_IMAGE = 2
_MARK = ("labelaudit", "given")


def write_datumaro(queue: Queue, out: Path, *, pictures: Mapping[str, str]) -> None:
    """Writes ``annotations/queue.json``.

    Args:
        queue: The rows. The items of a blind queue have no annotation.
        out: An existing folder.
        pictures: sample_id -> path of the picture; Datumaro finds those below ``images/``.

    Raises:
        OSError: The folder cannot be written.
    """
    choices = choices_of(queue.classes)
    labels = [{"name": choice, "parent": "", "attributes": []} for choice in choices]
    number = {choice: index for index, choice in enumerate(choices)}
    target = out / ANNOTATIONS
    target.parent.mkdir(exist_ok=True)
    write_json(
        target,
        {
            "dm_format_version": "1.0",
            "media_type": _MEDIA_IMAGE,
            "infos": {"dataset": queue.dataset, "model_version": queue.model_version},
            "categories": {"label": {"labels": labels, "attributes": [], "label_groups": []}},
            "items": [_item(item, queue, number, pictures[item.sample_id]) for item in queue.items],
        },
    )


def read_datumaro(path: Path) -> tuple[Decision, ...]:
    """Reads the annotations of a dataset in Datumaro's JSON form.

    An item with one label has that class, one with several has them all: ``ambiguous``. An item whose only label is
    the given one as it went out was not decided. Datumaro does not say who decided, nor when.

    Raises:
        DecisionError: It is no such file, or an item has lost the attribute ``sample_id``.
    """
    content = read_json(path)
    try:
        names = [str(each["name"]) for each in content["categories"]["label"]["labels"]]
        items = records_in(content["items"], f"{path}, items")
    except (KeyError, TypeError) as error:
        raise DecisionError(f"{path} has no label categories and items; export it in Datumaro's own form") from error
    decisions = []
    for number, item in enumerate(items, 1):
        where = f"{path}, item {number}"
        choices = _chosen(item, names, where)
        if choices:
            attributes = object_in(item, "attr", where)
            made = decision(
                choices,
                sample_id=text_in(attributes, "sample_id", where),
                tool=_TOOL,
                content_sha256=attributes.get("content_sha256"),
            )
            decisions.append(made)
    return tuple(decisions)


def _item(item: QueueItem, queue: Queue, number: Mapping[str, int], picture: str) -> JsonDict:
    path = picture.removeprefix(_IMAGES)
    annotations: list[JsonDict] = []
    if not queue.blind and item.given_label is not None and choice_of(item.given_label) in number:
        label = number[choice_of(item.given_label)]
        annotations = [{"id": 0, "type": "label", "attributes": dict([_MARK]), "group": 0, "label_id": label}]
    return {
        "id": posixpath.splitext(path)[0],
        "annotations": annotations,
        "attr": details(item, blind=queue.blind),
        "image": {"path": path},
    }


def _chosen(item: JsonDict, names: list[str], where: str) -> list[str]:
    """The labels that somebody chose for an item."""
    key, value = _MARK
    given = object_in(item, "attr", where).get("given_label")
    as_it_went_out = choice_of(given) if isinstance(given, str) else None
    chosen = []
    for each in records_in(item.get("annotations", []), f"{where}, annotations"):
        if each.get("type") == "label":
            name = _named(each.get("label_id"), names, where)
            if object_in(each, "attributes", where).get(key) != value or name != as_it_went_out:
                chosen.append(name)
    return chosen


def _named(number: Any, names: list[str], where: str) -> str:
    if type(number) is not int or not 0 <= number < len(names):  # True is no number of a label
        raise DecisionError(
            f"{where} has the label number {number!r}, which its categories do not name; export it again"
        )
    return names[number]
