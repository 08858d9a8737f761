import json

import pytest
from small_queue import ABOUT, AWKWARD, CLASSES, EXPORTS, PICTURES, small_queue

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.fiftyone import read_fiftyone, write_fiftyone


def written(tmp_path, queue):
    write_fiftyone(queue, tmp_path, pictures=PICTURES)
    return json.loads((tmp_path / "samples.json").read_text())["samples"], json.loads(
        (tmp_path / "metadata.json").read_text()
    )


def classification(label):
    return {"_cls": "Classification", "label": label}


def read(tmp_path, *samples):
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"samples": samples}))
    return read_fiftyone(path)


def sample(**fields):
    return {"sample_id": "a/1.png", "given_label": "happy", "ground_truth": classification("happy")} | fields


def test_a_sample_has_the_labels_that_fiftyone_knows(tmp_path):
    (first, second), metadata = written(tmp_path, small_queue())
    assert first["filepath"] == "images/1.png"
    assert first["ground_truth"] == {"_cls": "Classification", "tags": [], "label": "happy"}
    assert first["predictions"] == {"_cls": "Classification", "tags": [], "label": "sad", "confidence": 0.88}
    assert (first["mistakenness"], first["decision"], first["sample_id"]) == (0.9311, None, "a/1.png")
    assert second["predictions"] is None
    assert second["ground_truth"]["label"] == AWKWARD
    assert second["tags"] == ["ann", "ben"]
    assert metadata["info"]["default_classes"] == [*CLASSES, "(ambiguous)", "(not a face)"]
    assert metadata["media_type"] == "image"
    assert "version" not in metadata  # with one, FiftyOne expects its database's own documents


def test_every_field_is_declared(tmp_path):
    for blind in (False, True):
        samples, metadata = written(tmp_path, small_queue(blind=blind))
        assert {name for each in samples for name in each} == set(metadata["sample_fields"])


def test_a_blind_queue_tells_nothing(tmp_path):
    samples, metadata = written(tmp_path, small_queue(blind=True))
    for each in (*samples, metadata["sample_fields"]):
        assert not (ABOUT | {"ground_truth", "predictions", "mistakenness"}) & set(each)


def test_what_went_out_is_nobodys_decision(tmp_path):
    write_fiftyone(small_queue(), tmp_path, pictures=PICTURES)
    assert read_fiftyone(tmp_path / "samples.json") == ()


def test_a_true_export_is_read():
    """Of three samples, one was decided and one got another ground truth: see examples/proofs."""
    decisions = read_fiftyone(EXPORTS / "fiftyone.json")
    assert [(each.sample_id, each.ruling, each.label) for each in decisions] == [
        ("neutral/face_00000.png", Ruling.LABEL, "fear"),
        ("neutral/face_00001.png", Ruling.LABEL, "happy"),
    ]
    assert all(each.decided_at.startswith("2026-") and len(each.content_sha256) == 64 for each in decisions)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"decision": None}, []),
        ({"decision": classification("happy")}, [(Ruling.LABEL, "happy")]),
        ({"decision": classification("(not a face)")}, [(Ruling.NOT_A_FACE, None)]),
        ({"ground_truth": classification("sad")}, [(Ruling.LABEL, "sad")]),
        ({"ground_truth": classification("sad"), "decision": classification("happy")}, [(Ruling.LABEL, "happy")]),
        ({"ground_truth": classification("sad"), "given_label": None}, []),
        ({"ground_truth": None}, []),
        ({"decision": "sad"}, [(Ruling.LABEL, "sad")]),
    ],
)
def test_a_decision_is_a_label_that_did_not_go_out(tmp_path, fields, expected):
    assert [(each.ruling, each.label) for each in read(tmp_path, sample(**fields))] == expected


def test_the_time_is_the_samples_last_change(tmp_path):
    changed = {"last_modified_at": {"$date": "2026-01-31T12:00:00.5Z"}, "content_sha256": "aa"}
    assert read(tmp_path, sample(decision=classification("sad"), **changed)) == (
        Decision("a/1.png", Ruling.LABEL, "sad", "", "2026-01-31T12:00:00.500Z", "fiftyone", "aa"),
    )


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"samples": {}},
        {"samples": [1]},
        {"samples": [{"decision": classification("sad")}]},
        {"samples": [sample(decision=classification(4))]},
        {"samples": [sample(decision=[1])]},
        {"samples": [sample(decision="sad", last_modified_at={"$date": 5})]},
    ],
)
def test_what_is_no_export_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DecisionError, match=r"export\.json") as caught:
        read_fiftyone(path)
    assert "\n" not in str(caught.value)
