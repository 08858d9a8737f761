from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from labelaudit.asm.batches import Batches, FeatureBatches, PixelBatches
from labelaudit.asm.checkpoint import load_checkpoint, save_checkpoint
from labelaudit.asm.mining import Partition
from labelaudit.asm.peers import Head, build_peers
from labelaudit.asm.run import TrainingRun
from labelaudit.asm.trainer import Trainer
from labelaudit.errors import TrainingError
from labelaudit.nets.interface import NetSpec
from labelaudit.settings import AsmSettings

TRAINED = torch.arange(48)
JUDGED = torch.arange(48, 60)
MakeTrainer = Callable[..., Trainer]


def _head() -> nn.Module:
    return Head(6, 3)


def _small_net() -> nn.Module:
    """Convolution, batch norm and dropout, channels last as the real networks are."""
    layers = (
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(32, 3),
    )
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


@pytest.fixture
def pictures() -> PixelBatches:
    pixels = np.random.default_rng(1).integers(0, 256, (60, 12, 12, 3), dtype=np.uint8)
    spec = NetSpec(name="small", size=12, mean=(0.5,) * 3, std=(0.25,) * 3, taps=())
    return PixelBatches(pixels, spec=spec, device=torch.device("cpu"))


@pytest.fixture
def make_trainer(
    accelerator: Accelerator, clusters: FeatureBatches, labels: Tensor, short_run: AsmSettings
) -> MakeTrainer:
    def make(
        *,
        batches: Batches = clusters,
        build: Callable[[], nn.Module] = _head,
        given: Tensor = labels,
        settings: AsmSettings = short_run,
        seed: int = 4,
        anchor: Tensor | None = None,
    ) -> Trainer:
        return Trainer(
            build_peers(build, seed=seed),
            batches,
            given=given,
            train_rows=TRAINED,
            judge_rows=JUDGED,
            num_classes=3,
            settings=settings,
            accelerator=accelerator,
            seed=seed,
            anchor=anchor,
        )

    return make


def _assert_same(left: TrainingRun, right: TrainingRun) -> None:
    """Bit for bit."""
    assert np.array_equal(left.peer1, right.peer1)
    assert np.array_equal(left.peer2, right.peer2)
    assert np.array_equal(left.partitions, right.partitions)
    assert left.losses == right.losses
    for one, other in zip(left.history, right.history, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    states = zip(left.peers.state_dict().items(), right.peers.state_dict().items(), strict=True)
    assert all(name == same and torch.equal(a, b) for (name, a), (same, b) in states)


def test_a_run_learns_mines_after_the_warm_up_and_judges(make_trainer: MakeTrainer, labels: Tensor):
    run = make_trainer().fit()
    assert run.peer1.shape == run.peer2.shape == (12, 3)
    np.testing.assert_allclose(run.peer1.sum(axis=1), 1.0, atol=1e-5)
    assert (0.5 * (run.peer1 + run.peer2)).argmax(axis=1).tolist() == (JUDGED % 3).tolist()
    assert len(run.losses) == 5
    assert run.losses[1] < run.losses[0]
    assert [done for done, _, _ in run.history] == [2, 3, 4]
    assert (run.partitions.sum(axis=1) == 3).all()
    wrong = (labels != torch.arange(60) % 3)[TRAINED].numpy()
    assert (run.partitions[~wrong, Partition.CLEAN] == 3).all()
    assert (run.partitions[wrong, Partition.CLEAN] == 0).all()
    for _, (mean, clean, noisy), counts in run.history:
        np.testing.assert_allclose(clean, 0.8 * mean, rtol=1e-6)
        np.testing.assert_allclose(noisy, 0.2 * mean, rtol=1e-6)
        assert counts.sum(axis=0).tolist() == torch.bincount(labels[TRAINED]).tolist()
    assert not run.peers.training


def test_held_out_rows_are_judged_by_the_mean_of_the_last_epochs(make_trainer: MakeTrainer, clusters: FeatureBatches):
    trainer = make_trainer(settings=AsmSettings(epochs=5, warm_up=2, batch=16, learning_rate=0.02))
    judged: list[list[Tensor]] = []

    def judge(running: Trainer) -> None:
        peers = running.raw_peers.eval()
        with torch.no_grad():
            views = [torch.stack(peers(view)).softmax(dim=-1) for view in clusters.plain(JUDGED)]
        judged.append(0.5 * (views[0] + views[1]))

    run = trainer.fit(on_epoch=judge)
    # round(.34 * 5) = 2 epochs
    expected = 0.5 * (judged[3] + judged[4])
    np.testing.assert_allclose(np.stack([run.peer1, run.peer2]), expected.numpy(), atol=1e-6)


def test_labels_of_judged_rows_are_never_read(make_trainer: MakeTrainer, labels: Tensor):
    hidden = labels.clone()
    hidden[JUDGED] = -99
    _assert_same(make_trainer(given=hidden).fit(), make_trainer().fit())


def test_the_seed_decides_everything(make_trainer: MakeTrainer):
    torch.manual_seed(123)
    first = make_trainer().fit()
    torch.manual_seed(321)
    _assert_same(first, make_trainer().fit())
    assert not np.array_equal(first.peer1, make_trainer(seed=5).fit().peer1)


def test_an_anchor_moves_the_partition(make_trainer: MakeTrainer, labels: Tensor):
    """Peers that believe every label, and an anchor that gives three of them no chance."""
    anchor = torch.full((48, 3), 0.05)
    believed = labels[TRAINED].clone()
    believed[:3] = (believed[:3] + 1) % 3
    anchor[torch.arange(48), believed] = 0.9
    run = make_trainer(anchor=anchor).fit()
    assert (run.partitions[:3, Partition.CLEAN] == 0).all()
    assert (run.partitions[5:10, Partition.CLEAN] == 3).all()


@pytest.mark.parametrize("epochs_done", [1, 3, 5])
@pytest.mark.parametrize("shown", ["features", "pixels"])
def test_a_resumed_run_is_the_uninterrupted_one(
    make_trainer: MakeTrainer, pictures: PixelBatches, tmp_path: Path, shown: str, epochs_done: int
):
    options = {} if shown == "features" else {"batches": pictures, "build": _small_net}

    def save(running: Trainer) -> None:
        if running.state.epochs_done == epochs_done:
            save_checkpoint(tmp_path / "state", running.state_dict())

    whole = make_trainer(**options).fit(on_epoch=save)
    torch.manual_seed(99)
    resumed = make_trainer(**options)
    resumed.load_state_dict(load_checkpoint(tmp_path / "state"))
    assert resumed.state.epochs_done == epochs_done
    for parameter, moments in resumed.optimizer.state.items():
        assert moments["exp_avg"].stride() == parameter.stride()  # the same kernels as before
    _assert_same(resumed.fit(), whole)


def test_a_finished_run_is_saved_without_its_optimiser(make_trainer: MakeTrainer):
    trainer = make_trainer()
    trainer.fit()
    assert trainer.state_dict()["optimizer"] is None


@pytest.mark.parametrize("change", ["seed", "settings", "labels", "network"])
def test_a_state_of_another_run_is_refused(
    make_trainer: MakeTrainer, labels: Tensor, short_run: AsmSettings, change: str
):
    options = {
        "seed": {"seed": 5},
        "settings": {"settings": replace(short_run, mutual_weight=0.7)},
        "labels": {"given": (labels + 1) % 3},
        "network": {"build": lambda: nn.Linear(6, 3)},
    }[change]
    saved = make_trainer(**options).state_dict()
    with pytest.raises(TrainingError) as caught:
        make_trainer().load_state_dict(saved)
    assert "\n" not in str(caught.value)
    assert "--force" in str(caught.value)


# Training whose numbers break.


class _Fragile:
    """Breaks a weight after each step that was taken at a rate above a limit, as too high a rate does in the end."""

    def __init__(self, trainer: Trainer, *, limit: float) -> None:
        self.rates: list[float] = []
        step = trainer.optimizer.step

        def break_weights() -> None:
            step()
            self.rates.append(trainer.optimizer.param_groups[0]["lr"])
            if self.rates[-1] > limit:
                with torch.no_grad():
                    trainer.raw_peers.peer2.layers[1].bias[0] = torch.inf

        trainer.optimizer.step = break_weights


def test_broken_numbers_take_training_back_and_halve_the_rate(make_trainer: MakeTrainer):
    """5 epochs of 3 steps: the first ends at a rate of 0.0121, a quarter of that is 0.003; the second goes to 0.02."""
    trainer = make_trainer()
    fragile = _Fragile(trainer, limit=0.004)
    saved: list[tuple[int, list[int]]] = []
    run = trainer.fit(on_epoch=lambda running: saved.append((running.state.epochs_done, running.state.rolled_back)))
    assert run.rolled_back == [1, 1, 2]
    assert saved[:4] == [(0, [1]), (0, [1, 1]), (1, [1, 1]), (1, [1, 1, 2])]
    assert saved[4:] == [(done, [1, 1, 2]) for done in (2, 3, 4, 5)]
    assert trainer.peak == 0.02 / 8
    assert len(fragile.rates) == (5 + 3) * 3
    first, second, third = (fragile.rates[start : start + 3] for start in (0, 3, 6))
    np.testing.assert_allclose(second, [0.5 * rate for rate in first])
    np.testing.assert_allclose(third, [0.25 * rate for rate in first])
    assert len(run.losses) == 5
    assert np.isfinite([*run.losses, *run.peer1.flat, *run.peer2.flat]).all()
    assert (run.partitions.sum(axis=1) == 3).all()  # an epoch that does not count was not counted


def test_going_back_leaves_no_trace_of_the_broken_epoch(make_trainer: MakeTrainer):
    """From the broken epoch on it is the run that had half the rate there from the start."""
    broken = make_trainer()
    _Fragile(broken, limit=0.0125)
    calm = make_trainer()

    def halve(running: Trainer) -> None:
        if running.state.epochs_done == 1:
            running.state.rolled_back = [2]

    run = broken.fit()
    assert run.rolled_back == [2]
    _assert_same(run, calm.fit(on_epoch=halve))


@pytest.mark.parametrize(("epochs_done", "rolled_back"), [(0, [1, 1]), (1, [1, 1, 2]), (3, [1, 1, 2])])
def test_a_run_killed_after_it_went_back_is_the_uninterrupted_one(
    make_trainer: MakeTrainer, tmp_path: Path, epochs_done: int, rolled_back: list[int]
):
    def save(running: Trainer) -> None:
        if running.state.epochs_done == epochs_done:
            save_checkpoint(tmp_path / "state", running.state_dict())

    broken = make_trainer()
    _Fragile(broken, limit=0.004)
    whole = broken.fit(on_epoch=save)
    resumed = make_trainer()
    resumed.load_state_dict(load_checkpoint(tmp_path / "state"))
    assert (resumed.state.epochs_done, resumed.state.rolled_back) == (epochs_done, rolled_back)
    _Fragile(resumed, limit=0.004)
    _assert_same(resumed.fit(), whole)
    assert resumed.state.rolled_back == whole.rolled_back == [1, 1, 2]


def _one_line(trainer: Trainer) -> str:
    with pytest.raises(TrainingError) as caught:
        trainer.fit()
    message = str(caught.value)
    assert "\n" not in message
    assert "--force" in message
    assert "--learning-rate" in message
    return message


def test_numbers_that_break_at_any_rate_end_the_run_in_one_line(make_trainer: MakeTrainer):
    trainer = make_trainer()
    with torch.no_grad():
        trainer.raw_peers.peer1.layers[1].weight[0, 0] = torch.nan
    message = _one_line(trainer)
    assert "in epoch 1, though the learning rate was halved 3 times, from 0.02 to 0.0025;" in message
    assert trainer.state.epochs_done == 0


def test_weights_that_break_in_the_last_step_are_noticed(make_trainer: MakeTrainer):
    """The loss is that of before the step, so nothing but the answers shows it."""
    trainer = make_trainer(settings=AsmSettings(epochs=1, warm_up=1, batch=64, learning_rate=0.02))
    fragile = _Fragile(trainer, limit=0.0)
    assert "epoch 1" in _one_line(trainer)
    assert len(fragile.rates) == 4


def test_a_rate_beyond_all_numbers_ends_the_run(make_trainer: MakeTrainer):
    """Nothing is staged here: weights of 1e30 make logits that float32 has no numbers for."""
    settings = AsmSettings(epochs=2, warm_up=1, batch=16, learning_rate=0.02)
    object.__setattr__(settings, "learning_rate", 1e30)
    assert "from 1e+30 to 1.25e+29" in _one_line(make_trainer(settings=settings))


def test_undecided_settings_are_no_settings(make_trainer: MakeTrainer):
    with pytest.raises(ValueError, match="decided"):
        make_trainer(settings=AsmSettings(epochs=3, warm_up=1, batch=16))
