import errno
import json
from dataclasses import replace

import numpy as np
import pytest

from labelaudit.errors import QueueError, SettingsError
from labelaudit.pixels.chunks import content_sha256
from labelaudit.queue.aside import folder_aside
from labelaudit.queue.assign import assign
from labelaudit.queue.formats import FORMATS, QueueFormat, format_named
from labelaudit.queue.handout import HandOut, Part, PicturePlan, default_name, plan_pictures, write_queue
from labelaudit.queue.select import QueueChoice, select_queue
from labelaudit.queue.ways import PictureWay
from labelaudit.source.memory import ArraySource

COPY, NONE = PicturePlan(PictureWay.COPY), PicturePlan(PictureWay.NONE)
CSV = format_named("csv")


def write_listing(queue, out, *, pictures):
    """A folder format for tests: which rows it was given, and how their pictures are reached."""
    (out / "rows.json").write_text(json.dumps([[item.sample_id, pictures[item.sample_id]] for item in queue.items]))


def write_fails(queue, out, *, pictures):
    (out / "half").write_text("half")
    raise OSError(errno.ENOSPC, "No space left on device")


LISTING = QueueFormat("listing", "a listing", write_listing, True, "open {out}", "EXPORT")


@pytest.fixture
def source():
    return ArraySource(np.arange(4 * 16, dtype=np.uint8).reshape(4, 4, 4), ["happy", "sad"] * 2)


@pytest.fixture
def queue(source, make_report):
    rows = [
        {"sample_id": source.table.sample_id[row], "content_sha256": content_sha256(source.read(row))}
        for row in range(4)
    ]
    return select_queue(make_report(*rows), QueueChoice())


def rows_in(folder):
    return json.loads((folder / "rows.json").read_text())


def test_formats_have_names_of_their_own_and_tell_what_to_do():
    names = [each.name for each in FORMATS]
    assert names == ["label-studio", "cvat", "datumaro", "fiftyone", "hf", "csv", "parquet"]
    for each in FORMATS:
        assert "{out}" in each.way_in
        assert format_named(each.name) is each
    with pytest.raises(SettingsError, match="unknown format 'labelstudio'; did you mean 'label-studio'"):
        format_named("labelstudio")
    with pytest.raises(SettingsError, match="known are label-studio, cvat"):
        format_named("xyz")


def test_what_is_done_about_pictures():
    hf = format_named("hf")
    assert plan_pictures(LISTING, None, None) == COPY
    assert plan_pictures(CSV, None, None) == NONE
    assert plan_pictures(LISTING, None, "https://x/") == PicturePlan(PictureWay.NONE, "https://x/")
    assert plan_pictures(CSV, PictureWay.COPY, None) == COPY
    assert plan_pictures(hf, None, None) == COPY
    for way, root in [(PictureWay.NONE, None), (None, "https://x/")]:
        with pytest.raises(SettingsError, match="needs copies of the pictures"):
            plan_pictures(hf, way, root)


def test_what_a_queue_is_called():
    assert default_name(CSV, NONE) == "queue.csv"
    assert default_name(CSV, COPY) == "queue-csv"
    assert default_name(LISTING, NONE) == "queue-listing"


def test_a_table_is_one_file(queue, tmp_path):
    out = tmp_path / "new" / "queue.csv"
    handed = write_queue(queue, out, form=CSV, plan=NONE)
    assert handed == HandOut((Part(out, out, None, 4),), 0, {}, False)
    assert [each.name for each in out.parent.iterdir()] == ["queue.csv"]
    assert out.read_text().count("\n") == 5
    assert json.loads(json.dumps(handed.to_json()))["parts"][0] == {
        "path": str(out),
        "file": str(out),
        "annotator": None,
        "rows": 4,
    }


def test_a_table_with_its_pictures_is_a_folder(queue, source, tmp_path):
    out = tmp_path / "queue-csv"
    handed = write_queue(queue, out, form=CSV, plan=COPY, source=source)
    assert handed.parts == (Part(out, out / "queue.csv", None, 4),)
    assert handed.pictures == 4
    assert sorted(each.name for each in out.iterdir()) == [".labelaudit.json", "images", "queue.csv"]
    assert "images/4.png" in (out / "queue.csv").read_text()
    assert json.loads((out / ".labelaudit.json").read_text())["rows"] == 4


def test_a_root_stands_before_links_and_before_copies(queue, source, tmp_path):
    write_queue(queue, tmp_path / "a", form=LISTING, plan=PicturePlan(PictureWay.NONE, "https://x/"))
    assert [link for _, link in rows_in(tmp_path / "a")] == [f"https://x/a/{row}.png" for row in range(4)]
    write_queue(queue, tmp_path / "b", form=LISTING, plan=PicturePlan(PictureWay.COPY, "https://x/"), source=source)
    assert next(link for _, link in rows_in(tmp_path / "b")) == "https://x/images/1.png"


def test_rows_without_a_picture_are_left_out_where_the_tool_needs_it(queue, source, tmp_path):
    items = (replace(queue.items[0], sample_id="gone"), replace(queue.items[1], content_sha256="00"), *queue.items[2:])
    spoilt = replace(queue, items=items)
    handed = write_queue(spoilt, tmp_path / "a", form=LISTING, plan=COPY, source=source)
    assert (handed.pictures, handed.left_out, handed.parts[0].rows) == (2, True, 2)
    assert handed.missing == {"not in the dataset": 1, "changed since the audit": 1}
    assert [sample_id for sample_id, _ in rows_in(tmp_path / "a")] == [each.sample_id for each in items[2:]]
    handed = write_queue(spoilt, tmp_path / "b", form=CSV, plan=COPY, source=source)
    assert (handed.pictures, handed.left_out, handed.parts[0].rows) == (2, False, 4)
    with pytest.raises(QueueError, match=r"none of the 2 rows has a picture \(gone: not in the dataset\)"):
        write_queue(replace(queue, items=items[:2]), tmp_path / "c", form=LISTING, plan=COPY, source=source)
    nameless = replace(queue, items=(replace(queue.items[0], path=None),))
    with pytest.raises(QueueError, match=r"no file of its own in the dataset.*let the pictures be copied"):
        write_queue(nameless, tmp_path / "c", form=LISTING, plan=NONE)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]


def test_each_annotator_gets_one_of_their_own(queue, source, tmp_path):
    shared = assign(queue, ("ann", "bo", "cy"), overlap=2)
    handed = write_queue(
        shared, tmp_path / "q.x", form=LISTING, plan=COPY, source=source, annotators=("ann", "bo", "cy")
    )
    assert [each.path.name for each in handed.parts] == ["q.x-ann", "q.x-bo", "q.x-cy"]
    assert [each.annotator for each in handed.parts] == ["ann", "bo", "cy"]
    assert sum(each.rows for each in handed.parts) == 8
    assert handed.pictures == 4
    for part in handed.parts:
        assert len(list((part.path / "images").iterdir())) == len(rows_in(part.path)) == part.rows
    handed = write_queue(shared, tmp_path / "q.csv", form=CSV, plan=NONE, annotators=("ann", "bo", "cy"))
    assert [each.path.name for each in handed.parts] == ["q-ann.csv", "q-bo.csv", "q-cy.csv"]


def test_an_annotator_without_rows_gets_nothing(queue, tmp_path):
    one = assign(replace(queue, items=queue.items[:1]), ("ann", "bo"))
    handed = write_queue(one, tmp_path / "q.csv", form=CSV, plan=NONE, annotators=("ann", "bo"))
    assert len(handed.parts) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_all_or_nothing(queue, source, tmp_path):
    fails = replace(LISTING, write=write_fails)
    with pytest.raises(QueueError, match=r"cannot write .*: No space left on device"):
        write_queue(queue, tmp_path / "q", form=fails, plan=COPY, source=source)
    assert list(tmp_path.iterdir()) == []

    calls = []

    def write_second_fails(queue, out, *, pictures):
        calls.append(out)
        (write_fails if len(calls) == 2 else write_listing)(queue, out, pictures=pictures)

    shared = assign(queue, ("ann", "bo"))
    with pytest.raises(QueueError):
        write_queue(
            shared, tmp_path / "q", form=replace(LISTING, write=write_second_fails), plan=NONE, annotators=("ann", "bo")
        )
    assert len(calls) == 2
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_replaced_only_when_it_is_ours_and_only_by_force(queue, source, tmp_path):
    out, file = tmp_path / "q", tmp_path / "queue.csv"
    write_queue(queue, out, form=LISTING, plan=COPY, source=source)
    write_queue(queue, file, form=CSV, plan=NONE)
    before = file.read_bytes()
    fewer = replace(queue, items=queue.items[:1])
    for path, form in [(out, LISTING), (file, CSV)]:
        with pytest.raises(QueueError, match="exists already, perhaps with decisions in it; add --force"):
            write_queue(fewer, path, form=form, plan=NONE)
    assert file.read_bytes() == before
    write_queue(fewer, out, form=LISTING, plan=COPY, source=source, force=True)
    write_queue(fewer, file, form=CSV, plan=NONE, force=True)
    assert len(rows_in(out)) == len(list((out / "images").iterdir())) == 1
    assert file.read_text().count("\n") == 2

    with pytest.raises(QueueError, match="is no folder; name a folder"):
        write_queue(queue, file, form=LISTING, plan=NONE, force=True)
    with pytest.raises(QueueError, match="is no file; name a file"):
        write_queue(queue, out, form=CSV, plan=NONE, force=True)
    (out / ".labelaudit.json").unlink()
    with pytest.raises(QueueError, match="a folder with something else in it"):
        write_queue(queue, out, form=LISTING, plan=NONE, force=True)
    assert len(rows_in(out)) == 1
    (tmp_path / "empty").mkdir()
    write_queue(queue, tmp_path / "empty", form=LISTING, plan=NONE)
    assert len(rows_in(tmp_path / "empty")) == 4


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    target = tmp_path / "q"
    target.mkdir()
    (target / "old").touch()
    (tmp_path / ".q.new").mkdir()
    (tmp_path / ".q.new" / "left by a killed process").touch()
    with pytest.raises(KeyboardInterrupt), folder_aside(target) as aside:
        assert list(aside.iterdir()) == []
        raise KeyboardInterrupt
    assert [each.name for each in tmp_path.rglob("*")] == ["q", "old"]


def test_nothing_to_ask_about_is_no_queue(queue, tmp_path):
    with pytest.raises(QueueError, match="no row is left to ask about"):
        write_queue(replace(queue, items=()), tmp_path / "q.csv", form=CSV, plan=NONE)
