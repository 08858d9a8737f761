from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.faces import draw_dataset, write_dataset
from labelaudit.pipeline import audit
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "120"})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds ``run``, the audit of 60 faces; ``new``, 40 others; and ``cache``."""
    root = tmp_path_factory.mktemp("world")
    drawn = draw_dataset(100, seed=5, class_shares={"happy": 1.0, "sad": 1.0})
    settings = AuditSettings(
        folds=2,
        device="cpu",
        nets=NetSettings(backbone="gradients", weights="none"),
        asm=AsmSettings(epochs=4, warm_up=2, batch=32),
        cache_dir=root / "cache",
    )
    audit((list(drawn.images[:60]), drawn.given[:60]), out=root / "run", settings=settings, name="sixty faces")
    for row in range(60, 100):
        folder = root / "new" / drawn.given[row]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn.images[row]).save(folder / f"{row}.png")
    return root


def _score(world: Path, out: Path, *more: object) -> Result:
    return run("score", world / "new", "--model", world / "run", "--out", out, "--cache-dir", world / "cache", *more)


def test_the_screen_says_what_was_found_and_whether_it_can_be_trusted(world: Path, tmp_path: Path):
    result = _score(world, tmp_path / "scored")
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert "new · 40 faces, " in said
    assert "Drift: the pictures look like the training data" in said
    assert f"labelaudit review {tmp_path / 'scored'}" in said.replace("- ", "-")
    assert "scores" in result.stderr
    assert {path.name for path in (tmp_path / "scored").iterdir()} == {
        ".lock",
        "run.json",
        "dataset.json",
        "report.parquet",
        "summary.json",
    }


def test_json_is_the_summary_and_nothing_else(world: Path, tmp_path: Path):
    result = _score(world, tmp_path / "scored", "--json", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    value = json.loads(result.stdout)
    assert value == json.loads((tmp_path / "scored" / "summary.json").read_text(encoding="utf-8"))
    assert value["scored"]["model_dataset"] == "sixty faces"
    assert set(value["scored"]["drift"]) >= {"p", "found", "strength", "sentence"}


def test_another_kind_of_picture_is_said(world: Path, tmp_path: Path):
    write_dataset(draw_dataset(40, seed=9, class_shares={"happy": 1.0, "sad": 1.0}), tmp_path / "dark")
    for path in (tmp_path / "dark").rglob("*.png"):
        with Image.open(path) as face:
            negative = face.convert("L").point(lambda grey: 255 - grey)
        negative.save(path)
    out = tmp_path / "scored"
    result = run("score", tmp_path / "dark", "--model", world / "run", "--out", out, "--cache-dir", world / "cache")
    assert result.exit_code == 0, result.stderr
    assert "Drift: the pictures look unlike the training data" in " ".join(result.stdout.split())


def test_a_model_that_is_none_is_one_line_and_2(world: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    shutil.copytree(world / "run", broken)
    (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:-4])
    for model, said in ((tmp_path / "empty", "holds no model"), (broken, "cut short")):
        result = run("score", world / "new", "--model", model, "--out", tmp_path / "scored")
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
        assert said in result.stderr
        assert "--debug" not in result.stderr  # nothing unexpected
    assert not (tmp_path / "scored").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tmp}/nowhere", "--model", "{world}/run", "--out", "{tmp}/out"], "nowhere"),
        (["{world}/new", "--model", "{world}/run", "--out", "{world}/run"], "own run"),
        (["{world}/new", "--model", "{world}/run", "--out", "{tmp}/out", "--device", "abacus"], "abacus"),
        (["{world}/new", "--out", "{tmp}/out"], "--model"),
    ],
)
def test_what_cannot_be_done_is_said_and_2(world: Path, tmp_path: Path, arguments: list[str], said: str):
    result = run("score", *[each.format(tmp=tmp_path, world=world) for each in arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_audit_is_not_replaced_by_what_its_model_says(world: Path):
    before = (world / "run" / "report.parquet").read_bytes()
    assert _score(world, world / "run").exit_code == 2
    forced = _score(world, world / "run", "--force")
    assert forced.exit_code == 2
    assert "is the model's own run" in forced.stderr
    assert (world / "run" / "report.parquet").read_bytes() == before
