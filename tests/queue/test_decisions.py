import json
import zipfile

import pytest

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue.decision_lines import write_decision_lines
from labelaudit.queue.decisions import check_decisions, read_decisions
from labelaudit.queue.formats import FORMATS
from labelaudit.queue.select import QueueChoice, select_queue
from labelaudit.queue.tabular import write_csv

SAD = Decision("a/0.png", Ruling.LABEL, "sad", "ann", tool="csv")


def test_our_own_lines_are_known_whatever_they_are_called(tmp_path):
    path = tmp_path / "decisions.txt"
    write_decision_lines(path, [SAD])
    assert read_decisions(path) == (SAD,)


def test_a_table_is_known(tmp_path, make_report):
    path = tmp_path / "queue.csv"
    write_csv(select_queue(make_report({}), QueueChoice()), path, pictures={})
    path.write_text(path.read_text().replace("sad,,", "sad,sad,ann"))
    assert [(each.label, each.annotator) for each in read_decisions(path)] == [("sad", "ann")]
    lines = tmp_path / "metadata.jsonl"
    lines.write_text('{"sample_id": "a/0.png", "decision": "sad", "annotator": "ann"}\n')
    assert read_decisions(lines)[0].tool == "jsonl"


@pytest.mark.parametrize(
    ("content", "module"),
    [
        ("[]", "label_studio"),
        ('\n[\n {"id": 1}]', "label_studio"),
        ('{"items": [], "categories": {}}', "datumaro"),
        ('{"samples": []}', "fiftyone"),
        ("\ufeff<?xml version='1.0'?><annotations/>", "cvat"),
    ],
)
def test_exports_go_to_the_reader_of_their_tool(tmp_path, monkeypatch, content, module):
    path = tmp_path / "export"
    path.write_text(content)
    monkeypatch.setattr(f"labelaudit.queue.{module}.read_{module}", lambda path: (SAD, path))
    assert read_decisions(path) == (SAD, path)


def test_a_zip_is_taken_for_cvats(tmp_path, monkeypatch):
    path = tmp_path / "export"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations.xml", "<annotations/>")
    monkeypatch.setattr("labelaudit.queue.cvat.read_cvat", lambda _: (SAD,))
    assert read_decisions(path) == (SAD,)


def test_every_format_that_goes_out_is_known_when_it_comes_back(tmp_path, make_report):
    queue = select_queue(make_report({}, {}), QueueChoice())
    for form in FORMATS:
        out = tmp_path / (form.name if form.is_folder else f"queue.{form.name}")
        if form.is_folder:
            (out / "images").mkdir(parents=True)
            for name in ("1.png", "2.png"):
                (out / "images" / name).write_bytes(b"a picture")
        links = {item.sample_id: f"images/{item.rank}.png" for item in queue.items} if form.is_folder else {}
        form.write(queue, out, pictures=links)
        files = sorted(each for each in out.rglob("*") if each.suffix in (".json", ".jsonl", ".xml")) or [out]
        read = [each for each in files if each.name not in ("labels.json", "labeling-config.xml", "metadata.json")]
        assert read, form.name
        for each in read:
            assert read_decisions(each) == (), each  # nobody has decided anything yet


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"what": 1}', "JSON of no kind that is known"),
        ('{"what": ', "is not JSON"),
        ("5", "no column 'sample_id'"),
        ("", "is empty"),
        ('{"sample_id": "a", "ruling": "perhaps"}\n', "line 1: not a decision"),
        ("a picture, perhaps \0", "not a text file"),
    ],
)
def test_what_is_not_known_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "export.csv"
    path.write_text(content)
    with pytest.raises(DecisionError, match=said) as caught:
        read_decisions(path)
    assert "export.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(DecisionError, match="is the path right"):
        read_decisions(tmp_path / "none.csv")
    with pytest.raises(DecisionError, match="name the file in it"):
        read_decisions(tmp_path)


def test_decisions_find_their_rows(make_report):
    report = make_report({}, {}, {"content_sha256": None})
    decisions = [
        Decision("a/2.png", Ruling.AMBIGUOUS, content_sha256="00ff"),  # the report has no hash to compare
        SAD,
        Decision("a/1.png", Ruling.WITHDRAWN, content_sha256=f"{1:064x}"),
        Decision("a/2.png", Ruling.LABEL, "happy"),
    ]
    assert check_decisions(decisions, report).tolist() == [2, 0, 1, 2]
    assert check_decisions([], report).tolist() == []


def test_decisions_on_other_rows_are_refused(make_report):
    strangers = [Decision(f"b/{i}.png", Ruling.AMBIGUOUS) for i in range(1_234)]
    with pytest.raises(DecisionError) as caught:
        check_decisions([SAD, *strangers], make_report({}))
    assert str(caught.value) == (
        "1,234 decisions name no row of this report: 'b/0.png', 'b/1.png', 'b/2.png' and 1,231 more; "
        "were they made for another run?"
    )


def test_labels_that_are_no_class_are_refused_with_a_hint(make_report):
    report = make_report({}, {})
    decisions = [SAD, *(Decision(f"a/{i}.png", Ruling.LABEL, "Happy") for i in (0, 1))]
    with pytest.raises(DecisionError, match=r"^2 decisions chose 'Happy', which is no class; did you mean 'happy'"):
        check_decisions(decisions, report)
    with pytest.raises(DecisionError, match=r"chose 'ambiguous', which is no class; did you mean '\(ambiguous\)'"):
        check_decisions([Decision("a/0.png", Ruling.LABEL, "ambiguous")], report)
    odd = [Decision("a/0.png", Ruling.LABEL, name) for name in ("xyzzy", "xyzzy", "plugh")]
    with pytest.raises(
        DecisionError, match=r"chose 'xyzzy', .*\(and 1 other name .*; choices are happy, neutral, sad, "
    ):
        check_decisions(odd, report)


def test_decisions_on_pictures_that_have_changed_are_refused(make_report):
    changed = Decision("a/0.png", Ruling.AMBIGUOUS, content_sha256="00ff")
    with pytest.raises(DecisionError, match=r"1 decision names a picture that is not the one .*: 'a/0.png'"):
        check_decisions([changed, SAD], make_report({}))


def test_a_long_export_is_recognised_by_its_beginning(tmp_path, monkeypatch):
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"id": 1, "text": "x" * 100_000}]))
    monkeypatch.setattr("labelaudit.queue.label_studio.read_label_studio", lambda _: ())
    assert read_decisions(path) == ()
