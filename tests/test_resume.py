from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from interrupted import SMALL_CHUNK
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.faces import draw_dataset, write_dataset
from labelaudit.pixels import chunks
from labelaudit.rundir import locked

RESULTS = ("report.parquet", "thresholds.parquet", "neighbours.parquet", "model.safetensors", "model.json")
HEADS = ("--backbone", "gradients", "--epochs", "4")
NETWORKS = ("--backbone", "resnet-small", "--size", "32", "--epochs", "2", "--warm-up", "1")
SHARED = ("--weights", "none", "--folds", "2", "--batch", "32", "--device", "cpu", "--workers", "2", "--json")

Undisturbed = Callable[[tuple[str, ...]], dict[str, bytes]]
Interrupted = Callable[[tuple[str, ...], str, str], tuple[int, str]]


@dataclass(frozen=True)
class Place:
    """A dataset and where its audits go.

    Attributes:
        faces: The dataset.
        root: Holds the run folder and the cache.
    """

    faces: Path
    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    def command(self, kind: tuple[str, ...]) -> list[str]:
        return ["audit", str(self.faces), "--out", str(self.run), "--cache-dir", str(self.root / "c"), *SHARED, *kind]

    def audit(self, kind: tuple[str, ...], *more: str) -> Result:
        """An audit in this process."""
        return CliRunner().invoke(app, [*self.command(kind), *more])

    def results(self) -> dict[str, bytes]:
        return {name: (self.run / name).read_bytes() for name in RESULTS}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume") / "faces"
    write_dataset(draw_dataset(130, seed=9, class_shares={"happy": 1.0, "sad": 1.0}), folder)
    return folder


@pytest.fixture
def place(faces: Path, tmp_path: Path) -> Place:
    return Place(faces, tmp_path)


@pytest.fixture(scope="module")
def undisturbed(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The results of a run that nothing interrupts, made once for each kind of training."""
    known: dict[tuple[str, ...], dict[str, bytes]] = {}

    def results(kind: tuple[str, ...]) -> dict[str, bytes]:
        if kind not in known:
            place = Place(faces, tmp_path_factory.mktemp("undisturbed"))
            assert place.audit(kind).exit_code == 0
            known[kind] = place.results()
        return known[kind]

    return results


@pytest.fixture(scope="module")
def stage() -> Iterator[subprocess.Popen[str]]:
    helper = Path(__file__).with_name("interrupted.py")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-W", "ignore", helper], stdin=pipe, stdout=pipe, text=True) as process:
        yield process


@pytest.fixture
def interrupted(stage: subprocess.Popen[str], place: Place, monkeypatch: pytest.MonkeyPatch) -> Interrupted:
    """Runs an audit in a process of its own that gets a signal at a moment; gives its exit code and stderr."""
    monkeypatch.setattr(chunks, "_MAX_CHUNK_ROWS", SMALL_CHUNK)  # for the audit that goes on, in this process

    def run(kind: tuple[str, ...], how: str, moment: str) -> tuple[int, str]:
        said = place.root / "stderr"
        assert stage.stdin is not None
        assert stage.stdout is not None
        stage.stdin.write(json.dumps([how, moment, str(said), *place.command(kind)]) + "\n")
        stage.stdin.flush()
        code = int(stage.stdout.readline())
        return code, said.read_text(encoding="utf-8")

    return run


@pytest.mark.parametrize(
    ("moment", "kind", "left"),
    [
        ("before:000003.parquet:1", HEADS, set()),  # pixels of a chunk are written, nothing vouches for them
        ("after:index.parquet:1", HEADS, set()),  # the pixel cache is whole, nothing says so
        ("before:meta.json:2", HEADS, set()),  # the same of the features
        ("step::5", NETWORKS, {"checkpoint"}),  # in the middle of the second epoch
        ("before:fold-2.safetensors:4", HEADS, {"checkpoint"}),  # the last epoch is done, not saved
        ("before:report.parquet:1", HEADS, {"checkpoint", "model.safetensors", "model.json"}),
        ("before:summary.json:1", HEADS, {"checkpoint", *RESULTS}),
    ],
)
def test_a_killed_audit_goes_on_as_if_nothing_had_been(
    moment: str,
    kind: tuple[str, ...],
    left: set[str],
    place: Place,
    interrupted: Interrupted,
    undisturbed: Undisturbed,
) -> None:
    code, said = interrupted(kind, "SIGKILL", moment)
    assert code == -signal.SIGKILL, said
    assert {path.name for path in place.run.iterdir() if path.name[0] != "."} == {"run.json", "dataset.json", *left}
    refused = place.audit(kind)
    assert (refused.exit_code, "--resume" in refused.stderr) == (2, True)

    resumed = place.audit(kind, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert place.results() == undisturbed(kind)
    assert {path.name for path in place.run.iterdir()} == {
        ".lock",
        "run.json",
        "dataset.json",
        "summary.json",
        *RESULTS,
    }
    half_built = moment.split(":")[1] in ("000003.parquet", "index.parquet")
    assert ("an interrupted build of the pixel cache went on" in resumed.stdout) == half_built


def test_killed_from_outside_at_whatever_moment_it_is(place: Place, undisturbed: Undisturbed) -> None:
    arguments = [sys.executable, "-m", "labelaudit", *place.command(NETWORKS), "--quiet"]
    running = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    while running.poll() is None and not (place.run / "checkpoint" / "fold-1.safetensors").exists():
        time.sleep(0.001)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    assert place.audit(NETWORKS, "--resume").exit_code == 0
    assert place.results() == undisturbed(NETWORKS)


@pytest.mark.parametrize(("how", "code", "word"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")])
def test_who_is_asked_to_end_says_how_to_go_on(
    how: str, code: int, word: str, place: Place, interrupted: Interrupted, undisturbed: Undisturbed
) -> None:
    ended, said = interrupted(HEADS, how, "after:fold-1.safetensors:2")
    assert ended == code, said
    last = said.rstrip("\n").rsplit("\n", 1)[-1]
    assert last.startswith(f"labelaudit: {word}; go on with: labelaudit audit ")
    assert last.endswith(" --resume")
    assert "Traceback" not in said
    assert {path.name for path in (place.run / "checkpoint").iterdir()} == {"fold-1.safetensors"}
    assert place.audit(HEADS, "--resume").exit_code == 0
    assert place.results() == undisturbed(HEADS)


def test_ctrl_c_before_there_is_anything_to_keep(place: Place, interrupted: Interrupted) -> None:
    code, said = interrupted(HEADS, "SIGINT", "after:000002.parquet:1")
    assert (code, place.run.exists(), "Traceback" in said) == (130, False, False)


@pytest.mark.parametrize("more", [(), ("--resume",), ("--force",)])
def test_two_runs_on_one_folder(place: Place, more: tuple[str, ...]) -> None:
    with locked(place.run):
        second = place.audit(HEADS, *more)
    assert second.exit_code == 2
    assert second.stderr.count("\n") == 1
    assert "is in use by another labelaudit" in second.stderr
