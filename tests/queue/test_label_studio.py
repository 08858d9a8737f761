import base64
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_queue import ABOUT, AWKWARD, EXPORTS, ITEM, PICTURES, UNSURE, small_queue

from labelaudit.decision import Ruling
from labelaudit.errors import DecisionError, QueueError
from labelaudit.queue import label_studio
from labelaudit.queue.label_studio import read_label_studio, write_label_studio

LABEL, AMBIGUOUS, NOT_A_FACE = Ruling.LABEL, Ruling.AMBIGUOUS, Ruling.NOT_A_FACE
ANNOTATION = {
    "completed_by": 3,
    "updated_at": "2026-01-31T13:00:00.123456+01:00",
    "result": [{"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["sad"]}}],
}
TASK = {"id": 7, "data": {"sample_id": "a/1.png", "content_sha256": "aa"}, "annotations": [ANNOTATION]}


def written(tmp_path, queue, pictures=PICTURES):
    write_label_studio(queue, tmp_path, pictures=pictures)
    return json.loads((tmp_path / "tasks.json").read_text()), ET.parse(tmp_path / "labeling-config.xml").getroot()


def read(tmp_path, export):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export))
    return read_label_studio(path)


def test_a_task_has_the_shape_that_label_studio_imports(tmp_path):
    (first, second), _ = written(tmp_path, small_queue())
    assert first == {
        "data": {
            "image": "images/1.png",
            "sample_id": "a/1.png",
            "content_sha256": "aa",
            "annotators": None,
            "rank": 1,
            "given_label": "happy",
            "suggested_label": "sad",
            "suggested_confidence": 0.88,
            "p_mislabelled": 0.9311,
            "verdict": "mislabelled",
            "reason": "confidence 0.04",
            "finding": "93 % likely to be wrong · looks like sad (88 %)",
        },
        "predictions": [
            {
                "model_version": "labelaudit-12345678",
                "score": 0.88,
                "result": [
                    {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["sad"]}}
                ],
            }
        ],
    }
    assert second["predictions"] == []
    assert second["data"]["annotators"] == "ann; ben"
    assert second["data"]["finding"] == "93 % likely to be wrong"


def test_the_interface_offers_every_choice_with_a_key_of_its_own(tmp_path):
    _, view = written(tmp_path, small_queue())
    choices = view.find(".//Choices")
    assert (choices.get("name"), choices.get("toName"), choices.get("required")) == ("label", "image", "true")
    offered = [(each.get("value"), each.get("hotkey")) for each in choices]
    assert offered == [("happy", "1"), ("sad", "2"), (AWKWARD, "3"), ("(ambiguous)", "a"), ("(not a face)", "n")]
    assert view.find(".//Image").get("value") == "$image"
    assert "Given label: $given_label" in [each.get("value") for each in view.iter("Header")]


def test_many_classes_run_out_of_keys_and_not_of_choices(tmp_path):
    _, view = written(tmp_path, small_queue(classes=tuple(f"c{number}" for number in range(60))))
    keys = [each.get("hotkey") for each in view.iter("Choice")]
    assert len(keys) == 62
    used = [key for key in keys if key]
    assert len(set(used)) == len(used)
    assert keys[-2:] == ["a", "n"]


def test_a_blind_queue_tells_nothing(tmp_path):
    tasks, view = written(tmp_path, small_queue(blind=True))
    assert [set(task) for task in tasks] == [{"data"}, {"data"}]
    assert not any(ABOUT & set(task["data"]) or "finding" in task["data"] for task in tasks)
    assert tasks[0]["data"]["sample_id"] == "a/1.png"
    assert "$" not in "".join(each.get("value") for each in view.iter("Header"))


def test_pictures_beside_the_tasks_travel_in_them(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.png").write_bytes(b"drawn")
    tasks, _ = written(tmp_path, small_queue(), PICTURES | {UNSURE.sample_id: "https://faces.example/2.png?a=b"})
    kind, _, content = tasks[0]["data"]["image"].partition(",")
    assert (kind, base64.b64decode(content)) == ("data:image/png;base64", b"drawn")
    assert tasks[1]["data"]["image"] == "https://faces.example/2.png?a=b"


def test_a_file_outside_the_folder_is_not_taken_in(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "1.png").write_bytes(b"private")
    tasks, _ = written(out, small_queue(items=(ITEM,)), {ITEM.sample_id: "../1.png"})
    assert tasks[0]["data"]["image"] == "../1.png"


def test_tasks_beyond_an_upload_go_into_more_files(tmp_path, monkeypatch):
    monkeypatch.setattr(label_studio, "FILE_BYTES", 600)
    items = tuple(replace(ITEM, sample_id=f"a/{number}.png") for number in range(5))
    write_label_studio(small_queue(items=items), tmp_path, pictures={each.sample_id: "x" for each in items})
    files = ["tasks.json", "tasks-2.json", "tasks-3.json"]
    assert sorted(path.name for path in tmp_path.glob("tasks*")) == sorted(files)
    tasks = [task for name in files for task in json.loads((tmp_path / name).read_text())]
    assert [task["data"]["sample_id"] for task in tasks] == [each.sample_id for each in items]


def test_a_class_that_xml_cannot_hold_is_refused(tmp_path):
    with pytest.raises(QueueError, match="no place for"):
        write_label_studio(small_queue(classes=("sad", "\x0b")), tmp_path, pictures=PICTURES)


# What Label Studio itself exported, after two people annotated: see examples/proofs/label_studio_round_trip.py.
RECORDED = [
    ("angry/face_00000.png", LABEL, "happy", "ann"),
    ("angry/face_00000.png", LABEL, "sad", "ben"),
]


def recorded(path, names):
    decisions = read_label_studio(EXPORTS / path)
    assert all(each.tool == "label-studio" and len(each.content_sha256) == 64 for each in decisions)
    in_order = sorted(decisions, key=lambda each: each.decided_at)  # JSON-MIN has the later ones first
    return [(each.sample_id, each.ruling, each.label, names[each.annotator]) for each in in_order]


@pytest.mark.parametrize("path", ["label_studio.json", "label_studio_min.json"])
def test_true_exports_are_read(path):
    decisions = recorded(path, {"1": "ann", "2": "ben"})
    assert decisions[:2] == RECORDED
    assert [each[1:] for each in decisions[2:]] == [
        (AMBIGUOUS, None, "ann"),
        (NOT_A_FACE, None, "ben"),
        (LABEL, AWKWARD, "ann"),
        (LABEL, "fear", "ben"),
        (LABEL, "surprise", "ben"),
    ]  # what ann cancelled is nobody's decision


def test_a_true_snapshot_names_people_by_address():
    names = {"ann@example.com": "ann", "ben@example.com": "ben"}
    assert recorded("label_studio_snapshot.json", names)[:2] == RECORDED


def test_both_forms_of_export_say_the_same():
    full, minimal = (set(read_label_studio(EXPORTS / f"label_studio{form}.json")) for form in ("", "_min"))
    assert full == minimal


def test_times_are_told_in_utc(tmp_path):
    (decision,) = read(tmp_path, [TASK])
    assert decision.decided_at == "2026-01-31T12:00:00.123Z"
    assert (decision.annotator, decision.content_sha256) == ("3", "aa")


@pytest.mark.parametrize(
    ("who", "name"),
    [(None, ""), (5, "5"), ("a@b.c", "a@b.c"), ({"id": 5, "email": "a@b.c"}, "a@b.c"), ({"id": 5}, "5")],
)
def test_who_decided_is_kept_as_the_export_has_it(tmp_path, who, name):
    (decision,) = read(tmp_path, [{**TASK, "annotations": [{**ANNOTATION, "completed_by": who}]}])
    assert decision.annotator == name


def test_cancelled_annotations_predictions_and_drafts_are_no_decisions(tmp_path):
    task = {**TASK, "annotations": [{**ANNOTATION, "was_cancelled": True}], "predictions": [ANNOTATION]}
    assert read(tmp_path, [{**task, "drafts": [ANNOTATION]}]) == ()


def test_no_choice_says_nothing_and_two_say_both(tmp_path):
    both = [{**ANNOTATION["result"][0], "value": {"choices": ["sad", "happy"]}}]
    annotations = [{**ANNOTATION, "result": []}, {**ANNOTATION, "result": both}]
    assert [each.ruling for each in read(tmp_path, [{**TASK, "annotations": annotations}])] == [Ruling.SKIP, AMBIGUOUS]
    minimal = {"sample_id": "a/1.png", "label": {"choices": ["sad", "happy"]}}
    assert [each.ruling for each in read(tmp_path, [minimal, {"sample_id": "a/2.png"}])] == [AMBIGUOUS, Ruling.SKIP]


@pytest.mark.parametrize(
    "export",
    [
        {},
        [1],
        [{"id": 1, "text": "somebody else's"}],
        [{"data": []}],
        [{**TASK, "data": {"image": "x"}}],
        [{**TASK, "data": {"sample_id": 4}}],
        [{**TASK, "annotations": {}}],
        [{**TASK, "annotations": [{**ANNOTATION, "updated_at": "yesterday"}]}],
        [{**TASK, "annotations": [{**ANNOTATION, "updated_at": 5}]}],
        [{**TASK, "annotations": [{**ANNOTATION, "result": [{"from_name": "other", "type": "choices"}]}]}],
        [{**TASK, "annotations": [{**ANNOTATION, "result": [{**ANNOTATION["result"][0], "value": 1}]}]}],
        [{**TASK, "annotations": [{**ANNOTATION, "result": [{**ANNOTATION["result"][0], "value": {"choices": [1]}}]}]}],
        [{"sample_id": "a/1.png", "label": 5}],
    ],
)
def test_what_is_no_export_is_refused_in_one_line(tmp_path, export):
    with pytest.raises(DecisionError) as caught:
        read(tmp_path, export)
    assert "export.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[", b"\xff\xfe\x00", b"[" * 100_000, b"[1" + b"1" * 10_000 + b"]"])
def test_what_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "export.json"
    path.write_bytes(content)
    with pytest.raises(DecisionError, match="export it again"):
        read_label_studio(path)


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path, monkeypatch):
    with pytest.raises(DecisionError, match="cannot be read"):
        read_label_studio(tmp_path / "nothing.json")
    path = tmp_path / "export.json"
    path.write_text("[]")
    monkeypatch.setattr("labelaudit.queue.returned.LARGEST_BYTES", 1)
    with pytest.raises(DecisionError, match="more than"):
        read_label_studio(path)


@settings(max_examples=40, deadline=None)
@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_every_class_name_comes_back_as_it_went_out(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("queue")
    item = replace(ITEM, suggested_label=name)
    write_label_studio(small_queue(items=(item,), classes=(name,)), folder, pictures=PICTURES)
    (task,) = json.loads((folder / "tasks.json").read_text())
    result = task["predictions"][0]["result"]
    offered = [each.get("value") for each in ET.parse(folder / "labeling-config.xml").iter("Choice")]
    assert result[0]["value"]["choices"][0] in offered
    (decision,) = read(folder, [{"data": task["data"], "annotations": [{**ANNOTATION, "result": result}]}])
    assert (decision.ruling, decision.label) == (LABEL, name)
