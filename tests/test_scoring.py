from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

import labelaudit
from labelaudit.errors import RunFolderError, SourceError, WeightsError
from labelaudit.evidence.scorer import Scorer
from labelaudit.faces import EXPRESSIONS, draw_dataset
from labelaudit.pipeline import audit
from labelaudit.records import Reason, Stage, Verdict
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir
from labelaudit.scoring import ScoreResult, score
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings, Training
from labelaudit.source.options import SourceOptions

TRAINED, NEW = 200, 60
SETTINGS = AuditSettings(
    folds=2,
    device="cpu",
    nets=NetSettings(backbone="gradients", weights="none"),
    asm=AsmSettings(epochs=4, warm_up=2, batch=32),
)
Score = Callable[..., ScoreResult]


@dataclass(frozen=True)
class World:
    """An audited dataset, new faces, and the model that stands between them.

    Attributes:
        root: Holds ``faces.csv`` and its pictures (trained on), and the run.
        run: The audit's folder.
        pictures: New faces, (60, S, S, 3).
        labels: Their labels.
        cache: The cache folder.
    """

    root: Path
    run: Path
    pictures: np.ndarray
    labels: list[str]
    cache: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """200 faces in a table, 50 of them of a test split, two of a class that is too small."""
    root = tmp_path_factory.mktemp("world")
    drawn = draw_dataset(TRAINED + NEW, seed=3, class_shares=dict.fromkeys(EXPRESSIONS, 1.0))
    labels = ["rare" if row in (0, 1) else label for row, label in enumerate(drawn.given)]
    lines = ["path,label,split"]
    (root / "faces").mkdir()
    for row in range(TRAINED):
        Image.fromarray(drawn.images[row]).save(root / "faces" / f"{row:03d}.png")
        lines.append(f"faces/{row:03d}.png,{labels[row]},{'test' if row < 50 else 'train'}")
    (root / "faces.csv").write_text("\n".join(lines) + "\n")
    settings = replace(SETTINGS, cache_dir=root / "cache")
    audit(root / "faces.csv", out=root / "run", settings=settings, name="the old faces")
    return World(root, root / "run", drawn.images[TRAINED:], labels[TRAINED:], root / "cache")


@pytest.fixture(scope="module")
def scorer(world: World) -> Scorer:
    return Scorer.load(world.run)


@pytest.fixture
def run(scorer: Scorer, world: World, tmp_path: Path) -> Score:
    def call(data: object, **options: object) -> ScoreResult:
        return score(data, **{"model": scorer, "out": tmp_path / "scored", "cache_dir": world.cache, **options})

    return call


def _write_batch(folder: Path, pictures: np.ndarray, labels: list[str]) -> Path:
    for row, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / label / f"{row:03d}.png")
    return folder


def _report(result: ScoreResult) -> pd.DataFrame:
    return read_report(result.run).to_pandas()


@pytest.fixture(scope="module")
def batch(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The new faces as a folder, with one of every thing that cannot be judged."""
    folder = _write_batch(tmp_path_factory.mktemp("new") / "batch 1", world.pictures, world.labels)
    shutil.copy(next((folder / "happy").iterdir()), folder / "stray.png")
    (folder / "sad" / "broken.png").write_bytes(b"no picture")
    for name in ("rare", "bored"):
        (folder / name).mkdir()
        Image.fromarray(world.pictures[4]).rotate(20).save(folder / name / "x.png")
    return folder


def test_new_images_get_the_rows_and_the_columns_of_an_audit(run: Score, world: World, batch: Path):
    stages: list[Stage] = []
    result = run(batch, progress=stages.append)
    report, audited = read_report(result.run), read_report(world.run)
    assert report.table.schema.names == audited.table.schema.names
    assert report.classes == audited.classes
    rows = report.to_pandas().set_index("path")
    assert len(rows) == NEW + 4
    expected = {
        "stray.png": (Verdict.UNDETERMINED, Reason.NO_LABEL),
        "sad/broken.png": (Verdict.UNREADABLE, Reason.DECODE_ERROR),
        "rare/x.png": (Verdict.UNDETERMINED, Reason.CLASS_TOO_SMALL),
        "bored/x.png": (Verdict.UNDETERMINED, Reason.CLASS_UNKNOWN),
    }
    for path, said in expected.items():
        assert (rows.loc[path, "verdict"], rows.loc[path, "reason"]) == said
        assert rows.loc[path, "reason_detail"]
        assert pd.isna(rows.loc[path, ["p_mislabelled", "suggested_label", "queue_rank"]]).all()
    others = rows.drop(index=list(expected))
    assert set(others["verdict"]) <= {Verdict.CLEAN, Verdict.AMBIGUOUS, Verdict.MISLABELLED, Verdict.UNDETERMINED}
    assert others["p_mislabelled"].notna().all()
    assert np.stack(others["posterior"]).sum(axis=1) == pytest.approx(np.ones(NEW), abs=1e-5)
    assert (rows[["epochs_clean", "epochs_ambiguous", "epochs_noisy"]] == 0).all(axis=None)
    assert rows.loc["stray.png", "posterior"] is not None  # what a picture shows can be said without a label
    assert rows.loc["sad/broken.png", "posterior"] is None
    assert list(dict.fromkeys(stage.name for stage in stages)) == ["pixels", "duplicates", "scores", "verdicts"]


def test_thresholds_are_the_audits(run: Score, world: World, batch: Path):
    columns = ["given_label", "clean_threshold", "noisy_threshold"]
    mine, theirs = (frame[columns].dropna().drop_duplicates() for frame in (_report(run(batch)), _audit(world)))
    merged = mine.merge(theirs.astype({"given_label": mine["given_label"].dtype}), on=columns)
    assert len(merged) == len(mine) == len(EXPRESSIONS)


def _audit(world: World) -> pd.DataFrame:
    return read_report(world.run).to_pandas()


def test_it_knows_faces(run: Score, world: World, batch: Path):
    rows = _report(run(batch)).dropna(subset=["p_mislabelled"])
    seen = np.stack(rows["posterior"]).argmax(axis=1)
    classes = np.array(read_report(world.run).classes)
    assert (classes[seen] == rows["given_label"].astype(str)).mean() > 2 / len(EXPRESSIONS)


def test_metadata_and_summary_say_who_judged(run: Score, world: World, batch: Path):
    result = run(batch)
    metadata = read_report(result.run).metadata
    model_hash = json.loads((world.run / "model.json").read_text())["sha256"]
    assert metadata.model_hash == model_hash == read_report(world.run).metadata.model_hash
    assert metadata.scored == result.scored
    assert result.scored.model_dataset == "the old faces"
    assert read_report(world.run).metadata.scored is None
    assert any("the audit of the old faces left behind" in note for note in metadata.assumed)
    assert any(
        "1 row has a label that the model does not know (bored)" in note.replace("rows have", "row has")
        for note in metadata.assumed
    )
    written = json.loads(result.run.summary.read_text(encoding="utf-8"))
    assert written == result.summary.to_json()
    assert written["scored"]["model_hash"] == model_hash
    assert written["scored"]["drift"]["found"] is False
    assert written["files"] == ["report.parquet", "summary.json"]
    assert metadata.noise_rate is not None
    p = _report(result)["p_mislabelled"].dropna()
    assert metadata.noise_rate.value == pytest.approx(p.mean(), abs=1e-4)


def test_what_was_trained_on_is_judged_as_it_was(run: Score, world: World):
    """Verdicts do not come from models that have seen the label since."""
    result = run(world.root / "faces.csv")
    again, before = _report(result), _audit(world)
    for column in ("sample_id", "verdict", "reason", "suggested_label", "clean_threshold", "split"):
        assert again[column].astype(object).equals(before[column].astype(object)), column
    for column in ("p_mislabelled", "confidence", "confidence_ridge"):
        np.testing.assert_allclose(again[column], before[column], atol=1e-5, err_msg=column)
    assert result.scored.overlap.rows == result.scored.overlap.exact == TRAINED
    assert result.scored.overlap.other_label == result.scored.overlap.leaks == 0
    assert result.scored.drift is None
    assert result.computed == 2  # the two of the class that was too small to be audited


def test_pictures_of_the_training_set_are_said(run: Score, world: World, tmp_path: Path):
    """Three that were trained on: one as it is, one as JPEG in another split, one under another label."""
    folder = tmp_path / "mixed"
    trained = pd.read_csv(world.root / "faces.csv")
    new = _write_batch(folder / "train", world.pictures[:30], world.labels[:30])
    for row, (label, suffix) in enumerate([(None, "png"), (None, "jpg"), ("another", "png")]):
        place = 60 + row if row != 1 else 10  # row 10 is of the test split
        given = trained["label"][place] if label is None else ("sad" if trained["label"][place] != "sad" else "happy")
        (new / given).mkdir(exist_ok=True)
        if suffix == "png":
            shutil.copy(world.root / trained["path"][place], new / given / f"copy{row}.png")
        else:
            with Image.open(world.root / trained["path"][place]) as picture:
                picture.save(new / given / f"copy{row}.jpg", quality=90)
    overlap = run(folder).scored.overlap
    assert (overlap.rows, overlap.exact, overlap.other_label) == (3, 2, 1)
    assert {(each.batch, each.trained): each.rows for each in overlap.splits} == {
        ("train", "train"): 2,
        ("train", "test"): 1,
    }
    assert overlap.leaks == 1
    assert "1 of train in test" in overlap.sentence


def test_only_new_and_changed_pictures_are_scored(run: Score, world: World, tmp_path: Path):
    folder = _write_batch(tmp_path / "faces", world.pictures, world.labels)
    cache = tmp_path / "cache"
    first = run(folder, cache_dir=cache)
    assert first.computed == NEW
    before = first.report.read_bytes()
    again = run(folder, cache_dir=cache, force=True)
    assert again.computed == 0
    assert again.report.read_bytes() == before
    changed = sorted(folder.rglob("*.png"))[:3]
    for path in changed:
        with Image.open(path) as picture:
            turned = picture.rotate(180)
        turned.save(path)
    kept = _report(again).set_index("path")
    third = run(folder, cache_dir=cache, force=True)
    assert third.computed == 3
    now = _report(third).set_index("path")
    touched = {path.relative_to(folder).as_posix() for path in changed}
    others = [path for path in now.index if path not in touched]
    pd.testing.assert_series_equal(now.loc[others, "confidence"], kept.loc[others, "confidence"])
    assert (now.loc[list(touched), "confidence"] != kept.loc[list(touched), "confidence"]).all()
    whole = run(folder, cache_dir=tmp_path / "other", out=tmp_path / "whole")
    np.testing.assert_allclose(_report(whole).set_index("path")["confidence"], now["confidence"], atol=1e-4)


@pytest.mark.parametrize("kind", ["noise", "negatives"])
def test_another_kind_of_picture_is_told(run: Score, world: World, kind: str):
    other = {
        "noise": np.random.default_rng(0).integers(0, 256, world.pictures.shape, dtype=np.uint8),
        "negatives": 255 - world.pictures,
    }[kind]
    drift = run((list(other), world.labels)).scored.drift
    assert drift is not None
    assert drift.found
    assert drift.strength > 0.5


def test_faces_of_the_same_kind_are_not_odd(run: Score, world: World):
    drift = run((list(world.pictures), world.labels)).scored.drift
    assert drift is not None
    assert not drift.found


def test_a_batch_may_hold_one_class_or_no_label(run: Score, world: World, tmp_path: Path):
    one = _write_batch(tmp_path / "one", world.pictures[:12], ["happy"] * 12)
    assert _report(run(one))["p_mislabelled"].notna().all()
    none = tmp_path / "none"
    none.mkdir()
    for path in one.rglob("*.png"):
        shutil.copy(path, none / path.name)
    rows = _report(run(none, force=True))
    assert set(rows["reason"]) == {Reason.NO_LABEL}
    assert rows["posterior"].notna().all()
    assert labelaudit.read_report(tmp_path / "scored").metadata.noise_rate is None


def test_classes_are_matched_by_name_and_may_be_renamed(run: Score, world: World):
    labels = [label.upper() for label in world.labels]
    with pytest.raises(SourceError, match=r"is a class of the model .*--label-map"):
        run((list(world.pictures), labels))
    options = SourceOptions(label_map={label.upper(): label for label in EXPRESSIONS})
    rows = _report(run((list(world.pictures), labels), options=options))
    assert rows["p_mislabelled"].notna().all()


def test_a_folder_that_is_there_is_replaced_by_force_alone(run: Score, batch: Path, tmp_path: Path):
    run(batch)
    with pytest.raises(RunFolderError, match="holds a run already"):
        run(batch)
    run(batch, force=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="not empty and not a run"):
        run(batch, out=tmp_path / "mine", force=True)


def test_a_damaged_model_leaves_no_folder(world: World, batch: Path, tmp_path: Path):
    spoiled = RunDir(tmp_path / "run")
    shutil.copytree(world.run, spoiled.root)
    content = bytearray(spoiled.model_weights.read_bytes())
    content[-100] ^= 1
    spoiled.model_weights.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="altered or cut short"):
        score(batch, model=spoiled.root, out=tmp_path / "scored", cache_dir=world.cache)
    with pytest.raises(WeightsError, match="holds no model"):
        score(batch, model=tmp_path, out=tmp_path / "scored", cache_dir=world.cache)
    assert not (tmp_path / "scored").exists()


def test_nothing_tells_where_it_ran(run: Score, batch: Path, world: World):
    result = run(batch)
    for path in result.run.root.iterdir():
        content = path.read_bytes()
        assert str(batch.parent).encode() not in content or path.name == "dataset.json", path.name
        assert str(world.root).encode() not in content, path.name
    rows = pq.read_table(result.report).to_pandas()
    assert not rows["reason_detail"].astype(str).str.contains(str(batch.parent), regex=False).any()


def test_later_commands_take_a_scored_folder_as_a_run(run: Score, world: World, tmp_path: Path):
    from labelaudit.report.html import write_page
    from labelaudit.source.origin import open_run_source

    one = _write_batch(tmp_path / "one", world.pictures[:12], ["happy"] * 12)
    result = run(one)
    source = open_run_source(result.run)
    assert len(source.table) == 12
    page = write_page(result.run, result.run.root / "report.html", source=source)
    assert page.size > 0


def test_whole_networks_judge_too(world: World, tmp_path: Path):
    pictures, labels = list(world.pictures), ["sad" if row % 2 else "happy" for row in range(NEW)]
    settings = replace(
        SETTINGS,
        training=Training.FINE_TUNE,
        nets=NetSettings(backbone="resnet-small", weights="none", size=32),
        asm=AsmSettings(epochs=2, warm_up=1, batch=32),
        cache_dir=tmp_path,
    )
    audited = audit((pictures[:40], labels[:40]), out=tmp_path / "run", settings=settings)
    result = score((pictures, labels), model=audited.run, out=tmp_path / "scored", cache_dir=tmp_path)
    rows = _report(result)
    assert rows["confidence"].notna().all()
    assert result.computed == 20
    before = read_report(audited.run).to_pandas()
    np.testing.assert_allclose(rows["confidence"][:40], before["confidence"], atol=1e-5)
