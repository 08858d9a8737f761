from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelaudit.errors import RunFolderError, SourceError, TrainingError
from labelaudit.faces import EXPRESSIONS, DrawnFaces, draw_dataset, write_dataset
from labelaudit.pipeline import AuditResult, audit
from labelaudit.records import Reason, Stage, Verdict
from labelaudit.report.table import read_report
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings
from labelaudit.source.detect import open_source

SETTINGS = AuditSettings(
    folds=2,
    device="cpu",
    nets=NetSettings(backbone="gradients", weights="none"),
    asm=AsmSettings(epochs=4, warm_up=2, batch=32),
)


def bomb() -> bytes:
    """A PNG that says it has 40,000 x 40,000 pixels, and holds none."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b""), b"IEND")
    framed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def spoil(folder: Path) -> dict[str, tuple[Verdict, Reason]]:
    """Mixes one of every bad thing into a folder of faces; path -> what an audit must say of it."""
    faces = {name: sorted((folder / name).glob("*.png")) for name in EXPRESSIONS}
    unreadable = (Verdict.UNREADABLE, Reason.DECODE_ERROR)
    expected = {}

    def put(path: str, content: bytes, said: tuple[Verdict, Reason]) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
        expected[path] = said

    whole = folder / "happy" / "whole.jpg"
    Image.open(faces["happy"][0]).save(whole, quality=95)
    put("happy/truncated.jpg", whole.read_bytes()[:400], unreadable)
    whole.unlink()
    put("angry/empty.png", b"", unreadable)
    put("angry/no picture.png", b"<html>404 Not Found</html>", unreadable)
    put("sad/bomb.png", bomb(), unreadable)
    put("contempt/only one.png", faces["sad"][1].read_bytes(), (Verdict.UNDETERMINED, Reason.CLASS_TOO_SMALL))
    put("stray.png", faces["sad"][2].read_bytes(), (Verdict.UNDETERMINED, Reason.NO_LABEL))
    return expected


@dataclass(frozen=True)
class Audited:
    """A finished audit of a spoiled folder.

    Attributes:
        folder: The dataset.
        expected: Path -> verdict and reason of the bad rows.
        result: Of the audit.
        report: Its rows.
        stages: What was told on the way.
    """

    folder: Path
    expected: dict[str, tuple[Verdict, Reason]]
    result: AuditResult
    report: pd.DataFrame
    stages: list[Stage]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    root = tmp_path_factory.mktemp("audited")
    folder = root / "gesichter mit fehlern"
    write_dataset(draw_dataset(200, seed=3, class_shares=dict.fromkeys(EXPRESSIONS, 1.0)), folder)
    expected = spoil(folder)
    happy = sorted((folder / "happy").glob("face*.png"))
    shutil.copy(happy[3], folder / "sad" / "copy of a happy one.png")
    happy[4].rename(folder / "happy" / "Übermut größer 5 %.png")
    happy[5].rename(folder / "happy" / "twin.png")
    happy[6].rename(folder / "happy" / "twin.PNG")
    stages: list[Stage] = []
    settings = replace(SETTINGS, workers=1, cache_dir=root / "cache")
    result = audit(folder, out=root / "run", settings=settings, progress=stages.append)
    return Audited(folder, expected, result, read_report(result.run).to_pandas(), stages)


@pytest.fixture(scope="module")
def two_classes() -> DrawnFaces:
    drawn = draw_dataset(48, seed=5, wrong_share=0, ambiguous_share=0, class_shares={"happy": 1.0, "sad": 1.0})
    return replace(drawn, given=["sad" if row % 10 == 0 else label for row, label in enumerate(drawn.given)])


@pytest.fixture
def few_faces(two_classes: DrawnFaces, tmp_path: Path) -> Path:
    folder = tmp_path / "few"
    write_dataset(two_classes, folder)
    return folder


@pytest.fixture
def quick(few_faces: Path, tmp_path: Path) -> Callable[..., AuditResult]:
    """Audits 48 faces in a moment."""

    def run(**options: object) -> AuditResult:
        settings = replace(SETTINGS, cache_dir=tmp_path / "cache", **options.pop("change", {}))
        return audit(few_faces, out=tmp_path / "run", settings=settings, **options)

    return run


def test_every_row_is_in_the_report_in_its_order_with_its_label(audited: Audited) -> None:
    table = open_source(audited.folder).table
    assert audited.report["sample_id"].tolist() == list(table.sample_id)
    assert audited.report["path"].tolist() == list(table.path)
    given = audited.report["given_label"].astype(object)
    assert given.where(given.notna(), None).tolist() == list(table.given_label)
    on_disk = {path.relative_to(audited.folder).as_posix() for path in audited.folder.rglob("*") if path.is_file()}
    assert set(audited.report["path"]) == on_disk
    assert len(audited.report) == 200 + len(audited.expected) + 1


def test_each_bad_thing_has_its_verdict(audited: Audited) -> None:
    rows = audited.report.set_index("path")
    for path, (verdict, reason) in audited.expected.items():
        assert (rows.loc[path, "verdict"], rows.loc[path, "reason"]) == (verdict, reason), path
        assert rows.loc[path, "reason_detail"]
        assert pd.isna(rows.loc[path, ["p_mislabelled", "confidence", "suggested_label", "queue_rank"]]).all()
    assert "larger than the limit" in rows.loc["sad/bomb.png", "reason_detail"]
    assert rows.loc["contempt/only one.png", "reason_detail"] == "contempt has 1 readable sample, judging needs 10"


def test_all_other_rows_are_judged(audited: Audited) -> None:
    others = audited.report[~audited.report["path"].isin(audited.expected)]
    assert set(others["verdict"]) <= {Verdict.CLEAN, Verdict.AMBIGUOUS, Verdict.MISLABELLED}
    assert others["posterior"].notna().all()
    assert np.stack(others["posterior"]).sum(axis=1) == pytest.approx(np.ones(len(others)), abs=1e-5)
    asked = others["verdict"] != Verdict.CLEAN
    assert sorted(others.loc[asked, "queue_rank"].astype(int)) == list(range(1, asked.sum() + 1))
    assert {"happy/Übermut größer 5 %.png", "happy/twin.png", "happy/twin.PNG"} <= set(others["path"])


def test_one_picture_under_two_labels_is_never_clean(audited: Audited) -> None:
    rows = audited.report.set_index("path")
    copy = rows.loc["sad/copy of a happy one.png"]
    twins = rows[rows["duplicate_group"] == copy["duplicate_group"]]
    assert set(twins["given_label"]) == {"happy", "sad"}
    assert not (twins["verdict"] == Verdict.CLEAN).any()


def test_errors_are_found(audited: Audited) -> None:
    """Not a figure of merit: only that what is ranked first is wrong more often than a label drawn at random."""
    truth = pd.read_csv(f"{audited.folder}_truth.csv").set_index("path")["kind"]
    worst = audited.report.sort_values("queue_rank")["path"].iloc[:20]
    assert (truth.reindex(worst).dropna() == "mislabelled").mean() > 2 * (truth == "mislabelled").mean()


def test_summary_and_metadata_agree_with_the_rows(audited: Audited) -> None:
    summary, metadata = audited.result.summary, read_report(audited.result.run).metadata
    assert summary.rows == len(audited.report)
    counted = audited.report["verdict"].value_counts()
    assert {name: count for name, count in summary.verdicts.items() if count} == counted[counted > 0].to_dict()
    assert metadata.dataset == "gesichter mit fehlern"
    assert metadata.classes == tuple(sorted([*EXPRESSIONS, "contempt"]))
    assert metadata.settings["folds"] == 2
    head = audited.report["queue_rank"].between(1, summary.queue_head)
    assert summary.queue_head == min(200, (audited.report["queue_rank"] > 0).sum())
    assert summary.queue_precision is not None
    assert summary.queue_precision.value == pytest.approx(audited.report.loc[head, "p_mislabelled"].mean(), abs=1e-3)
    flagged = audited.report["verdict"] == Verdict.MISLABELLED
    assert summary.mislabelled_precision is not None
    said = summary.mislabelled_precision.value
    assert said == pytest.approx(audited.report.loc[flagged, "p_mislabelled"].mean(), abs=1e-3)
    matrix = np.array(metadata.noise_matrix, dtype=float)
    assert np.isnan(matrix[1]).all()  # contempt was not audited
    assert np.delete(matrix, 1, axis=0).sum(axis=1) == pytest.approx(np.ones(7), abs=1e-4)
    assert json.loads(audited.result.run.summary.read_text(encoding="utf-8")) == summary.to_json()


def test_the_run_folder_holds_what_it_says(audited: Audited) -> None:
    run = audited.result.run
    assert {path.name for path in run.root.iterdir()} == {".lock", "run.json", "dataset.json", *run.file_names}
    assert audited.result.summary.files == run.file_names
    assert audited.result.report == run.report


def test_stages_are_told_from_their_beginning_to_their_end(audited: Audited) -> None:
    last = {stage.name: stage for stage in audited.stages}
    evidence = ["features", "ridge", "neighbours", "outliers", "fold 1 of 2", "fold 2 of 2"]
    assert list(last) == ["pixels", "duplicates", *evidence, "verdicts"]
    assert all(stage.done == stage.total for stage in last.values())
    assert set(audited.result.summary.seconds) == set(last)


def test_thresholds_hold_every_mined_epoch(audited: Audited) -> None:
    thresholds = pd.read_parquet(audited.result.run.thresholds)
    assert set(thresholds["epoch"]) == {2, 3}
    assert set(thresholds["fold"]) == {0, 1}
    assert len(thresholds) == 2 * 2 * 8
    known = thresholds.dropna()
    assert (known["noisy_threshold"] < known["clean_threshold"]).all()


def test_the_report_opens_in_polars_and_duckdb(audited: Audited) -> None:
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    frame = polars.read_parquet(audited.result.report)
    assert frame["sample_id"].to_list() == audited.report["sample_id"].tolist()
    judged = audited.report["posterior"].notna()
    assert frame["posterior"].is_not_null().to_list() == judged.tolist()
    assert np.array(frame["posterior"].drop_nulls().to_list()) == pytest.approx(
        np.stack(audited.report.loc[judged, "posterior"])
    )
    counted = duckdb.sql(f"SELECT verdict, count(*) FROM '{audited.result.report}' GROUP BY verdict").fetchall()
    assert dict(counted) == audited.report["verdict"].value_counts().loc[lambda count: count > 0].to_dict()


def assert_tells_no_path(run_folder: Path, secrets: tuple[str, ...]) -> None:
    for path in run_folder.iterdir():
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), path.name
    rows = pq.read_table(run_folder / "report.parquet").to_pandas()
    for name in rows.columns:
        values = rows[name].astype(str)
        assert not any(values.str.contains(secret, regex=False).any() for secret in secrets), name


def test_nothing_tells_where_it_ran(audited: Audited) -> None:
    assert_tells_no_path(audited.result.run.root, (str(audited.folder.parent), audited.folder.parent.name))


def test_the_same_input_gives_the_same_bytes(audited: Audited, tmp_path: Path) -> None:
    """However many threads decode, from an empty cache."""
    settings = replace(SETTINGS, workers=4, cache_dir=tmp_path / "cache")
    again = audit(audited.folder, out=tmp_path / "elsewhere", settings=settings)
    for name in ("report.parquet", "thresholds.parquet", "model.safetensors", "model.json", "run.json"):
        assert (again.run.root / name).read_bytes() == (audited.result.run.root / name).read_bytes(), name
    other = audit(audited.folder, out=tmp_path / "other", settings=replace(settings, seed=1))
    assert other.report.read_bytes() != again.report.read_bytes()


def test_a_file_of_weights_is_known_by_its_name_and_content(few_faces: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from labelaudit.nets.registry import build_net

    file = tmp_path / "my weights.safetensors"
    save_file(build_net("resnet-small", num_classes=2, size=48).trunk.state_dict(), file)
    settings = replace(
        SETTINGS,
        cache_dir=tmp_path / "cache",
        training="frozen",
        nets=NetSettings(backbone="resnet-small", weights=str(file), size=32),
    )
    result = audit(few_faces, out=tmp_path / "run", settings=settings)
    assert result.summary.weights == "my weights.safetensors"
    assert_tells_no_path(result.run.root, (str(tmp_path),))
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(RunFolderError, match="started with other weights_sha256"):
        audit(few_faces, out=tmp_path / "run", settings=settings, resume=True)


def test_a_run_is_replaced_only_by_force(quick: Callable[..., AuditResult]) -> None:
    before = quick().report.read_bytes()
    with pytest.raises(RunFolderError, match="--resume to go on or --force to replace"):
        quick()
    with pytest.raises(RunFolderError, match=r"started with other settings\.seed"):
        quick(resume=True, change={"seed": 1})
    after = quick(force=True, change={"seed": 1})
    assert after.report.read_bytes() != before
    assert after.summary.settings["seed"] == 1


def test_resuming_a_finished_run_reads_it_again(quick: Callable[..., AuditResult]) -> None:
    first = quick()
    times = {path: path.stat().st_mtime_ns for path in first.run.root.iterdir() if path.name != ".lock"}
    first.run.checkpoint.mkdir()  # of a process that was killed when its report was done
    stages: list[Stage] = []
    again = quick(resume=True, progress=stages.append)
    assert stages == []
    assert replace(again.summary, seconds=first.summary.seconds) == first.summary
    assert {path: path.stat().st_mtime_ns for path in first.run.root.iterdir() if path.name != ".lock"} == times


def test_resume_needs_the_same_pictures_and_labels(quick: Callable[..., AuditResult], few_faces: Path) -> None:
    quick()
    moved = next((few_faces / "happy").iterdir())
    moved.rename(few_faces / "sad" / moved.name)
    with pytest.raises(RunFolderError, match="started with other dataset"):
        quick(resume=True)


@pytest.mark.parametrize(
    ("kept", "said"),
    [(0, "no class has 10 or more readable samples"), (12, "only happy has 10 or more readable samples")],
)
def test_a_dataset_without_two_classes_to_audit_leaves_no_run(
    quick: Callable[..., AuditResult], few_faces: Path, tmp_path: Path, kept: int, said: str
) -> None:
    for label in ("happy", "sad"):
        for path in sorted((few_faces / label).iterdir())[kept if label == "happy" else 0 :]:
            path.write_bytes(b"")
    with pytest.raises(SourceError, match=f"{said}, an audit needs two classes; .*--min-class-size"):
        quick()
    assert not (tmp_path / "run").exists()


def test_a_run_that_breaks_off_can_go_on(quick: Callable[..., AuditResult], tmp_path: Path) -> None:
    def stop(stage: Stage) -> None:
        if stage.name == "fold 2 of 2" and stage.done == 3:
            raise TrainingError("stop here")

    with pytest.raises(TrainingError, match="stop here"):
        quick(progress=stop)
    assert {path.name for path in (tmp_path / "run" / "checkpoint").iterdir()} == {
        "fold-1.safetensors",
        "fold-2.safetensors",
    }
    resumed: list[Stage] = []
    report = quick(resume=True, progress=resumed.append).report.read_bytes()
    assert Stage("fold 1 of 2", 4, 4, "epochs") in resumed
    assert Stage("fold 2 of 2", 3, 4, "epochs") in resumed
    assert Stage("fold 2 of 2", 2, 4, "epochs") not in resumed
    assert not (tmp_path / "run" / "checkpoint").exists()
    assert report == quick(force=True).report.read_bytes()


def test_a_damaged_checkpoint_is_refused(quick: Callable[..., AuditResult], tmp_path: Path) -> None:
    def stop(stage: Stage) -> None:
        if stage.name == "fold 2 of 2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick(progress=stop)
    checkpoint = tmp_path / "run" / "checkpoint" / "fold-1.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(TrainingError, match=r"fold-1\.safetensors.*--force"):
        quick(resume=True)
    assert quick(force=True).run.is_finished()


def test_a_single_run_states_nothing_that_it_cannot_know(quick: Callable[..., AuditResult]) -> None:
    result = quick(change={"folds": 1})
    metadata = read_report(result.run).metadata
    assert metadata.settings["verdict"]["rule"] == "asm"
    assert (metadata.noise_rate, metadata.noise_matrix, metadata.mislabelled_precision) == (None, None, None)
    assert any("not calibrated" in each for each in metadata.assumed)
