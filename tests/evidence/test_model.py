from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import cast

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from labelaudit.asm.peers import Head, Peers
from labelaudit.evidence.features import HeadFeatures
from labelaudit.evidence.gather import Gathered
from labelaudit.evidence.model import save_model
from labelaudit.nets.interface import Net
from labelaudit.nets.registry import build_net
from labelaudit.records import Evidence
from labelaudit.rundir import RunDir

FACTS = {"classes": ["happy", "sad"], "backbone": "resnet-small", "clean_threshold": [0.5, None]}


def _gathered(peers: Peers, trunk: Net | None = None, head_features: HeadFeatures | None = None) -> Gathered:
    return Gathered(cast(Evidence, None), peers, trunk, head_features, size=16, notes=())


@pytest.fixture
def heads() -> Gathered:
    trunk = build_net("resnet-small", num_classes=2, size=16)
    moments = HeadFeatures(torch.rand(8), torch.rand(8), torch.rand(4, 8).T, torch.rand(4))  # a basis that is a view
    return _gathered(Peers(Head(4, 2), Head(4, 2)).eval(), trunk, moments)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


def _states(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def test_heads_are_left_with_their_trunk_and_what_feeds_them(run: RunDir, heads: Gathered):
    save_model(run, heads, FACTS)
    tensors = load_file(run.model_weights)
    assert {name.partition(".")[0] for name in tensors} == {"peers", "trunk", "head_features"}
    peers = Peers(Head(4, 2), Head(4, 2)).eval()
    peers.load_state_dict(_states(tensors, "peers."))
    view = torch.randn(3, 4)
    assert all(torch.equal(*pair) for pair in zip(peers(view), heads.peers(view), strict=True))
    assert heads.trunk is not None
    trunk = build_net("resnet-small", num_classes=7, size=16).trunk
    trunk.load_state_dict(_states(tensors, "trunk."))
    picture = torch.randn(1, 3, 16, 16)
    assert torch.equal(trunk.eval()(picture), heads.trunk.trunk.eval()(picture))
    found = HeadFeatures(**_states(tensors, "head_features."))
    assert heads.head_features is not None
    assert all(torch.equal(getattr(found, name), value) for name, value in vars(heads.head_features).items())


def test_whole_networks_are_left_alone(run: RunDir):
    nets = [nn.Conv2d(3, 2, 3).to(memory_format=torch.channels_last) for _ in range(2)]
    gathered = _gathered(Peers(*nets))
    save_model(run, gathered, FACTS)
    tensors = load_file(run.model_weights)
    assert set(tensors) == {f"peers.peer{peer}.{part}" for peer in (1, 2) for part in ("weight", "bias")}
    assert torch.equal(tensors["peers.peer2.weight"], nets[1].weight)
    assert json.loads(run.model_json.read_text())["kind"] == "whole networks"


def test_one_network_as_both_peers_is_still_saved(run: RunDir):
    net = nn.Linear(2, 2)
    save_model(run, _gathered(Peers(net, net)), FACTS)
    tensors = load_file(run.model_weights)
    assert torch.equal(tensors["peers.peer1.weight"], tensors["peers.peer2.weight"])


def test_the_json_names_the_tensors_by_their_hash_and_keeps_the_facts(run: RunDir, heads: Gathered):
    digest = save_model(run, heads, FACTS)
    assert digest == hashlib.sha256(run.model_weights.read_bytes()).hexdigest()
    found = json.loads(run.model_json.read_text(encoding="utf-8"))
    assert found == {
        "model_version": 1,
        "sha256": digest,
        "kind": "heads on a frozen trunk",
        "size": 16,
        **FACTS,
    }
    assert save_model(run, heads, FACTS) == digest


def test_nothing_else_is_written_and_nothing_is_pickled(run: RunDir, heads: Gathered):
    save_model(run, heads, FACTS)
    assert {path.name for path in run.root.iterdir()} == {"model.safetensors", "model.json"}
    content = run.model_weights.read_bytes()
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]
    entries = json.loads(header)  # the format's own header: names, types, shapes and places, and after it plain numbers
    assert {entry["dtype"] for name, entry in entries.items() if name != "__metadata__"} <= {"F32", "I64"}
    assert not content.startswith((b"\x80", b"PK"))


def test_the_json_never_names_tensors_that_are_not_there(run: RunDir, heads: Gathered, monkeypatch: pytest.MonkeyPatch):
    def fail(*_values: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("labelaudit.evidence.model.save_file", fail)
    with pytest.raises(KeyboardInterrupt):
        save_model(run, heads, FACTS)
    assert list(run.root.iterdir()) == []
