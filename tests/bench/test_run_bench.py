from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from labelaudit.bench.courses import Stand
from labelaudit.bench.drawn import draw_faces, give_labels
from labelaudit.bench.folder import opened_bench, read_result
from labelaudit.bench.methods import METHODS_OF, Course, Method
from labelaudit.bench.run import BenchResult, run_bench
from labelaudit.bench.tasks import parse_task
from labelaudit.bench.truth import open_truth
from labelaudit.bench.work import _test_rows
from labelaudit.cli.app import app
from labelaudit.errors import RunFolderError, SettingsError, SourceError
from labelaudit.pipeline import audit
from labelaudit.records import Stage
from labelaudit.report.table import read_report
from labelaudit.settings import AuditSettings, with_values
from labelaudit.source.options import SourceOptions

LIMIT = 140


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def settings(quick: AuditSettings, cache: Path) -> AuditSettings:
    return with_values(quick, {"cache_dir": cache})


@pytest.fixture(scope="module")
def finished(voted: pd.DataFrame, settings: AuditSettings, tmp_path_factory: pytest.TempPathFactory) -> BenchResult:
    """Every method on one task and seed. Not to be changed."""
    out = tmp_path_factory.mktemp("bench") / "one"
    return run_bench(voted, out=out, tasks=["own"], seeds=[0], limit=LIMIT, settings=settings, name="drawn faces")


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test that trains anything."""

    def refuse(stand: Stand, course: Course) -> None:
        raise AssertionError(f"{course} was run again")

    monkeypatch.setattr(Stand, "run", refuse)


def test_every_method_belongs_to_one_course() -> None:
    assert sorted(method for methods in METHODS_OF.values() for method in methods) == sorted(Method)
    assert set(METHODS_OF) == set(Course)


def test_a_copy_of_a_learned_face_tests_nothing() -> None:
    usable = np.array([False, True, True, True, False])
    group = np.array([0, 0, 1, -1, -1], np.int32)
    np.testing.assert_array_equal(_test_rows(usable, group, np.array([0, 4])), [2, 3])


def test_every_method_has_its_figures(finished: BenchResult) -> None:
    (task,) = finished.summary.tasks
    assert {row.method for row in task.methods} == set(Method)
    assert task.rows == 112  # a fifth is held out
    for row in task.methods:
        ap = row.mean("ap")
        assert ap is not None
        assert 0.0 < ap <= 1.0
        assert row.mean("seconds") >= 0
        assert row.mean("peak_gb") > 0
        trains = row.method is not Method.KNN and not row.method.endswith("-ce")
        assert (row.mean("test_accuracy") is not None) == trains, row.method
        assert (row.mean("calibration") is None) == (row.method is Method.AUM)
    best = next(row.method for row in task.methods if row.method.is_baseline)
    assert task.best_baseline is best


def test_ours_is_what_an_audit_says(
    voted: pd.DataFrame, settings: AuditSettings, finished: BenchResult, tmp_path: Path
) -> None:
    """The same faces under the same labels, audited: the same probabilities, scores and verdicts."""
    truth = open_truth(voted, SourceOptions(), truth_column=None)
    draw = draw_faces(truth, limit=LIMIT, test_share=0.2, seed=0)
    given = give_labels(draw, parse_task("own"), weak_model=None)
    kept = draw.rows[~draw.test]
    frame = voted.loc[kept, ["image_id", "image"]].assign(label=[truth.labels.names[k] for k in given[~draw.test]])
    # The classes of the audit stand in another order, which its networks' first weights depend on.
    names = {name: f"{place}" for place, name in enumerate(truth.labels.names)}
    frame["label"] = frame["label"].map(names)
    report = read_report(audit(frame, out=tmp_path / "run", settings=settings).run).table
    ours = read_result(finished.folder, task="own", seed=0, method=Method.OURS)
    assert ours is not None
    # A trunk's features are made of the pictures alone, but the principal components see the same rows in both.
    np.testing.assert_allclose(ours.p, report["p_mislabelled"].to_numpy(), atol=2e-3)
    np.testing.assert_allclose(ours.score, 1.0 - report["label_score"].to_numpy(), atol=2e-3)


def test_the_oracle_alone_sees_true_labels(
    voted: pd.DataFrame, settings: AuditSettings, finished: BenchResult, tmp_path: Path
) -> None:
    """With other truths under the same given labels every method but the oracle says what it said before."""
    votes = [name for name in voted if name.startswith("votes_")]
    turned = voted.assign(**dict(zip(votes, voted[[*votes[1:], votes[0]]].to_numpy().T, strict=True)))
    kinds = [Method.LOSS, Method.GMM, Method.KNN, Method.ORACLE]
    other = run_bench(
        turned, out=tmp_path / "b", tasks=["own"], methods=kinds, seeds=[0], limit=LIMIT, settings=settings
    )
    for method in kinds:
        before, after = (read_result(each.folder, task="own", seed=0, method=method) for each in (finished, other))
        assert np.array_equal(before.score, after.score) == (method is not Method.ORACLE), method


def test_what_is_written(finished: BenchResult) -> None:
    folder = finished.folder
    table = pd.read_csv(folder.table)
    assert len(table) == len(Method)
    assert set(table["task"]) == {"own"}
    stored = json.loads(folder.summary.read_text())
    assert stored["dataset"] == "drawn faces"
    page = folder.page.read_text()
    assert "chosen on the truth" in page
    assert "| ours |" in page
    for name in ("precision-recall", "found", "calibration"):
        assert f"figures/own-{name}.png" in page
        with Image.open(folder.figures / f"own-{name}.png") as picture:
            assert picture.width >= 900
            assert np.asarray(picture.convert("L")).std() > 5
        assert "ours" in (folder.figures / f"own-{name}.svg").read_text()
    assert not folder.checkpoint.exists()
    assert not list(folder.root.rglob("*.part"))


@pytest.mark.usefixtures("no_work")
def test_a_finished_bench_is_not_done_again(
    voted: pd.DataFrame, settings: AuditSettings, finished: BenchResult
) -> None:
    told: list[Stage] = []
    again = run_bench(
        voted,
        out=finished.folder.root,
        tasks=["own"],
        seeds=[0],
        limit=LIMIT,
        settings=settings,
        name="drawn faces",
        resume=True,
        progress=told.append,
    )
    assert again.summary == finished.summary
    assert [(stage.done, stage.total) for stage in told] == [(10, 10)]


def test_a_stopped_bench_goes_on_where_it_was(
    voted: pd.DataFrame, settings: AuditSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the third of its runs, it repeats that one and no other; results are those of one go."""
    methods = ["loss", "aum", "knn", "co-teaching", "asm-fixed"]
    plain, done = Stand.run, []

    def run(stand: Stand, course: Course):
        if course is Course.NEIGHBOURS and done.count(course) == 0:
            done.append(course)
            raise KeyboardInterrupt
        done.append(course)
        return plain(stand, course)

    monkeypatch.setattr(Stand, "run", run)

    def bench(out: str, *, resume: bool) -> BenchResult:
        return run_bench(
            voted,
            out=tmp_path / out,
            tasks=["flips"],
            methods=methods,
            seeds=[1],
            limit=60,
            settings=settings,
            resume=resume,
        )

    with pytest.raises(KeyboardInterrupt):
        bench("stopped", resume=False)
    stopped = bench("stopped", resume=True)
    single, taught, near = Course.SINGLE_PLAIN, Course.CO_TEACHING, Course.NEIGHBOURS
    assert done == [single, taught, near, near, Course.FIXED]
    whole = bench("whole", resume=False)
    for name in methods:
        before, after = (
            read_result(each.folder, task="flips-0.2", seed=1, method=Method(name)) for each in (stopped, whole)
        )
        np.testing.assert_array_equal(before.score, after.score)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"limit": 100}, "limit"),
        ({"test_share": 0.3}, "test_share"),
        ({"settings": {"asm": {"epochs": 5}}}, "settings.asm.epochs"),
        ({"data": slice(0, 139)}, "dataset, truth"),
    ],
)
def test_results_of_something_else_are_refused(changed, named, voted, settings, finished: BenchResult) -> None:
    told = {"limit": LIMIT, "test_share": 0.2, **changed}
    told["settings"] = with_values(settings, changed.get("settings", {}))
    data = voted.iloc[told.pop("data", slice(None))]
    with pytest.raises(RunFolderError, match="results of other") as caught:
        run_bench(data, out=finished.folder.root, tasks=["own"], seeds=[0], resume=True, **told)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert read_result(finished.folder, task="own", seed=0, method=Method.OURS) is not None


@pytest.mark.usefixtures("no_work")
def test_a_folder_that_is_there_is_refused(voted, settings, finished: BenchResult, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="--resume to go on or --force"):
        run_bench(voted, out=finished.folder.root, settings=settings, limit=LIMIT)
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(RunFolderError, match="not a bench"):
        run_bench(voted, out=tmp_path, settings=settings, limit=LIMIT, force=True)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_what_a_bench_leaves_that_was_killed_at_its_first_file_is_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / ".bench.json.77.part").write_bytes(b"{")
    with opened_bench(folder, fingerprint={"a": 1}, force=False, resume=False) as opened:
        assert opened.mark.is_file()
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / ".profile").touch()
    with (
        pytest.raises(RunFolderError, match="not empty and not a bench"),
        opened_bench(tmp_path / "c", fingerprint={}, force=True, resume=False),
    ):
        pass


def test_force_begins_anew(voted, settings, tmp_path: Path) -> None:
    told = {"out": tmp_path / "b", "tasks": ["confusions"], "methods": ["knn"], "settings": settings}
    first = run_bench(voted, seeds=[3], limit=60, **told)
    assert len(pd.read_csv(first.folder.table)) == 1
    second = run_bench(voted, seeds=[4], limit=70, force=True, **told)
    assert pd.read_csv(second.folder.table)["seed"].tolist() == [4]
    assert [each.name for each in (second.folder.results / "confusions-0.2").iterdir()] == ["seed-4"]


def test_a_damaged_result_is_said(voted, settings, tmp_path: Path) -> None:
    told = {"tasks": ["flips"], "methods": ["knn"], "seeds": [0], "limit": 140, "settings": settings}
    first = run_bench(voted, out=tmp_path / "b", **told)
    first.folder.path("flips-0.2", 0, Method.KNN).write_bytes(b"no parquet")
    with pytest.raises(RunFolderError, match="is damaged; remove it"):
        run_bench(voted, out=tmp_path / "b", resume=True, **told)


@pytest.mark.parametrize(
    ("told", "error", "match"),
    [
        ({"methods": ["magic"]}, SettingsError, "there is no method 'magic'; there are ours"),
        ({"tasks": ["blur"]}, SettingsError, "there is no task 'blur'"),
        ({"seeds": []}, SettingsError, "--seeds"),
        ({"test_share": 1.0}, SettingsError, "--test-share"),
        ({"settings": {"folds": 1}}, SettingsError, "--folds 2 or more"),
        ({"settings": {"verdict": {"min_class_size": 500}}}, SourceError, "raise --limit"),
    ],
)
def test_what_cannot_be_done_is_refused(told, error, match, voted, settings, tmp_path: Path) -> None:
    told = {"tasks": ["flips"], "methods": ["knn"], **told}
    told["settings"] = with_values(settings, told.get("settings", {}))
    with pytest.raises(error, match=match) as caught:
        run_bench(voted, out=tmp_path / "b", **told)
    assert "\n" not in str(caught.value)


def test_the_command(voted: pd.DataFrame, tmp_path: Path, cache: Path) -> None:
    data = tmp_path / "voted.parquet"
    voted.to_parquet(data)
    told = ["bench", str(data), "--out", str(tmp_path / "b"), "--limit", "60", "--method", "knn", "--method", "loss"]
    told += ["--task", "one-vote", "--task", "flips:0.3", "--seeds", "0-1", "--cache-dir", str(cache), "--epochs", "2"]
    told += ["--min-class-size", "2"]
    told += ["--backbone", "gradients", "--weights", "none", "--device", "cpu", "--folds", "2"]
    shown = CliRunner().invoke(app, told)
    assert shown.exit_code == 0, shown.output
    assert "one-vote: 48 labels" in shown.stdout
    assert "flips-0.3" in shown.stdout
    assert "2 seeds" in shown.stdout
    assert "chosen on the truth" in " ".join(shown.stdout.split())
    assert len(shown.stdout.splitlines()) < 24
    assert max(map(len, shown.stdout.splitlines())) <= 80
    refused = CliRunner().invoke(app, told)
    assert refused.exit_code == 2
    again = CliRunner().invoke(app, [*told, "--resume", "--json"])
    assert again.exit_code == 0, again.output
    (first, second) = json.loads(again.stdout)["tasks"]
    assert [row["method"] for row in first["methods"]].count("knn") == 1
    assert second["methods"][0]["seeds"] == [0, 1]
    for wrong in (["--seeds", "a"], ["--seeds", "3-"], ["--task", "nothing"]):
        said = CliRunner().invoke(app, [*told, "--resume", *wrong])
        assert said.exit_code == 2, wrong
        assert len(said.stderr.strip().splitlines()) == 1
