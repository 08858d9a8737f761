import json

import pytest
from small_queue import ABOUT, AWKWARD, CLASSES, EXPORTS, PICTURES, small_queue

from labelaudit.decision import Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.datumaro import ANNOTATIONS, read_datumaro, write_datumaro


def written(tmp_path, queue):
    write_datumaro(queue, tmp_path, pictures=PICTURES)
    return json.loads((tmp_path / ANNOTATIONS).read_text())


def read(tmp_path, export):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export))
    return read_datumaro(path)


def export(*annotations, attr=None):
    attributes = {"sample_id": "a/1.png", "given_label": "happy"} if attr is None else attr
    labels = [{"name": name} for name in ("happy", "sad", "(ambiguous)")]
    item = {"id": "1", "attr": attributes, "annotations": list(annotations)}
    return {"categories": {"label": {"labels": labels}}, "items": [item]}


def label(number, **attributes):
    return {"type": "label", "label_id": number, "attributes": attributes}


def test_an_item_has_the_shape_that_datumaro_imports(tmp_path):
    dataset = written(tmp_path, small_queue())
    assert dataset["media_type"] == 2
    names = [each["name"] for each in dataset["categories"]["label"]["labels"]]
    assert names == [*CLASSES, "(ambiguous)", "(not a face)"]
    first, second = dataset["items"]
    assert (first["id"], first["image"]) == ("1", {"path": "1.png"})  # below images/
    assert [(each["type"], names[each["label_id"]]) for each in first["annotations"]] == [("label", "happy")]
    assert [names[each["label_id"]] for each in second["annotations"]] == [AWKWARD]
    assert first["attr"]["content_sha256"] == "aa"
    assert first["attr"]["p_mislabelled"] == 0.9311
    assert first["attr"]["suggested_label"] == "sad"


def test_a_blind_queue_tells_nothing(tmp_path):
    for item in written(tmp_path, small_queue(blind=True))["items"]:
        assert item["annotations"] == []
        assert not ABOUT & set(item["attr"])


def test_what_went_out_is_nobodys_decision(tmp_path):
    write_datumaro(small_queue(), tmp_path, pictures=PICTURES)
    assert read_datumaro(tmp_path / ANNOTATIONS) == ()


def test_a_true_export_is_read():
    """Of three items, Datumaro gave the first another label and the second a further one: see examples/proofs."""
    decisions = read_datumaro(EXPORTS / "datumaro.json")
    assert [(each.sample_id, each.ruling, each.label) for each in decisions] == [
        ("neutral/face_00000.png", Ruling.LABEL, "fear"),
        ("neutral/face_00001.png", Ruling.LABEL, "happy"),
    ]
    assert all(len(each.content_sha256) == 64 and each.tool == "datumaro" for each in decisions)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([], []),
        ([label(0, labelaudit="given")], []),
        ([label(0)], [(Ruling.LABEL, "happy")]),  # somebody's own label: the given one is kept
        ([label(1, labelaudit="given")], [(Ruling.LABEL, "sad")]),  # changed in place
        ([label(0, labelaudit="given"), label(2)], [(Ruling.AMBIGUOUS, None)]),
        ([label(0), label(1)], [(Ruling.AMBIGUOUS, None)]),
        ([{"type": "bbox", "bbox": [0, 0, 1, 1], "label_id": 1}], []),
    ],
)
def test_a_decision_is_a_label_that_did_not_go_out(tmp_path, annotations, expected):
    assert [(each.ruling, each.label) for each in read(tmp_path, export(*annotations))] == expected


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"items": []},
        {"items": [], "categories": {"label": {"labels": [{}]}}},
        {**export(), "items": [3]},
        export(label(3)),
        export(label(None)),
        export(label(True)),
        export(label(1), attr={}),
        export(label(1), attr={"sample_id": 1}),
        export(label(1), attr=[1]),
        export({"type": "label", "label_id": 1, "attributes": 3}),
        {**export(), "items": [{"annotations": 3}]},
    ],
)
def test_what_is_no_export_is_refused_in_one_line(tmp_path, content):
    with pytest.raises(DecisionError, match=r"export\.json") as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
