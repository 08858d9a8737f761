from __future__ import annotations

import json
import urllib.error
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from labelaudit.errors import LabelAuditError, SettingsError, WeightsError
from labelaudit.evidence.plan import Plan, make_plan
from labelaudit.nets import face
from labelaudit.nets.registry import build_net
from labelaudit.settings import AsmSettings, AuditSettings, Effort, Targets, ThresholdRule, Training, with_values


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(face.urllib.request, "urlopen", refuse)


@pytest.fixture
def face_file(tmp_path: Path) -> Path:
    """A file of weights that fits MobileFaceNet, in a folder whose name must stay at home."""
    path = tmp_path / "at home" / "our_faces.safetensors"
    path.parent.mkdir()
    save_file(build_net("mobilefacenet", num_classes=2).trunk.state_dict(), str(path))
    return path


def _plan(tmp_path: Path, *, rows: int = 8_000, **values: object) -> Plan:
    settings = with_values(AuditSettings(device="cpu"), values)
    return make_plan(settings, rows=rows, cache_dir=tmp_path / "cache")


def _undecided(settings: object, where: str = "") -> list[str]:
    """Names of what is still None, but for what does not belong to a plan."""
    found = []
    for item in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, item.name)
        if is_dataclass(value):
            found += _undecided(value, f"{item.name}.")
        elif value is None:
            found.append(where + item.name)
    return found


def test_with_weights_a_cpu_trains_heads_on_a_frozen_trunk(tmp_path: Path, face_file: Path):
    plan = _plan(tmp_path, nets={"weights": str(face_file)})
    settings = plan.settings
    assert (settings.effort, settings.training, settings.folds) == (Effort.QUICK, Training.FROZEN, 5)
    assert (settings.nets.backbone, settings.nets.size) == ("mobilefacenet", 112)
    assert (settings.asm.epochs, settings.asm.warm_up) == (20, 6)
    assert (settings.asm.batch, settings.asm.learning_rate) == (128, 1e-3)
    assert settings.asm.targets is Targets.ANCHORED
    assert settings.verdict.rule is ThresholdRule.CALIBRATED
    assert plan.weights is not None
    assert plan.device == torch.device("cpu")
    assert set(_undecided(settings)) == {"workers", "cache_dir"}


def test_a_path_never_leaves_its_machine(tmp_path: Path, face_file: Path):
    plan = _plan(tmp_path, nets={"weights": str(face_file)}, cache_dir=str(tmp_path / "cache"))
    kept = json.dumps([plan.settings.to_json(), plan.assumed])
    assert "our_faces.safetensors" in kept
    assert "at home" not in kept
    assert str(tmp_path) not in kept
    assert plan.weights is not None
    assert plan.weights.name == "our_faces.safetensors"


def test_more_effort_trains_the_whole_network(tmp_path: Path, face_file: Path):
    plan = _plan(tmp_path, effort="standard", nets={"weights": str(face_file)})
    assert plan.settings.training is Training.FINE_TUNE
    assert plan.settings.nets.size == 96
    assert (plan.settings.asm.epochs, plan.settings.asm.warm_up, plan.settings.asm.batch) == (8, 3, 64)
    assert plan.settings.nets.frozen_blocks == 5
    assert "the first 5 blocks stay as they came (frozen_blocks)" in plan.assumed
    thorough = _plan(tmp_path, effort="thorough", nets={"weights": str(face_file)})
    assert (thorough.settings.folds, thorough.settings.asm.epochs) == (10, 12)
    assert thorough.settings.nets.frozen_blocks == 0
    told = _plan(tmp_path, effort="standard", nets={"weights": str(face_file), "frozen_blocks": 9})
    assert told.settings.nets.frozen_blocks == 9


def test_frozen_blocks_are_refused_where_there_are_none(tmp_path: Path, face_file: Path):
    with pytest.raises(SettingsError, match="frozen_blocks is for a pretrained mobilefacenet"):
        _plan(tmp_path, nets={"weights": "none", "frozen_blocks": 5})
    with pytest.raises(SettingsError, match=r"not for mobilefacenet \(frozen\)"):
        _plan(tmp_path, nets={"weights": str(face_file), "frozen_blocks": 5})


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_without_weights_a_small_network_starts_anew_and_says_what_that_costs(tmp_path: Path, choice: str):
    plan = _plan(tmp_path, nets={"weights": choice})
    settings = plan.settings
    assert plan.weights is None
    assert (settings.nets.backbone, settings.nets.size) == ("resnet-small", 48)
    assert (settings.training, settings.folds) == (Training.FINE_TUNE, 3)
    assert (settings.asm.epochs, settings.asm.warm_up) == (16, 6)
    (said,) = [sentence for sentence in plan.assumed if sentence.startswith(f"weights={choice}: ")]
    assert "random weights" in said
    assert ("no route to host" in said) is (choice == "auto")


def test_asking_for_face_weights_that_cannot_be_had_is_an_error(tmp_path: Path):
    with pytest.raises(WeightsError, match="no route to host"):
        _plan(tmp_path, nets={"weights": "face"})


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_gradients_need_no_weights(tmp_path: Path, choice: str):
    plan = _plan(tmp_path, nets={"backbone": "gradients", "weights": choice})
    assert (plan.settings.training, plan.settings.nets.size) == (Training.FROZEN, 48)
    assert plan.weights is None
    assert not any("random weights" in sentence or "--weights" in sentence for sentence in plan.assumed)


def test_what_is_assumed_is_what_was_not_told(tmp_path: Path, face_file: Path):
    words = ("effort", "training", "folds", "px", "backbone", "epochs")
    open_plan = _plan(tmp_path, nets={"weights": str(face_file)})
    for word in words:
        assert any(word in sentence for sentence in open_plan.assumed), word
    told = _plan(
        tmp_path,
        effort="quick",
        training="frozen",
        folds=4,
        nets={"weights": str(face_file), "backbone": "mobilefacenet", "size": 64},
        asm={"epochs": 7, "warm_up": 2, "batch": 32, "learning_rate": 0.01, "targets": "literal"},
    )
    assert len(told.assumed) == 1  # where the weights come from
    assert told.settings.asm == AsmSettings(epochs=7, warm_up=2, batch=32, learning_rate=0.01, targets=Targets.LITERAL)
    assert (told.settings.folds, told.settings.nets.size) == (4, 64)


def test_small_sets_are_seen_more_often(tmp_path: Path, face_file: Path):
    def epochs(rows: int) -> tuple[int | None, int | None, int | None]:
        asm = _plan(tmp_path, rows=rows, nets={"weights": str(face_file)}).settings.asm
        return asm.epochs, asm.warm_up, asm.batch

    # four of five folds are trained on: 320 rows, batches of 20, 16 steps an epoch and so 320 of the least 400 steps
    assert epochs(400) == (25, round(25 * 6 / 20), 20)
    # 24 rows: batches of at least 16, one step an epoch, and never more than four times the epochs
    assert epochs(30) == (80, 24, 16)


def test_a_single_run_says_that_it_cannot_be_relied_on(tmp_path: Path, face_file: Path):
    plan = _plan(tmp_path, folds=1, nets={"weights": str(face_file)})
    assert plan.settings.verdict.rule is ThresholdRule.ASM
    assert any("--folds 5" in sentence for sentence in plan.assumed)


def test_one_epoch_is_all_warm_up_and_says_so(tmp_path: Path, face_file: Path):
    plan = _plan(tmp_path, asm={"epochs": 1}, nets={"weights": str(face_file)})
    assert plan.settings.asm.warm_up == 1
    assert any("nothing is mined" in sentence for sentence in plan.assumed)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"training": "frozen", "nets": {"weights": "none"}}, "needs pretrained weights"),
        ({"training": "fine-tune", "nets": {"backbone": "gradients", "weights": "none"}}, "nothing to train"),
        ({"nets": {"backbone": "gradients", "weights": "FACE_FILE"}}, "takes no weights"),
        ({"nets": {"backbone": "gradients", "weights": "face"}}, "takes no weights"),
        ({"nets": {"backbone": "resnet-tiny", "weights": "none"}}, "resnet-tiny"),
        ({"nets": {"weights": "OTHER_FILE"}}, "name its --backbone"),
        ({"asm": {"epochs": 5, "warm_up": 6}, "nets": {"weights": "none"}}, "warm-up"),
        ({"asm": {"warm_up": 100}, "nets": {"weights": "none"}}, "warm-up"),
        ({"folds": 1, "verdict": {"rule": "calibrated"}, "nets": {"weights": "none"}}, "--folds"),
    ],
)
def test_contradictions_are_refused_in_one_line(tmp_path: Path, face_file: Path, values: dict[str, object], words: str):
    other = tmp_path / "other.safetensors"
    save_file({"layer": torch.zeros(3)}, str(other))
    nets = values.get("nets", {})
    assert isinstance(nets, dict)
    files = {"FACE_FILE": str(face_file), "OTHER_FILE": str(other)}
    nets = {name: files.get(value, value) for name, value in nets.items()}
    with pytest.raises(LabelAuditError) as caught:
        _plan(tmp_path, **{**values, "nets": nets})
    assert isinstance(caught.value, SettingsError)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
