"""FiftyOne: a dataset that it imports with every field, and the labels that come back.

``samples.json`` and ``metadata.json`` are the form ``fiftyone.types.FiftyOneDataset``: ``ground_truth`` is the given
label, ``predictions`` the suggestion, ``mistakenness`` the probability that the given label is wrong (the name and
direction of FiftyOne's own measure), and ``decision`` is empty, for a person to fill. Format:
https://docs.voxel51.com/user_guide/import_datasets.html.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelaudit.decision import Decision
from labelaudit.errors import DecisionError
from labelaudit.queue.choices import choice_of, choices_of
from labelaudit.queue.details import details, rounded
from labelaudit.queue.item import Queue, QueueItem
from labelaudit.queue.returned import decision, in_utc, read_json, records_in, text_in
from labelaudit.records import JsonDict
from labelaudit.rundir import write_json, written_aside

SAMPLES = "samples.json"
METADATA = "metadata.json"

_TOOL = "fiftyone"
_DECISION = "decision"
_GIVEN = "ground_truth"
_TAGS = "fiftyone.core.fields.ListField(fiftyone.core.fields.StringField)"
_TEXT = "fiftyone.core.fields.StringField"
_REAL = "fiftyone.core.fields.FloatField"
_WHOLE = "fiftyone.core.fields.IntField"
_CLASSIFICATION = "fiftyone.core.fields.EmbeddedDocumentField(fiftyone.core.labels.Classification)"
_TYPES = {"rank": _WHOLE, "p_mislabelled": _REAL, "suggested_confidence": _REAL}


def write_fiftyone(queue: Queue, out: Path, *, pictures: Mapping[str, str]) -> None:
    """Writes ``samples.json`` and ``metadata.json``.

    Args:
        queue: The rows. The samples of a blind queue have neither ``ground_truth`` nor ``predictions``.
        out: An existing folder.
        pictures: sample_id -> path of the picture, relative to ``out``.

    Raises:
        OSError: The folder cannot be written.
    """
    fields = {"filepath": _TEXT, "tags": _TAGS}
    fields |= {name: _TYPES.get(name, _TEXT) for item in queue.items[:1] for name in details(item, blind=queue.blind)}
    if not queue.blind:
        fields |= {_GIVEN: _CLASSIFICATION, "predictions": _CLASSIFICATION, "mistakenness": _REAL}
    metadata = {
        "name": f"{queue.dataset} ({queue.model_version})",
        "media_type": "image",
        "sample_fields": fields | {_DECISION: _CLASSIFICATION},
        "info": {
            "dataset": queue.dataset,
            "model_version": queue.model_version,
            "default_classes": list(choices_of(queue.classes)),
        },
    }
    write_json(out / METADATA, metadata)
    with written_aside(out / SAMPLES) as aside, open(aside, "w", encoding="utf-8") as file:
        file.write('{"samples": [')
        for number, item in enumerate(queue.items):  # one by one: together they are many times the file
            sample = json.dumps(_sample(item, queue, pictures[item.sample_id]), ensure_ascii=False, allow_nan=False)
            file.write(("," if number else "") + "\n" + sample)
        file.write("\n]}\n")


def read_fiftyone(path: Path) -> tuple[Decision, ...]:
    """Reads ``samples.json`` of a dataset that FiftyOne exported as ``FiftyOneDataset``.

    A sample is decided where ``decision`` has a label, or else where ``ground_truth`` has another than the one that
    went out. Who decided is not in the file; the time is that of the sample's last change, where the file has it.

    Raises:
        DecisionError: It is no such file, or a decided sample has lost the field ``sample_id``.
    """
    content = read_json(path)
    samples = records_in(content.get("samples") if isinstance(content, dict) else None, f"{path}, samples")
    decisions = []
    for number, sample in enumerate(samples, 1):
        where = f"{path}, sample {number}"
        chosen = _label(sample, _DECISION, where)
        if chosen is None:
            given = sample.get("given_label")
            now = _label(sample, _GIVEN, where)
            chosen = now if now is not None and isinstance(given, str) and now != choice_of(given) else None
        if chosen is not None:
            made = decision(
                [chosen],
                sample_id=text_in(sample, "sample_id", where),
                tool=_TOOL,
                decided_at=in_utc(_date(sample.get("last_modified_at")), where),
                content_sha256=sample.get("content_sha256"),
            )
            decisions.append(made)
    return tuple(decisions)


def _sample(item: QueueItem, queue: Queue, picture: str) -> JsonDict:
    sample: JsonDict = {"filepath": picture, "tags": list(item.annotators), **details(item, blind=queue.blind)}
    if not queue.blind:
        sample[_GIVEN] = _classification(item.given_label)
        sample["predictions"] = _classification(item.suggested_label, confidence=rounded(item.suggested_confidence))
        sample["mistakenness"] = rounded(item.p_mislabelled)
    return sample | {_DECISION: None}


def _classification(label: str | None, *, confidence: float | None = None) -> JsonDict | None:
    if label is None:
        return None
    known = {} if confidence is None else {"confidence": confidence}
    return {"_cls": "Classification", "tags": [], "label": choice_of(label), **known}


def _label(sample: JsonDict, field: str, where: str) -> str | None:
    value = sample.get(field)
    label = value.get("label") if isinstance(value, dict) else value
    if label is not None and not isinstance(label, str):
        raise DecisionError(f"{where} has a {field} that is no Classification; export it again")
    return label


def _date(value: Any) -> Any:
    """The time in a date as MongoDB writes it."""
    return value.get("$date") if isinstance(value, dict) else value
