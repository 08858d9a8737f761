"""New faces through a real model: scored, then held against limits."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.faces import EXPRESSIONS, draw_dataset, write_dataset
from labelaudit.pipeline import audit
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings

SHARES = dict.fromkeys(EXPRESSIONS, 1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """The run of a short audit of drawn faces, nearly all of them right."""
    folder = tmp_path_factory.mktemp("model")
    write_dataset(
        draw_dataset(350, seed=3, wrong_share=0.03, ambiguous_share=0.0, class_shares=SHARES), folder / "faces"
    )
    settings = AuditSettings(
        folds=2,
        device="cpu",
        nets=NetSettings(backbone="gradients", weights="none"),
        asm=AsmSettings(epochs=12, warm_up=4, batch=32),
    )
    audit(folder / "faces", out=folder / "run", settings=settings)
    return folder / "run"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working directory."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def draw(folder: Path, *, wrong_share: float) -> None:
    faces = draw_dataset(84, seed=11, wrong_share=wrong_share, ambiguous_share=0.0, class_shares=SHARES)
    write_dataset(faces, folder / "data" / "new")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", *(str(each) for each in arguments)])


def test_a_clean_batch_passes_and_a_bad_one_fails_by_its_files(model, folder):
    draw(folder, wrong_share=0.0)
    clean = run("data/new", "--model", model)
    assert clean.exit_code == 0, clean.output
    assert "labelaudit check: passed 3 limits" in clean.stdout

    names = sorted(path.relative_to(folder) for path in (folder / "data" / "new" / "happy").iterdir())
    for name in names:
        (folder / name).rename(folder / "data" / "new" / "sad" / name.name)
    bad = run("data/new", "--model", model, "--json", "--out", folder / "kept")
    assert bad.exit_code == 1, bad.output
    said = json.loads(bad.stdout)
    moved = {f"data/new/sad/{name.name}" for name in names}
    failing = {each["file"] for each in said["findings"] if each["failing"]}
    assert len(moved & failing) >= 0.7 * len(moved)
    again = run(folder / "kept", "--model", model, "--quiet")  # the kept report gives the same answer
    assert (again.exit_code, again.output) == (1, "")


def test_broken_files_and_twins_fail_at_the_defaults(model, folder):
    draw(folder, wrong_share=0.0)
    face = next(iter(sorted((folder / "data" / "new" / "happy").iterdir())))
    shutil.copy(face, folder / "data" / "new" / "sad" / "twin.png")
    (folder / "data" / "new" / "sad" / "broken.png").write_bytes(b"no picture")
    result = run("data/new", "--model", model, "--quiet", "--json")
    said = json.loads(result.stdout)
    found = {(each["kind"], each["file"]) for each in said["findings"] if each["kind"] != "mislabelled"}
    assert result.exit_code == 1
    assert found == {
        ("unreadable", "data/new/sad/broken.png"),
        ("conflicts", "data/new/sad/twin.png"),
        ("conflicts", face.relative_to(folder).as_posix()),
    }


def test_the_model_may_stand_in_the_settings(model, folder):
    draw(folder, wrong_share=0.0)
    (folder / "labelaudit.toml").write_text(f"[check]\nmodel = {json.dumps(os.path.relpath(model, folder))}\n")
    assert run("data/new").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data/new"], "data/new is no finished run"),
        (["nowhere", "--model", "{model}"], "nowhere"),
        (["data/new", "--model", "data/new"], "data/new"),
        (["{model}", "--out", "kept", "--max-mislabelled", "1"], "--out keeps"),
    ],
)
def test_what_cannot_be_checked_is_one_line_and_2(model, folder, arguments, said):
    draw(folder, wrong_share=0.0)
    result = run(*(each.format(model=model) for each in arguments), "--quiet")
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr
