from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from labelaudit.asm.peers import Head, Peers
from labelaudit.errors import WeightsError
from labelaudit.evidence.features import HeadFeatures
from labelaudit.evidence.gather import Gathered
from labelaudit.evidence.health import TrainingFigures
from labelaudit.evidence.known import KnownPictures, PictureCode
from labelaudit.evidence.model import load_model, save_model
from labelaudit.evidence.outlier_model import OutlierModel
from labelaudit.evidence.ridge import RidgeModel
from labelaudit.nets.mobilefacenet import take_stem
from labelaudit.nets.registry import build_net
from labelaudit.records import Evidence, ThresholdHistory
from labelaudit.rundir import RunDir

FACTS = {"classes": ["happy", "sad"], "backbone": "resnet-small", "clean_threshold": [0.5, None]}
FACTS |= {"dataset": "faces", "weights": "none"}
ROWS = 30
CPU = torch.device("cpu")


def _evidence() -> Evidence:
    posterior = np.random.default_rng(0).dirichlet(np.ones(2), ROWS + 1).astype(np.float32)
    posterior[0] = np.nan  # a row that was not audited
    nothing = np.zeros(ROWS + 1, np.int32)
    history = ThresholdHistory.empty()
    return Evidence(posterior, posterior, posterior, nothing, nothing, nothing, history, ridge=posterior)


def _ridge(generator: np.random.Generator) -> RidgeModel:
    features = [torch.from_numpy(generator.standard_normal((ROWS, width)).astype(np.float32)) for width in (6, 4)]
    return RidgeModel(
        groups=tuple(each.clamp(-5, 5) for each in features),
        rows=np.arange(ROWS),
        mean=(torch.rand(6), torch.rand(4)),
        std=(1.0 + torch.rand(6), 1.0 + torch.rand(4)),
        scale=(12.0, 8.0),
        weights=torch.randn(ROWS, 2),
        shares=torch.tensor([0.6, 0.4]),
    )


@pytest.fixture
def gathered() -> Gathered:
    generator = np.random.default_rng(1)
    torch.manual_seed(0)
    given = np.zeros(ROWS, dtype=np.int32)
    return Gathered(
        evidence=_evidence(),
        judges=tuple(Peers(Head(4, 2), Head(4, 2)).eval() for _ in range(3)),
        ridge=_ridge(generator),
        trunk=build_net("resnet-small", num_classes=2, size=16),
        components=HeadFeatures(torch.rand(10), torch.rand(10), torch.rand(4, 10).T, torch.rand(4)),  # basis: a view
        outliers=OutlierModel(generator.random((5, 4)), generator.random(5), np.zeros(2), np.ones(2), np.inf),
        size=16,
        frozen_blocks=0,
        figures=TrainingFigures(
            given, given, *(_evidence().posterior[1:],) * 3, losses=[], history=_evidence().history
        ),
        notes=(),
        plain=_evidence().posterior,
    )


@pytest.fixture
def known() -> KnownPictures:
    generator = np.random.default_rng(2)
    said = _evidence()
    return KnownPictures(
        digest=generator.integers(0, 256, (ROWS + 1, 16), dtype=np.uint8),
        bits=generator.integers(0, 256, (ROWS + 1, 32), dtype=np.uint8),
        code=PictureCode(generator.random((576, 256), dtype=np.float32), np.zeros(256, dtype=np.float32)),
        given=np.zeros(ROWS + 1, dtype=np.int32),
        split=np.full(ROWS + 1, -1, dtype=np.int32),
        splits=("test", "train"),
        peer1=said.peer1,
        peer2=said.peer2,
        ridge=said.posterior,
        outlier=np.full(ROWS + 1, np.nan, dtype=np.float32),
    )


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


def test_heads_come_back_with_all_that_feeds_them(run: RunDir, gathered: Gathered, known: KnownPictures):
    digest = save_model(run, gathered, known, FACTS, seed=0)
    model = load_model(run)
    assert (model.sha256, model.classes, model.size, model.outlier_threshold) == (digest, ("happy", "sad"), 16, np.inf)
    judges = model.judges(device=CPU)
    assert model.heads
    np.testing.assert_array_equal(model.shares, np.array([0.6, 0.4], dtype=np.float32))
    view = torch.randn(3, 4)
    for found, saved in zip(judges.peers, gathered.judges, strict=True):
        assert all(torch.equal(*pair) for pair in zip(found(view), saved(view), strict=True))
    picture = torch.randn(1, 3, 16, 16)
    assert torch.equal(judges.trunk.eval().trunk(picture), gathered.trunk.eval().trunk(picture))
    assert all(
        torch.equal(value, getattr(judges.components, name)) for name, value in vars(gathered.components).items()
    )
    np.testing.assert_array_equal(judges.outliers.weights, gathered.outliers.weights)


def test_the_ridge_comes_back_to_eight_bits(run: RunDir, gathered: Gathered, known: KnownPictures):
    save_model(run, gathered, known, FACTS, seed=0)
    ridge = load_model(run).judges(device=CPU).ridge
    for found, saved in zip(ridge.groups, gathered.ridge.groups, strict=True):
        assert float((found - saved).abs().max()) <= 0.5 * 5 / 127 + 1e-6
    fresh = [np.random.default_rng(3).standard_normal((20, width)).astype(np.float32) for width in (6, 4)]
    expected = gathered.ridge.predict(gathered.ridge.likeness(fresh))
    np.testing.assert_allclose(ridge.predict(ridge.likeness(fresh)), expected, atol=0.02)
    assert ridge.scale == gathered.ridge.scale


def test_known_pictures_and_the_reference_come_back(run: RunDir, gathered: Gathered, known: KnownPictures):
    save_model(run, gathered, known, FACTS, seed=0)
    model = load_model(run)
    found = model.known()
    assert found.splits == known.splits
    for name in ("digest", "bits", "given", "split", "peer1", "ridge", "outlier"):
        np.testing.assert_array_equal(getattr(found, name), getattr(known, name))
    np.testing.assert_array_equal(found.code.directions, known.code.directions)
    reference = model.reference()
    assert reference.coordinates.shape == (ROWS - ROWS // 4, ROWS // 4)
    assert np.isfinite(reference.posterior).all()


def test_whole_networks_come_back(run: RunDir, gathered: Gathered, known: KnownPictures):
    nets = [build_net("resnet-small", num_classes=2, size=16).to(memory_format=torch.channels_last) for _ in range(2)]
    save_model(run, replace(gathered, judges=(Peers(*nets).eval(),)), known, FACTS, seed=0)
    model = load_model(run)
    judges = model.judges(device=CPU)
    assert not model.heads
    picture = torch.randn(1, 3, 16, 16)
    assert torch.allclose(judges.peers[0](picture)[1], nets[1](picture), atol=1e-5)


def test_networks_that_share_the_trunks_first_blocks_come_back(run: RunDir, gathered: Gathered, known: KnownPictures):
    torch.manual_seed(0)
    trunk, *nets = (build_net("mobilefacenet", num_classes=2, size=32).eval() for _ in range(3))
    for net in nets:
        net.trunk.load_state_dict(trunk.trunk.state_dict())
    picture = torch.randn(1, 3, 32, 32)
    expected = [net(picture) for net in nets]
    for net in nets:
        take_stem(net, 5)
    peers = (Peers(*nets).eval(),)
    facts = {**FACTS, "backbone": "mobilefacenet"}
    save_model(run, replace(gathered, trunk=trunk, judges=peers, size=32, frozen_blocks=5), known, facts, seed=0)
    judges = load_model(run).judges(device=CPU)
    assert judges.stem is not None
    found = judges.peers[0](judges.stem.eval()(picture))
    torch.testing.assert_close(torch.stack(found), torch.stack(expected), atol=1e-5, rtol=0)
    assert torch.equal(judges.trunk.eval().trunk(picture), trunk.trunk(picture))  # whole


def test_loading_leaves_torchs_generator_alone(run: RunDir, gathered: Gathered, known: KnownPictures):
    save_model(run, gathered, known, FACTS, seed=0)
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    load_model(run).judges(device=CPU)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_json_names_the_tensors_and_is_vouched_for(run: RunDir, gathered: Gathered, known: KnownPictures):
    digest = save_model(run, gathered, known, FACTS, seed=0)
    assert digest == hashlib.sha256(run.model_weights.read_bytes()).hexdigest()
    found = json.loads(run.model_json.read_text(encoding="utf-8"))
    assert found == {
        "sha256": digest,
        "model_version": 4,
        "size": 16,
        "trunk": {"name": "resnet-small", "size": 16},
        "heads": True,
        "judges": 3,
        "frozen_blocks": 0,
        "outlier_threshold": None,
        "splits": ["test", "train"],
        **FACTS,
    }
    assert save_model(run, gathered, known, FACTS, seed=0) == digest


def test_nothing_else_is_written_and_nothing_is_pickled(run: RunDir, gathered: Gathered, known: KnownPictures):
    save_model(run, gathered, known, FACTS, seed=0)
    assert {path.name for path in run.root.iterdir()} == {"model.safetensors", "model.json"}
    content = run.model_weights.read_bytes()
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]
    entries = json.loads(header)  # the format's own header: names, types, shapes and places, and after it plain numbers
    kinds = {entry["dtype"] for name, entry in entries.items() if name != "__metadata__"}
    assert kinds <= {"F32", "F64", "I64", "I32", "I8", "U8"}
    assert not content.startswith((b"\x80", b"PK"))


def test_the_json_never_names_tensors_that_are_not_there(
    run: RunDir, gathered: Gathered, known: KnownPictures, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_values: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("labelaudit.evidence.model.save_tensors", fail)
    with pytest.raises(KeyboardInterrupt):
        save_model(run, gathered, known, FACTS, seed=0)
    assert list(run.root.iterdir()) == []


# What is not a model is refused in one line.


def _rewrite(run: RunDir, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Changes tensors as somebody would who knows how the two files vouch for each other."""
    content = run.model_weights.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    tensors = load_file(run.model_weights)
    change(tensors)
    save_file(tensors, str(run.model_weights), metadata=header["__metadata__"])
    facts = json.loads(run.model_json.read_text())
    facts["sha256"] = hashlib.sha256(run.model_weights.read_bytes()).hexdigest()
    run.model_json.write_text(json.dumps(facts))


def _edit(run: RunDir, **values: object) -> None:
    facts = json.loads(run.model_json.read_text())
    run.model_json.write_text(json.dumps({**facts, **values}))


def _spoil_weights(tensors: dict[str, torch.Tensor]) -> None:
    tensors["judges.1.peer2.layers.1.bias"][3] = torch.nan


DAMAGE: dict[str, tuple[Callable[[RunDir], object], str]] = {
    "no json": (lambda run: run.model_json.unlink(), "holds no model; name the folder of a finished audit"),
    "no tensors": (lambda run: run.model_weights.unlink(), "cannot read .*No such file"),
    "no JSON": (lambda run: run.model_json.write_text("{"), "is damaged"),
    "a list": (lambda run: run.model_json.write_text("[]"), "is damaged"),
    "older": (lambda run: _edit(run, model_version=1), "a model of version 1, this labelaudit reads 4"),
    "cut short": (lambda run: run.model_weights.write_bytes(run.model_weights.read_bytes()[:-1]), "cut short"),
    "other thresholds": (lambda run: _edit(run, clean_threshold=[0.0, 0.0]), "model.json was altered"),
    "a NaN": (lambda run: _rewrite(run, _spoil_weights), "no numbers in judges.1.peer2.layers.1.bias"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_model_is_refused(run: RunDir, gathered: Gathered, known: KnownPictures, kind: str):
    save_model(run, gathered, known, FACTS, seed=0)
    damage, said = DAMAGE[kind]
    damage(run)
    with pytest.raises(WeightsError, match=said) as caught:
        load_model(run)
    assert "\n" not in str(caught.value)


def test_a_file_of_other_tensors_is_refused(run: RunDir, gathered: Gathered, known: KnownPictures):
    save_model(run, gathered, known, FACTS, seed=0)
    run.model_weights.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    _edit(run, sha256=hashlib.sha256(run.model_weights.read_bytes()).hexdigest())
    with pytest.raises(WeightsError, match="is no model of labelaudit"):
        load_model(run)


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ("judges.0.peer1.layers.1.weight", lambda model: model.judges(device=CPU)),
        ("trunk.stem.0.weight", lambda model: model.judges(device=CPU)),
        ("ridge.weights", lambda model: model.judges(device=CPU)),
        ("components.basis", lambda model: model.judges(device=CPU)),
        ("known.bits", lambda model: model.known()),
        ("reference.coordinates", lambda model: model.reference()),
    ],
)
def test_tensors_that_are_missing_are_said(
    run: RunDir, gathered: Gathered, known: KnownPictures, part: str, read: Callable
):
    save_model(run, gathered, known, FACTS, seed=0)
    _rewrite(run, lambda tensors: tensors.pop(part))
    with pytest.raises(WeightsError, match="does not fit together") as caught:
        read(load_model(run))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "part", ["judges.0.peer1.layers.1.weight", "ridge.weights", "known.peer1", "reference.posterior"]
)
def test_tensors_of_another_shape_are_said(run: RunDir, gathered: Gathered, known: KnownPictures, part: str):
    save_model(run, gathered, known, FACTS, seed=0)
    _rewrite(run, lambda tensors: tensors.update({part: tensors[part][:-1]}))
    model = load_model(run)
    with pytest.raises(WeightsError, match="does not fit together"):
        model.judges(device=CPU)
        model.known()
        model.reference()
