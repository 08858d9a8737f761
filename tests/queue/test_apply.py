"""What becomes of rows, what is refused, and that nothing is written then."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from finished_runs import finished_run, grey_png, picture_folder, run_of

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError
from labelaudit.queue import apply as module
from labelaudit.queue.apply import apply_decisions
from labelaudit.queue.how import ApplyAs, OnConflict
from labelaudit.queue.outcome import Choices
from labelaudit.queue.undo import apply_undo
from labelaudit.rundir import RunDir
from labelaudit.source.detect import open_source
from labelaudit.source.memory import ArraySource
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import open_run_source

ROWS = ("0.png,happy,train", "1.png,sad,train", "2.png,happy,train", "3.png,sad,test", "4.png,neutral,test")


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """Five pictures in a table: happy, sad, happy, sad, neutral; the last two are test rows."""
    folder = tmp_path / "set"
    folder.mkdir()
    for row in range(5):
        (folder / f"{row}.png").write_bytes(grey_png(row))
    (folder / "labels.csv").write_text("path,label,split\n" + "".join(f"{row}\n" for row in ROWS))
    return finished_run(tmp_path / "run", folder / "labels.csv")


def says(row: int, word: str, who: str = "ann") -> Decision:
    if word in ("ambiguous", "not_a_face"):
        return Decision(f"{row}.png", Ruling(word), None, who, "2026-01-31T12:00:00.000Z", "review")
    return Decision(f"{row}.png", Ruling.LABEL, word, who, tool="csv")


def put_right(run: RunDir, *decisions: Decision, **more):
    more = {"out": run.root.parent / "out"} | more
    source = more.pop("source", None) or open_run_source(run)
    return apply_decisions(run, decisions, source=source, **more)


def lines(out: Path) -> list[str]:
    return (out / "labels.csv").read_text().splitlines()[1:]


def ledger(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]


def test_a_label_and_its_history(run):
    result = put_right(run, says(0, "sad"), says(1, "sad", "bo"), says(2, "ambiguous"))
    assert lines(result.out) == ["0.png,sad,train", *ROWS[1:]]
    about, *rows = ledger(result.out)
    assert (about["act"], about["as"], about["dataset_fingerprint"]) == ("apply", "labels", "f00d")
    assert [(row["sample_id"], row["old"], row["new"], row["ruling"], row["who"]) for row in rows] == [
        ("0.png", "happy", "sad", "label", ["ann"]),
        ("1.png", "sad", "sad", "label", ["bo"]),
        ("2.png", "happy", "happy", "ambiguous", ["ann"]),
    ]
    assert rows[0]["written"] == {"file": "labels.csv", "record": 0, "was": "happy", "now": "sad"}
    assert (rows[0]["model_hash"], rows[0]["tool"]) == ("0123456789abcdef", ["csv"])
    assert rows[2]["when"] == "2026-01-31T12:00:00.000Z"
    assert len(rows[0]["content_sha256"]) == 64
    assert "written" not in rows[1]
    assert result.people == 2
    assert result.outcomes.pairs() == [("happy", "sad", 1)]
    assert not (result.out / "conflicts.csv").exists()


def disagreement() -> list[Decision]:
    return [says(0, "neutral", "=bo"), says(0, "sad", "ann"), says(2, "sad", "ann"), says(1, "sad", "ann")]


@pytest.mark.parametrize(
    ("on_conflict", "first", "outcome"),
    [
        (OnConflict.ASK, ["0.png,happy,train"], "open"),
        (OnConflict.KEEP, ["0.png,happy,train"], "kept"),
        (OnConflict.DROP, [], "left out"),
    ],
)
def test_people_who_disagree(run, on_conflict, first, outcome):
    result = put_right(run, *disagreement(), choices=Choices(on_conflict))
    assert lines(result.out) == [*first, ROWS[1], "2.png,sad,train", *ROWS[3:]]
    (found,) = csv.DictReader((result.out / "conflicts.csv").read_text().splitlines())
    assert found == {"sample": "0.png", "given": "happy", "said": "'=bo: neutral; ann: sad", "outcome": outcome}
    recorded = [
        (row["sample_id"], row["new"], row["who"]) for row in ledger(result.out)[1:] if row["ruling"] == "conflict"
    ]
    assert bool(recorded) == (on_conflict is not OnConflict.ASK)
    assert bool(result.outcomes.open()) == (on_conflict is OnConflict.ASK)
    if on_conflict is OnConflict.DROP:
        assert recorded == [("0.png", None, ["=bo", "ann"])]


def test_rows_that_people_called_something_are_left_out_when_asked(run):
    words = [says(0, "ambiguous"), says(2, "not_a_face")]
    assert lines(put_right(run, *words).out) == list(ROWS)
    dropped = put_right(run, *words, choices=Choices(drop=frozenset({Ruling.NOT_A_FACE})), force=True)
    assert lines(dropped.out) == [ROWS[0], ROWS[1], *ROWS[3:]]
    assert [each.sample_id for each in dropped.outcomes.left_out()] == ["2.png"]


def test_rows_of_the_test_split_are_refused_unless_somebody_says(run):
    words = [says(0, "sad"), says(3, "happy"), says(4, "neutral")]
    with pytest.raises(
        DecisionError, match=r"1 decision would change rows of the test split \(3\.png\): --include-test"
    ):
        put_right(run, *words)
    assert not (run.root.parent / "out").exists()
    skipped = put_right(run, *words, choices=Choices(include_test=False))
    assert lines(skipped.out) == ["0.png,sad,train", *ROWS[1:]]
    assert [each.sample_id for each in skipped.outcomes.test] == ["3.png"]
    assert [row["sample_id"] for row in ledger(skipped.out)[1:]] == ["0.png", "4.png"]
    included = put_right(run, *words, choices=Choices(include_test=True), force=True)
    assert lines(included.out) == ["0.png,sad,train", *ROWS[1:3], "3.png,happy,test", ROWS[4]]


def test_a_picture_that_changed_since_is_refused(run):
    (run.root.parent / "set" / "0.png").write_bytes(grey_png(99))
    with pytest.raises(DecisionError, match=r"the picture of 0\.png is not the one that was audited"):
        put_right(run, says(0, "sad"))
    (run.root.parent / "set" / "0.png").unlink()
    with pytest.raises(DecisionError, match=r"0\.png was decided about and cannot be read now: file not found"):
        put_right(run, says(0, "sad"))


def test_another_dataset_is_refused(run):
    table = run.root.parent / "set" / "labels.csv"
    table.write_text(table.read_text().replace("1.png,sad", "1.png,happy"))
    with pytest.raises(DecisionError, match="the given_label of row 2 was 'sad' and is 'happy'"):
        put_right(run, says(0, "sad"))
    table.write_text("\n".join(table.read_text().splitlines()[:-1]))
    with pytest.raises(DecisionError, match=r"5 rows then, 4 now"):
        put_right(run, says(0, "sad"))


def test_nothing_is_written_where_it_may_not_be(run, tmp_path):
    folder = tmp_path / "set"
    for out, told in [
        (folder, r"would replace labels\.csv"),
        (tmp_path, "would replace run"),
        (run.root, "would replace run"),
        (tmp_path / "new.csv", "apply writes a folder"),
    ]:
        with pytest.raises(DecisionError, match=told):
            put_right(run, says(0, "sad"), out=out, force=True)
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "mine.txt").write_text("x")
    with pytest.raises(DecisionError, match="holds no labels of labelaudit apply"):
        put_right(run, says(0, "sad"), out=strange, force=True)
    put_right(run, says(0, "sad"))
    with pytest.raises(DecisionError, match="holds labels already"):
        put_right(run, says(0, "neutral"))
    assert lines(put_right(run, says(0, "neutral"), force=True).out)[0] == "0.png,neutral,train"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run", "set", "strange"]


def test_into_a_folder_that_is_the_dataset(tmp_path):
    folder = picture_folder(tmp_path / "set", "happy/1.png", "happy/2.png", "sad/3.png")
    run = finished_run(tmp_path / "run", folder)
    decision = Decision("happy/1.png", Ruling.LABEL, "sad")
    with pytest.raises(DecisionError, match="lies in the dataset"):
        put_right(run, decision, out=folder / "new")


def test_trying_writes_nothing(run, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    result = put_right(run, says(0, "sad"), dry_run=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert (result.written, result.to_json()["out"]) == (False, None)
    assert result.to_json()["changed"] == [{"sample_id": "0.png", "old": "happy", "new": "sad"}]


def test_labels_appear_whole_or_not_at_all(run, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_ledger", full)
    with pytest.raises(DecisionError, match="No space left on device; free some space"):
        put_right(run, says(0, "sad"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "set"]


def test_data_in_memory_become_a_table_with_their_pictures(tmp_path):
    faces = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)
    source = ArraySource(faces, [0, 1, 0, 1, 0, None], class_names=["happy", "sad"], splits=["train"] * 6)
    run = run_of(tmp_path / "run", source)
    with pytest.raises(DecisionError, match="--as labels: the dataset is not on disk; --as manifest"):
        put_right(run, Decision("1", Ruling.LABEL, "happy"), source=source, how=ApplyAs.LABELS)
    result = put_right(run, Decision("1", Ruling.LABEL, "happy"), Decision("5", Ruling.LABEL, "sad"), source=source)
    assert (result.how, result.why) == (ApplyAs.MANIFEST, "the dataset is not on disk")
    new = open_source(result.out)
    assert list(new.table.given_label) == ["happy", "happy", "happy", "sad", "happy", "sad"]
    assert list(new.table.sample_id) == list(source.table.sample_id)
    back = apply_undo(result.out, out=tmp_path / "back")
    assert list(open_source(back.out).table.given_label) == list(source.table.given_label)


def test_rows_of_an_annotator_each_become_a_table(tmp_path):
    folder = picture_folder(tmp_path / "set", "1.png", "2.png")
    text = "path,label,annotator\n1.png,sad,a\n1.png,sad,b\n2.png,happy,a\n2.png,happy,b\n"
    (folder / "labels.csv").write_text(text)
    run = finished_run(tmp_path / "run", folder)
    result = put_right(run, Decision("1.png", Ruling.LABEL, "happy"), Decision("2.png", Ruling.LABEL, "sad"))
    assert result.how is ApplyAs.MANIFEST
    assert "the annotators in 'annotator', a row each" in result.why
    new = open_source(result.out, SourceOptions(root=folder))
    assert list(new.table.given_label) == ["happy", "sad"]


def test_only_rows_of_an_audited_split_are_counted(tmp_path):
    folder = picture_folder(tmp_path / "set", *(f"{row}.png" for row in range(4)))
    (folder / "labels.csv").write_text("path,label,split\n0.png,a,test\n1.png,b,test\n2.png,a,train\n3.png,b,train\n")
    run = finished_run(tmp_path / "run", folder, SourceOptions(splits=("train",)))
    result = put_right(run, Decision("2.png", Ruling.LABEL, "b"))
    assert lines(result.out) == ["0.png,a,test", "1.png,b,test", "2.png,b,train", "3.png,b,train"]
    assert result.opening.words(result.out)[1:3] == ("--split", "train")


def test_codes_are_written_as_the_source_writes_them(tmp_path):
    folder = picture_folder(tmp_path / "set", *(f"{row}.png" for row in range(4)))
    (folder / "labels.csv").write_text('path;label\n0.png;"0"\n1.png; 1.0\n2.png;0\n3.png; 1.0\n')
    run = finished_run(tmp_path / "run", folder, SourceOptions(label_map={"0": "sad", "1.0": "glad", "1": "glad"}))
    result = put_right(run, Decision("0.png", Ruling.LABEL, "glad"))
    assert (result.out / "labels.csv").read_text() == "path;label\n0.png; 1.0\n1.png; 1.0\n2.png;0\n3.png; 1.0\n"


def test_a_row_without_room_for_a_label_is_refused_with_the_way_on(tmp_path):
    names = [f"{20 + row}_{row % 2}_0_20170109{row:09d}.jpg" for row in range(12)]
    folder = picture_folder(tmp_path / "set", *names, "61_1_20170109142408075.jpg")
    run = finished_run(tmp_path / "run", folder, SourceOptions(label_column="gender"))
    decision = Decision("61_1_20170109142408075.jpg", Ruling.LABEL, "male")
    with pytest.raises(DecisionError, match=r"1 row has no place for a label .*61_1_.*: --as manifest has one"):
        put_right(run, decision)
    result = put_right(run, decision, how=ApplyAs.MANIFEST)
    new = open_source(result.out, SourceOptions(root=folder))
    assert new.table.given_label[-1] == "male"


def test_forms_that_do_not_fit_a_dataset_are_refused(run, tmp_path):
    with pytest.raises(DecisionError, match="--as plan is for labels in names of pictures and folders"):
        put_right(run, says(0, "sad"), how=ApplyAs.PLAN)
    folder = picture_folder(tmp_path / "classes", "happy/1.png", "happy/2.png", "sad/3.png")
    other = finished_run(tmp_path / "other", folder)
    with pytest.raises(DecisionError, match="--as labels: labels stand in the names of pictures here; --as plan"):
        put_right(other, Decision("happy/1.png", Ruling.LABEL, "sad"), how=ApplyAs.LABELS)
    assert not (tmp_path / "out").exists()


def test_files_of_one_label_can_be_written_alone(tmp_path):
    folder = tmp_path / "set"
    for row in range(4):
        picture_folder(folder, f"train_set/images/{row}.jpg")
        (folder / "train_set" / "images" / f"{row}.jpg").write_bytes(grey_png(row))
        (folder / "train_set" / "annotations").mkdir(exist_ok=True)
        np.save(folder / "train_set" / "annotations" / f"{row}_exp.npy", np.array(str(row % 2)))
        np.save(folder / "train_set" / "annotations" / f"{row}_val.npy", np.array("0.1"))
    run = finished_run(tmp_path / "run", folder)
    result = put_right(run, Decision("train_set/images/0.jpg", Ruling.LABEL, "happy"), how=ApplyAs.LABELS)
    files = sorted(path.relative_to(result.out).as_posix() for path in result.out.rglob("*_*.npy"))
    assert files == [f"train_set/annotations/{row}_exp.npy" for row in range(4)]
    written = [np.load(result.out / name).item() for name in files]
    assert written == ["1", "1", "0", "1"]
    back = apply_undo(result.out, out=tmp_path / "back")
    assert all((back.out / name).read_bytes() == (folder / name).read_bytes() for name in files)


def test_a_saved_dataset_without_splits(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["happy", "sad"])})
    cells = [{"bytes": grey_png(row), "path": None} for row in range(4)]
    whole = datasets.Dataset.from_dict({"image": cells, "label": [0, 1, 1, 0]}, features=features)
    whole.select([2, 0, 1]).save_to_disk(tmp_path / "set")
    run = finished_run(tmp_path / "run", tmp_path / "set")
    words = [Decision("row/0", Ruling.LABEL, "happy"), Decision("row/1", Ruling.NOT_A_FACE, None)]
    result = put_right(run, *words, choices=Choices(drop=frozenset({Ruling.NOT_A_FACE})))
    found = datasets.load_from_disk(str(result.out))
    assert found.features == features
    assert found["label"][:] == [0, 1]
    assert result.renumbered
    back = apply_undo(result.out, out=tmp_path / "back")
    assert datasets.load_from_disk(str(back.out))["label"][:] == [1, 0, 1]
