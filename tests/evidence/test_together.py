"""One audit by two processes is the audit by one: to the last bit, or up to the order of sums."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from labelaudit.asm.ranks import Ranks
from labelaudit.cli.app import app
from labelaudit.evidence.together import sharing_note
from labelaudit.faces import draw_dataset, write_dataset

RESULTS = ("report.parquet", "thresholds.parquet", "neighbours.parquet", "model.safetensors", "model.json")
SHARED = ("--weights", "none", "--backbone", "gradients", "--epochs", "4", "--batch", "32", "--device", "cpu", "--json")
TWO_FOLDS, ONE_FOLD = ("--folds", "2"), ("--folds", "1")

Kill = tuple[int, int]
Start = Callable[..., tuple[list[int], list[str]]]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together") / "faces"
    write_dataset(draw_dataset(130, seed=9, class_shares={"happy": 1.0, "sad": 1.0}), folder)
    return folder


def _command(faces: Path, out: Path, more: Sequence[str]) -> list[str]:
    return ["audit", str(faces), "--out", str(out), "--cache-dir", str(out.parent / "cache"), *SHARED, *more]


@pytest.fixture(scope="module")
def alone(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str]], Path]:
    """The run of one process, made once for each way to deal folds."""
    known: dict[tuple[str, ...], Path] = {}

    def run(more: Sequence[str]) -> Path:
        if tuple(more) not in known:
            out = tmp_path_factory.mktemp("alone") / "run"
            result = CliRunner().invoke(app, _command(faces, out, more))
            assert result.exit_code == 0, result.stderr
            known[tuple(more)] = out
        return known[tuple(more)]

    return run


@pytest.fixture(scope="module")
def stage() -> Iterator[subprocess.Popen[str]]:
    helper = Path(__file__).with_name("ranks_stage.py")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-W", "ignore", helper], stdin=pipe, stdout=pipe, text=True) as process:
        yield process


@pytest.fixture
def start(stage: subprocess.Popen[str], tmp_path: Path) -> Start:
    """Starts a command line by process; gives exit codes, and what each process printed."""

    def run(*commands: list[str], kills: Sequence[Kill] = ()) -> tuple[list[int], list[str]]:
        assert stage.stdin is not None
        assert stage.stdout is not None
        stage.stdin.write(json.dumps([commands, str(tmp_path / "said"), kills]) + "\n")
        stage.stdin.flush()
        codes = json.loads(stage.stdout.readline())
        return codes, [(tmp_path / f"said.{rank}").read_text(encoding="utf-8") for rank in range(len(commands))]

    return run


def _same_bytes(one: Path, other: Path) -> list[str]:
    return [name for name in RESULTS if (one / name).read_bytes() == (other / name).read_bytes()]


def test_a_fold_a_process_gives_what_one_process_gives(
    faces: Path, alone: Callable[[Sequence[str]], Path], start: Start, tmp_path: Path
) -> None:
    """To the last bit; the first process alone prints, and a third one, which no fold is left for, helps and ends."""
    command = _command(faces, tmp_path / "run", TWO_FOLDS)
    codes, said = start(command, command, command)
    assert codes == [0, 0, 0], said
    assert _same_bytes(tmp_path / "run", alone(TWO_FOLDS)) == list(RESULTS)
    assert '"rows": 130' in said[0]
    assert said[1:] == ["", ""]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert sharing_note(Ranks(size=3), 2) in summary["assumed"]
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_a_team_on_one_fold_gives_the_same_up_to_the_order_of_sums(
    faces: Path, alone: Callable[[Sequence[str]], Path], start: Start, tmp_path: Path
) -> None:
    """A killed process ends the other with a word on why; the same number goes on exactly, another one as well."""
    command = _command(faces, tmp_path / "run", ONE_FOLD)
    codes, said = start(command, command)
    assert codes == [0, 0], said
    _assert_alike(tmp_path / "run", alone(ONE_FOLD))

    again = _command(faces, tmp_path / "again", ONE_FOLD)
    codes, said = start(again, again, kills=[(1, 12)])
    assert (codes[0], codes[1]) == (2, -signal.SIGKILL)
    last = said[0].rstrip("\n").rsplit("\n", 1)[-1]
    assert "connection to another process is lost; go on with --resume" in last
    assert "Traceback" not in said[0]
    codes, said = start([*again, "--resume"], [*again, "--resume"])
    assert codes == [0, 0], said
    assert _same_bytes(tmp_path / "again", tmp_path / "run") == list(RESULTS)


def test_where_the_first_process_is_killed_no_other_stays(faces: Path, start: Start, tmp_path: Path) -> None:
    command = _command(faces, tmp_path / "run", TWO_FOLDS)
    codes, said = start(command, command, kills=[(0, 7)])
    assert (codes[0], codes[1]) == (-signal.SIGKILL, 2)
    assert _own_words(said[1]) == []  # the first one is who prints
    codes, said = start([*command, "--resume"])  # one process goes on where two were
    assert codes == [0], said


def test_processes_of_different_commands_are_refused(faces: Path, start: Start, tmp_path: Path) -> None:
    command = _command(faces, tmp_path / "run", TWO_FOLDS)
    codes, said = start(command, [*command, "--seed", "1"])
    assert codes == [2, 2]
    assert _own_words(said[0]) == [
        "labelaudit: process 2 of 2: it was started with other settings.seed; start all processes with one command"
    ]
    assert _own_words(said[1]) == []
    assert not (tmp_path / "run").exists()
    codes, said = start(*[_command(faces / "nowhere", tmp_path / "run", TWO_FOLDS)] * 2)
    assert codes == [2, 2]
    assert len(_own_words(said[0])) == 1  # what all know is said once
    assert _own_words(said[1]) == []


def test_batch_statistics_of_a_team_are_those_of_one_process(start: Start) -> None:
    """Gradients go back through them, too: weights, running statistics, thresholds and answers are the same."""
    codes, said = start(["statistics"], ["statistics"])
    assert codes == [0, 0], said
    found = json.loads(said[0])
    assert found["tensors"] > 100
    assert found["apart"] < 2e-3  # Adam's first steps are as large for the smallest gradient, so rounding shows


@pytest.mark.parametrize(
    ("size", "folds", "said"),
    [
        (1, 5, None),
        (2, 5, "2 processes computed features; each of 2 trained whole folds"),
        (8, 5, "8 processes computed features; each of 5 trained whole folds; 3 had none to train"),
        (4, 1, "4 processes computed features; 4 trained each fold together"),
        (5, 2, "5 processes computed features; 2 trained each fold together; 1 had none to train"),
    ],
)
def test_how_folds_are_shared_is_said(size: int, folds: int, said: str | None) -> None:
    assert sharing_note(Ranks(size=size), folds) == said


def _own_words(said: str) -> list[str]:
    """Lines of ours: torch itself may have something to say of a connection that is lost."""
    return [line for line in said.splitlines() if line.startswith("labelaudit")]


def _assert_alike(one: Path, other: Path) -> None:
    """Reports of equal verdicts, and thresholds and posteriors that differ in their last digits at most."""
    mine, theirs = (pq.read_table(each / "report.parquet") for each in (one, other))
    for name in ("verdict", "reason", "queue_rank", "suggested_label"):
        assert mine[name].to_pylist() == theirs[name].to_pylist(), name
    for name in ("confidence", "p_mislabelled", "clean_threshold", "noisy_threshold"):
        np.testing.assert_allclose(mine[name].to_numpy(), theirs[name].to_numpy(), atol=1e-5, err_msg=name)
    mine, theirs = (pq.read_table(each / "thresholds.parquet") for each in (one, other))
    for name in mine.column_names:
        if mine[name].type in ("float", "double"):
            np.testing.assert_allclose(mine[name].to_numpy(), theirs[name].to_numpy(), atol=1e-6, err_msg=name)
        else:
            assert mine[name].to_pylist() == theirs[name].to_pylist(), name
