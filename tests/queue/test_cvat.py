import json
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_queue import ABOUT, AWKWARD, CLASSES, EXPORTS, ITEM, PICTURES, UNSURE, small_queue

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError, QueueError
from labelaudit.queue.cvat import read_cvat, write_cvat

CHOICES = [*CLASSES, "(ambiguous)", "(not a face)"]
CARRIED = '<tag label="(labelaudit)"><attribute name="sample_id">a/1.png</attribute></tag>'


def written(tmp_path, queue, pictures=PICTURES):
    write_cvat(queue, tmp_path, pictures=pictures)
    return ET.parse(tmp_path / "annotations.xml").getroot(), json.loads((tmp_path / "labels.json").read_text())


def carried(image):
    (tag,) = image.iterfind("tag")
    return {each.get("name"): each.text or "" for each in tag}


def read(tmp_path, text):
    path = tmp_path / "export.xml"
    path.write_text(text, encoding="utf-8")
    return read_cvat(path)


def test_each_picture_carries_its_row_and_no_class(tmp_path):
    root, labels = written(tmp_path, small_queue())
    assert (root.tag, root.findtext("version")) == ("annotations", "1.1")
    first, second = root.iterfind("image")
    assert (first.get("id"), first.get("name")) == ("0", "1.png")
    assert first.find("tag").get("label") == labels[-1]["name"] == "(labelaudit)"
    assert carried(first) == {
        "sample_id": "a/1.png",
        "content_sha256": "aa",
        "annotators": "",
        "rank": "1",
        "given_label": "happy",
        "suggested_label": "sad",
        "suggested_confidence": "0.88",
        "p_mislabelled": "0.9311",
        "verdict": "mislabelled",
        "reason": "confidence 0.04",
    }
    assert carried(second)["sample_id"] == UNSURE.sample_id
    assert carried(second)["given_label"] == AWKWARD


def test_the_labels_of_the_task_are_the_choices_and_the_carrier(tmp_path):
    root, labels = written(tmp_path, small_queue())
    assert [each["name"] for each in labels] == [*CHOICES, "(labelaudit)"]
    assert {each["type"] for each in labels} == {"tag"}
    assert [each["attributes"] for each in labels[:-1]] == [[]] * 5
    names = [each["name"] for each in labels[-1]["attributes"]]
    assert names == list(carried(root.find("image")))
    assert all(not each["mutable"] and each["input_type"] == "text" for each in labels[-1]["attributes"])
    told = [
        (label.findtext("name"), len(label.find("attributes"))) for label in root.iterfind("meta/task/labels/label")
    ]
    assert told == [(each["name"], len(each["attributes"])) for each in labels]


def test_a_blind_queue_tells_nothing(tmp_path):
    root, labels = written(tmp_path, small_queue(blind=True))
    for image in root.iterfind("image"):
        assert not ABOUT & set(carried(image))
    assert [each["name"] for each in labels[-1]["attributes"]] == ["sample_id", "content_sha256", "annotators"]


def test_pictures_are_numbered_as_cvat_sorts_them(tmp_path):
    root, _ = written(tmp_path, small_queue(), {ITEM.sample_id: "images/2.png", UNSURE.sample_id: "images/1.png"})
    images = [(each.get("id"), each.get("name"), carried(each)["sample_id"]) for each in root.iterfind("image")]
    assert images == [("0", "1.png", UNSURE.sample_id), ("1", "2.png", ITEM.sample_id)]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("a/b/1.png", "a/c/2.png"), ["b/1.png", "c/2.png"]),
        (("a/1.png", "2.png"), ["2.png", "a/1.png"]),
        (("ab/1.png", "abc/2.png"), ["ab/1.png", "abc/2.png"]),
    ],
)
def test_only_folders_that_all_share_are_left_out(tmp_path, paths, names):
    root, _ = written(tmp_path, small_queue(), dict(zip(PICTURES, paths, strict=True)))
    assert [each.get("name") for each in root.iterfind("image")] == names


def test_a_class_called_like_the_carrier_is_a_class_all_the_same(tmp_path):
    _, labels = written(tmp_path, small_queue(classes=("(labelaudit)", "sad")))
    assert [each["name"] for each in labels][::4] == ["(labelaudit)", "((labelaudit)"]


@pytest.mark.parametrize(
    ("queue", "why"),
    [
        (small_queue(classes=("x" * 65,)), "64"),
        (small_queue(classes=("a\x00b",)), "no place for"),
        (small_queue(items=(replace(ITEM, sample_id="a\rb"),)), "no place for"),
    ],
)
def test_what_cvat_or_xml_cannot_hold_is_refused(tmp_path, queue, why):
    with pytest.raises(QueueError, match=why):
        write_cvat(queue, tmp_path, pictures=PICTURES | {"a\rb": "1.png"})


def test_an_export_is_read():
    when = "2026-01-31T12:30:00.250Z"
    assert read_cvat(EXPORTS / "cvat.xml") == (
        Decision("a/1.png", Ruling.LABEL, "sad", "ann", when, "cvat", "aa"),
        Decision("a/2.png", Ruling.AMBIGUOUS, None, "ann", when, "cvat", None),
        Decision("a/3.png", Ruling.AMBIGUOUS, None, "ann", when, "cvat", None),  # two classes
    )  # a model's tag and an untouched picture are no decisions


def test_what_went_out_is_nobodys_decision(tmp_path):
    write_cvat(small_queue(), tmp_path, pictures=PICTURES)
    assert read_cvat(tmp_path / "annotations.xml") == ()


def test_the_zip_that_cvat_gives_is_read(tmp_path):
    path = tmp_path / "task.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(EXPORTS / "cvat.xml", "annotations.xml")
    assert read_cvat(path) == read_cvat(EXPORTS / "cvat.xml")


def test_each_task_of_a_project_has_its_own_annotator(tmp_path):
    tasks = "".join(
        f"<task><id>{number}</id><updated>2026-01-0{number} 10:00:00+00:00</updated>"
        f"<assignee><username>{who}</username></assignee></task>"
        for number, who in ((1, "ann"), (2, "ben"))
    )
    images = "".join(
        f'<image id="0" name="x" task_id="{number}">{CARRIED}<tag label="sad" source="manual"/></image>'
        for number in (2, 1)
    )
    meta = f"<meta><project><id>9</id><tasks>{tasks}</tasks></project></meta>"
    decisions = read(tmp_path, f"<annotations>{meta}{images}</annotations>")
    assert [(each.annotator, each.decided_at[:10]) for each in decisions] == [
        ("ben", "2026-01-02"),
        ("ann", "2026-01-01"),
    ]


def test_a_job_is_its_assignees_and_nobody_may_be_named(tmp_path):
    image = f'<image id="0" name="x">{CARRIED}<tag label="(not a face)"/></image>'
    job = "<meta><job><assignee><username>ben</username></assignee></job></meta>"
    (of_job,) = read(tmp_path, f"<annotations>{job}{image}</annotations>")
    assert of_job == Decision("a/1.png", Ruling.NOT_A_FACE, None, "ben", "", "cvat", None)
    (of_none,) = read(tmp_path, f"<annotations><meta><task><assignee></assignee></task></meta>{image}</annotations>")
    assert of_none.annotator == ""


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><annotations>&c;</annotations>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><annotations>&b;</annotations>'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        ("<!DOCTYPE annotations SYSTEM 'http://127.0.0.1/x.dtd'><annotations/>", "document type"),
        ("", "not XML"),
        ("<annotations>", "not XML"),
        ("<annotations>&b;</annotations>", "not XML"),
        ("<html/>", "CVAT for images"),
        ('<annotations><image name="1.png"><tag label="sad"/></image></annotations>', "'1.png' has lost its tag"),
        (
            "<annotations><meta><task><updated>noon</updated></task></meta>"
            f'<image name="1.png">{CARRIED}<tag label="sad"/></image></annotations>',
            "noon",
        ),
    ],
)
def test_what_is_no_export_is_refused_in_one_line(tmp_path, text, why):
    with pytest.raises(DecisionError, match=why) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_damaged_and_swollen_zips_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "task.zip"
    path.write_bytes(b"PK\x03\x04" + b"x" * 100)
    with pytest.raises(DecisionError, match="damaged zip"):
        read_cvat(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other.xml", "<a/>")
    with pytest.raises(DecisionError, match=r"without annotations\.xml"):
        read_cvat(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", "<annotations>" + " " * 100_000)
    monkeypatch.setattr("labelaudit.queue.returned.LARGEST_BYTES", 50_000)
    with pytest.raises(DecisionError, match="more than"):
        read_cvat(path)


@settings(max_examples=40, deadline=None)
@given(sample_id=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_every_id_comes_back_as_it_went_out(tmp_path_factory, sample_id):
    folder = tmp_path_factory.mktemp("queue")
    queue = small_queue(items=(replace(ITEM, sample_id=sample_id),))
    try:
        write_cvat(queue, folder, pictures={sample_id: "images/1.png"})
    except QueueError:
        return  # the few characters that XML has no place for
    path = folder / "annotations.xml"
    tree = ET.parse(path)
    ET.SubElement(tree.find("image"), "tag", label="sad", source="manual")
    tree.write(path, encoding="utf-8", xml_declaration=True)
    assert [each.sample_id for each in read_cvat(path)] == [sample_id]


def test_an_encoding_that_nobody_knows_is_refused_in_one_line(tmp_path):
    with pytest.raises(DecisionError, match="is not XML"):
        read(tmp_path, '<?xml version="1.0" encoding="x-evil"?><annotations/>')


def test_a_zip_that_is_next_to_nothing_is_not_unpacked(tmp_path):
    path = tmp_path / "task.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("annotations.xml", "w") as member:
        member.write(b"<annotations>")
        for _ in range(20):
            member.write(b"<image/>" * 131_072)
        member.write(b"</annotations>")
    with pytest.raises(DecisionError, match="unpacks to 20 MiB of next to nothing"):
        read_cvat(path)
