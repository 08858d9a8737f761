from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from labelaudit.evidence.combine import combine, combine_balanced
from labelaudit.evidence.gather import Gathered, gather_evidence
from labelaudit.evidence.plan import make_plan
from labelaudit.faces import EXPRESSIONS, draw_dataset
from labelaudit.nets.registry import build_net
from labelaudit.pixels.build import build_store
from labelaudit.pixels.store import PixelStore
from labelaudit.records import Evidence, Progress, Stage, no_progress
from labelaudit.settings import AuditSettings, Targets, with_values
from labelaudit.source.memory import ArraySource

COUNT = 120
GRADIENTS = {"backbone": "gradients", "weights": "none"}
FAST = {"epochs": 4, "warm_up": 2, "batch": 32}


@dataclass(frozen=True)
class Dataset:
    """Drawn faces in a pixel store, every seventh of which is not audited."""

    store: PixelStore
    given: np.ndarray
    true: np.ndarray
    audited: np.ndarray
    cache: Path

    def gather(
        self,
        *,
        cache: Path | None = None,
        checkpoint: Path | None = None,
        decided: np.ndarray | None = None,
        progress: Progress = no_progress,
        **values: object,
    ) -> Gathered:
        told = {"device": "cpu", "folds": 2, "nets": GRADIENTS, "asm": FAST, **values}
        rows = np.flatnonzero(self.audited)
        plan = make_plan(with_values(AuditSettings(), told), rows=len(rows), cache_dir=self.cache)
        return gather_evidence(
            self.store,
            rows=rows,
            given=self.given[rows] if decided is None else np.where(decided, self.true, self.given)[rows],
            decided=None if decided is None else decided[rows],
            num_classes=len(EXPRESSIONS),
            plan=plan,
            cache_dir=cache or self.cache,
            checkpoint=checkpoint,
            progress=progress,
        )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    drawn = draw_dataset(COUNT, seed=7, size=48, class_shares=dict.fromkeys(EXPRESSIONS, 1.0))
    images = drawn.images.copy()
    images[50] = images[51]  # a pair of copies
    source = ArraySource(images, drawn.given)
    cache = tmp_path_factory.mktemp("cache")
    store = build_store(source, size=48, cache_dir=cache)
    true = source.table.labels.indices(drawn.true)
    return Dataset(store, source.table.given, true, np.arange(COUNT) % 7 != 0, cache)


@pytest.fixture(scope="module")
def frozen(dataset: Dataset) -> Gathered:
    return dataset.gather()


@pytest.fixture(scope="module")
def tuned(dataset: Dataset) -> Gathered:
    return dataset.gather(
        nets={"backbone": "resnet-small", "weights": "none", "size": 32},
        asm={"epochs": 2, "warm_up": 1, "batch": 32, "targets": "literal", "balance": 0.5},
    )


def _assert_same(left: Evidence, right: Evidence) -> None:
    for name in ("posterior", "peer1", "peer2", "ridge", "epochs_clean", "epochs_ambiguous", "epochs_noisy"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)
    for name, values in vars(left.history).items():
        np.testing.assert_array_equal(values, getattr(right.history, name), err_msg=name)


@pytest.mark.parametrize("name", ["frozen", "tuned"])
def test_evidence_is_of_the_audited_rows_and_of_no_others(dataset: Dataset, name: str, request: pytest.FixtureRequest):
    found = request.getfixturevalue(name)
    evidence = found.evidence
    for posterior in (
        evidence.posterior,
        found.plain,
        evidence.neighbours,
        evidence.peer1,
        evidence.peer2,
        evidence.ridge,
    ):
        assert posterior.shape == (COUNT, len(EXPRESSIONS))
        assert posterior.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(posterior), np.broadcast_to(~dataset.audited[:, None], posterior.shape))
        np.testing.assert_allclose(posterior[dataset.audited].sum(axis=1), 1.0, atol=1e-5)
    mean = 0.5 * (evidence.peer1 + evidence.peer2)
    np.testing.assert_allclose(found.plain, combine([mean, evidence.ridge]), atol=1e-7)
    given = dataset.given[dataset.audited]
    shares = np.bincount(given, minlength=len(EXPRESSIONS)) / len(given)
    balanced = combine_balanced(mean, evidence.ridge, shares=shares, frozen=name == "frozen")
    np.testing.assert_allclose(evidence.posterior, balanced, atol=1e-6)
    rows = np.flatnonzero(dataset.audited)
    assert np.isin(evidence.nearest[rows], [-1, *rows]).all()
    assert (evidence.nearest[rows] != rows[:, None]).all()
    assert (evidence.nearest[~dataset.audited] == -1).all()
    np.testing.assert_array_equal(np.isnan(evidence.outlier_score), ~dataset.audited)


def test_what_people_decided_is_learned_from(dataset: Dataset, frozen: Gathered):
    random = np.random.default_rng(0)
    spoilt = dataset.audited & (random.random(COUNT) < 0.6)
    noisy = replace(dataset, given=np.where(spoilt, random.permutation(dataset.given), dataset.given))
    rest = dataset.audited & ~spoilt

    def right(gathered: Gathered) -> float:
        """Mean posterior of the true class among the rows whose label was left alone."""
        return float(gathered.evidence.posterior[rest, dataset.true[rest]].mean())

    assert right(noisy.gather(decided=spoilt)) > right(noisy.gather()) + 0.01
    nothing = dataset.gather(decided=np.zeros(COUNT, dtype=bool))
    _assert_same(nothing.evidence, frozen.evidence)


@pytest.mark.parametrize(("name", "mined"), [("frozen", 2), ("tuned", 1)])
def test_partitions_are_counted_for_the_audited_rows(
    dataset: Dataset, name: str, mined: int, request: pytest.FixtureRequest
):
    evidence = request.getfixturevalue(name).evidence
    counted = evidence.epochs_clean + evidence.epochs_ambiguous + evidence.epochs_noisy
    np.testing.assert_array_equal(counted, np.where(dataset.audited, mined, 0))
    assert len(evidence.history.epoch) == 2 * mined * len(EXPRESSIONS)


def test_evidence_knows_faces(dataset: Dataset, frozen: Gathered):
    """51 faces a fold are few for heads, so it is what the ridge knows that the pool knows."""
    evidence, rows = frozen.evidence, dataset.audited
    assert evidence.ridge is not None
    for posterior in (evidence.ridge, evidence.posterior):
        assert (posterior[rows].argmax(axis=1) == dataset.true[rows]).mean() > 2 / len(EXPRESSIONS)


def test_heads_of_every_fold_come_with_their_trunk(frozen: Gathered):
    assert frozen.trunk.spec.name == "gradients"
    assert [len(frozen.components.scale)] * 4 == [
        peer.layers[1].in_features for both in frozen.judges for peer in (both.peer1, both.peer2)
    ]
    assert frozen.size == 48
    assert any("gradient histograms" in note for note in frozen.notes)
    assert any("asm.balance 0" in note for note in frozen.notes)


def test_of_whole_networks_the_first_folds_are_kept(tuned: Gathered):
    assert tuned.trunk.spec.name == "gradients"  # the ridge's
    assert len(tuned.judges) == 1
    assert tuned.size == 32
    assert any("-0.5" in note for note in tuned.notes)
    first, second = (peer.state_dict() for peer in (tuned.judges[0].peer1, tuned.judges[0].peer2))
    assert not torch.equal(first["trunk.stem.0.weight"], second["trunk.stem.0.weight"])


def test_the_same_seed_gives_the_same_evidence_with_or_without_a_cache(
    dataset: Dataset, frozen: Gathered, tmp_path: Path
):
    torch.manual_seed(99)
    state = torch.random.get_rng_state()
    _assert_same(dataset.gather().evidence, frozen.evidence)
    _assert_same(dataset.gather(cache=tmp_path).evidence, frozen.evidence)
    assert torch.equal(torch.random.get_rng_state(), state)  # the caller's generator is as it was
    other = dataset.gather(seed=1).evidence
    assert (other.peer1 != frozen.evidence.peer1)[dataset.audited].any()


@pytest.mark.parametrize("whole", [False, True])
def test_an_interrupted_gathering_goes_on_exactly(
    dataset: Dataset, frozen: Gathered, tuned: Gathered, tmp_path: Path, whole: bool
):
    values = {"asm": {**FAST}}
    if whole:
        values = {
            "nets": {"backbone": "resnet-small", "weights": "none", "size": 32},
            "asm": {"epochs": 2, "warm_up": 1, "batch": 32, "targets": "literal", "balance": 0.5},
        }
    shutil.copytree(dataset.cache, tmp_path / "cache")

    def interrupt(stage: Stage) -> None:
        if (stage.name, stage.done) == ("fold 2 of 2", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.gather(checkpoint=tmp_path / "checkpoint", progress=interrupt, **values)
    resumed = dataset.gather(checkpoint=tmp_path / "checkpoint", **values)
    _assert_same(resumed.evidence, (tuned if whole else frozen).evidence)


def test_copies_are_judged_by_those_that_saw_neither(dataset: Dataset, frozen: Gathered):
    assert dataset.store.facts.duplicate_group[50] == dataset.store.facts.duplicate_group[51] >= 0
    ridge = frozen.evidence.ridge
    assert ridge is not None
    np.testing.assert_allclose(ridge[50], ridge[51], atol=1e-4)  # nothing but the picture is left to go by


def test_targets_make_a_difference(dataset: Dataset, frozen: Gathered):
    literal = dataset.gather(asm={**FAST, "targets": Targets.LITERAL}).evidence
    np.testing.assert_array_equal(literal.ridge, frozen.evidence.ridge)
    assert (literal.peer1 != frozen.evidence.peer1)[dataset.audited].any()


def test_a_trunk_of_which_weights_leave_out_a_part_is_the_same_in_every_run(dataset: Dataset, tmp_path: Path):
    """Else what another seed had cached would be taken for this one's."""
    state = build_net("resnet-small", num_classes=2).trunk.state_dict()
    kept = {name: value for name, value in state.items() if not name.startswith("stages.3")}
    save_file(kept, str(tmp_path / "part.safetensors"))
    nets = {"backbone": "resnet-small", "weights": str(tmp_path / "part.safetensors")}
    trunks = [
        dataset.gather(seed=seed, cache=tmp_path / str(seed), nets=nets, asm={**FAST, "epochs": 2}).trunk
        for seed in (0, 1)
    ]
    assert trunks[0] is not None
    assert trunks[1] is not None
    left_out = [trunk.trunk.state_dict()["stages.3.0.first.0.weight"] for trunk in trunks]
    assert torch.equal(*left_out)


def test_progress_tells_of_every_stage(dataset: Dataset, tmp_path: Path):
    told: list[Stage] = []
    dataset.gather(cache=tmp_path, progress=told.append)
    names = ["features", "ridge", "neighbours", "outliers", "fold 1 of 2", "fold 2 of 2"]
    assert list(dict.fromkeys(stage.name for stage in told)) == names
    last = {stage.name: stage for stage in told}
    assert all(stage.done == stage.total for stage in last.values())
