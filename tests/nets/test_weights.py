from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from labelaudit.errors import WeightsError
from labelaudit.nets import face, weights
from labelaudit.nets.interface import Net
from labelaudit.nets.mobilefacenet import MobileFaceNet
from labelaudit.nets.registry import build_net
from labelaudit.nets.weights import Weights, backbone_of, load_weights, resolve_weights


def _net() -> Net:
    return build_net("resnet-small", num_classes=3, size=32)


def _state(seed: int = 5) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return build_net("resnet-small", num_classes=3, size=32).trunk.state_dict()


def _weights(tensors: dict[str, Tensor]) -> Weights:
    return Weights(name="file.pt", sha256="00", tensors=tensors)


@pytest.mark.parametrize("prefix", ["", "module.", "module.model.", "backbone.", "trunk."])
def test_all_tensors_are_loaded_whatever_wrapped_them(prefix: str):
    net = _net()
    head = net.head[1].weight.clone()
    state = _state()
    report = load_weights(net, _weights({prefix + name: value for name, value in state.items()}))
    assert set(report.loaded) == set(state)
    assert (report.missing, report.unexpected, report.mismatched) == ((), (), ())
    loaded = net.trunk.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())
    assert torch.equal(net.head[1].weight, head)


def test_what_does_not_fit_is_listed_and_left_as_it_was():
    net = _net()
    before = {name: value.clone() for name, value in net.trunk.state_dict().items()}
    state = _state()
    state["stem.0.weight"] = torch.ones(32, 3, 7, 7)
    del state["stem.1.weight"]
    state["fc.weight"] = torch.ones(1000, 256)
    report = load_weights(net, _weights(state))
    assert report.mismatched == ("stem.0.weight: (32, 3, 7, 7) instead of (32, 3, 3, 3)",)
    assert report.missing == ("stem.1.weight",)
    assert report.unexpected == ("fc.weight",)
    assert report.note.endswith(
        "1 missing (stem.1.weight), 1 of another shape (stem.0.weight: (32, 3, 7, 7) instead of (32, 3, 3, 3)), "
        "1 unused (fc.weight)"
    )
    after = net.trunk.state_dict()
    assert torch.equal(after["stem.0.weight"], before["stem.0.weight"])
    assert torch.equal(after["stem.1.bias"], state["stem.1.bias"])


def test_half_precision_weights_are_loaded_as_float32():
    net, state = _net(), _state()
    halved = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    load_weights(net, _weights(halved))
    loaded = net.trunk.state_dict()["stem.0.weight"]
    assert loaded.dtype == torch.float32
    torch.testing.assert_close(loaded, state["stem.0.weight"], atol=1e-3, rtol=1e-3)


def test_weights_of_another_network_are_refused():
    with pytest.raises(WeightsError, match=r"weights file\.pt fit 0 of \d+ tensors of resnet-small"):
        load_weights(_net(), _weights(MobileFaceNet().state_dict()))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_before_any_is_loaded(value: float):
    net, state = _net(), _state()
    before = net.trunk.state_dict()["stem.0.weight"].clone()
    state["stages.3.0.first.0.weight"][0, 0, 0, 0] = value
    with pytest.raises(WeightsError, match=r"no numbers in stages\.3\.0\.first\.0\.weight"):
        load_weights(net, _weights(state))
    assert torch.equal(net.trunk.state_dict()["stem.0.weight"], before)


def test_a_file_is_known_by_its_name_and_hash_alone(tmp_path: Path):
    path = tmp_path / "mine.safetensors"
    safetensors.torch.save_file(_state(), path)
    found, note = resolve_weights(str(path), "resnet-small", cache_dir=tmp_path)
    assert found is not None
    assert found.name == "mine.safetensors"
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert note == "resnet-small starts from mine.safetensors"
    assert str(tmp_path) not in note
    assert load_weights(_net(), found).missing == ()


def test_a_file_that_is_not_there_is_met_with_the_words_that_may_be_meant(tmp_path: Path):
    with pytest.raises(WeightsError, match=r"there is no weights file imagnet; .*auto, face, imagenet, none"):
        resolve_weights("imagnet", "resnet18", cache_dir=tmp_path)


def test_no_weights_say_what_that_costs(tmp_path: Path):
    found, note = resolve_weights("none", "resnet18", cache_dir=tmp_path)
    assert found is None
    assert "71 to 76 %" in note and "88 to 89 %" in note


@pytest.fixture
def face_file(tmp_path: Path, monkeypatch) -> Path:
    """A stand-in for the public face weights, with its own hash."""
    path = tmp_path / "weights" / face.DOWNLOADED.name
    path.parent.mkdir()
    torch.manual_seed(0)
    torch.save({"module." + name: value for name, value in MobileFaceNet().state_dict().items()}, path)
    pinned = face.PinnedFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(face, "DOWNLOADED", pinned)
    return path


@pytest.mark.parametrize("choice", ["face", "auto"])
def test_face_weights_come_from_the_cache(choice: str, face_file: Path, tmp_path: Path):
    found, note = resolve_weights(choice, "mobilefacenet", cache_dir=tmp_path)
    assert found is not None and found.name == "face"
    assert "public face weights" in note
    assert load_weights(build_net("mobilefacenet", num_classes=2, size=48), found).missing == ()


def test_face_weights_fit_one_network_only(face_file: Path, tmp_path: Path):
    with pytest.raises(WeightsError, match="fit mobilefacenet, not resnet18; use --backbone mobilefacenet"):
        resolve_weights("face", "resnet18", cache_dir=tmp_path)
    found, note = resolve_weights("auto", "resnet18", cache_dir=tmp_path)
    assert found is None
    assert "random weights" in note and "--backbone mobilefacenet" in note


def test_auto_without_a_network_goes_on_and_says_why_and_at_what_cost(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(face, "SOURCE", (tmp_path / "gone.pt").as_uri())
    found, note = resolve_weights("auto", "mobilefacenet", cache_dir=tmp_path)
    assert found is None
    assert note.startswith("the face weights cannot be downloaded")
    assert "71 to 76 %" in note
    with pytest.raises(WeightsError, match="cannot be downloaded"):
        resolve_weights("face", "mobilefacenet", cache_dir=tmp_path)


class _Entry:
    """Stands in for torchvision's entry of a network's ImageNet weights."""

    url = "https://example.org/models/small-12345678.pth"

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def get_state_dict(self, *, progress: bool, check_hash: bool, model_dir: str, weights_only: bool) -> None:
        assert check_hash and weights_only and not progress
        if self.error is not None:
            raise self.error
        Path(model_dir).mkdir(parents=True, exist_ok=True)
        torch.save({"fc.weight": torch.ones(1)}, Path(model_dir) / "small-12345678.pth")


def _publish(monkeypatch, error: Exception | None = None) -> None:
    listing = type("Listing", (), {"DEFAULT": _Entry(error)})
    monkeypatch.setattr(weights.models, "get_model_weights", lambda _: listing)


def test_imagenet_weights_come_through_torchvision(tmp_path: Path, monkeypatch):
    _publish(monkeypatch)
    found, note = resolve_weights("imagenet", "resnet18", cache_dir=tmp_path)
    assert found is not None and found.name == "imagenet"
    assert list(found.tensors) == ["fc.weight"]
    assert "ImageNet" in note


def test_imagenet_weights_that_cannot_be_had_are_said_in_one_line(tmp_path: Path, monkeypatch):
    _publish(monkeypatch, OSError("name resolution failed"))
    with pytest.raises(WeightsError, match=r"download https://example.org/models/small-12345678.pth to .*weights"):
        resolve_weights("imagenet", "resnet18", cache_dir=tmp_path)
    with pytest.raises(WeightsError, match="no ImageNet weights for mobilefacenet"):
        resolve_weights("imagenet", "mobilefacenet", cache_dir=tmp_path)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("auto", "mobilefacenet"), ("face", "mobilefacenet"), ("imagenet", "resnet18"), ("none", None)],
)
def test_a_word_calls_for_a_network(choice: str, expected: str | None):
    assert backbone_of(choice) == expected


@pytest.mark.parametrize("name", ["mobilefacenet", "resnet-small", "resnet18"])
def test_a_file_calls_for_the_network_that_it_fits(name: str, tmp_path: Path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(build_net(name, num_classes=2).trunk.state_dict(), path)
    assert backbone_of(str(path)) == name


def test_a_file_of_a_stranger_leaves_the_network_open(tmp_path: Path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"other.weight": torch.ones(3)}, path)
    assert backbone_of(str(path)) is None
