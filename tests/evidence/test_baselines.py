from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from labelaudit.evidence.baselines.bed import Bed, lay_bed
from labelaudit.evidence.baselines.co_teaching import co_teach, exchange_loss, kept_share
from labelaudit.evidence.baselines.meter import metered
from labelaudit.evidence.baselines.single_run import cross_fit_plain, fit_once, plain_settings
from labelaudit.evidence.baselines.trace import LabelTrace, label_losses
from labelaudit.evidence.crossfit import deal_folds
from labelaudit.evidence.plan import make_plan
from labelaudit.faces import EXPRESSIONS, DrawnFaces
from labelaudit.pixels.build import build_store
from labelaudit.settings import AuditSettings, with_values
from labelaudit.source.memory import ArraySource

TOLD = {
    "device": "cpu",
    "folds": 2,
    "nets": {"backbone": "gradients", "weights": "none"},
    "asm": {"epochs": 5, "warm_up": 2, "batch": 32, "learning_rate": 0.005},
}


@pytest.fixture(scope="module")
def bed(drawn: DrawnFaces, tmp_path_factory: pytest.TempPathFactory) -> Bed:
    cache = tmp_path_factory.mktemp("cache")
    source = ArraySource(drawn.images, drawn.given)
    test = np.arange(len(drawn)) % 5 == 0
    rows = np.flatnonzero(~test)
    return lay_bed(
        build_store(source, size=48, cache_dir=cache),
        rows=rows,
        test_rows=np.flatnonzero(test),
        given=source.table.given[rows],
        num_classes=len(EXPRESSIONS),
        plan=make_plan(with_values(AuditSettings(), TOLD), rows=len(rows), cache_dir=cache),
        cache_dir=Path(cache),
    )


def test_losses_and_margins_by_hand() -> None:
    """Softmax of (ln 6, ln 3, ln 1) is (0.6, 0.3, 0.1); margins are differences of logits."""
    logits = torch.log(torch.tensor([[6.0, 3.0, 1.0], [6.0, 3.0, 1.0]])).expand(2, -1, -1)
    loss, margin = label_losses(logits, torch.tensor([0, 2]))
    np.testing.assert_allclose(loss, np.tile(-np.log([0.6, 0.1]), (2, 1)), rtol=1e-6)
    np.testing.assert_allclose(margin, np.tile(np.log([2.0, 1 / 6]), (2, 1)), rtol=1e-6)


def test_the_area_is_the_mean_over_epochs_and_networks() -> None:
    trace = LabelTrace()
    trace.margins = {1: np.array([[1.0, 0.0], [3.0, 0.0]]), 2: np.array([[2.0, -1.0], [2.0, -3.0]])}
    np.testing.assert_allclose(trace.area_under_margin(), [2.0, -1.0])


def test_the_kept_share_falls_to_its_end() -> None:
    assert [kept_share(epoch, rise=4) for epoch in (1, 2, 4, 9)] == pytest.approx([0.95, 0.9, 0.8, 0.8])


def test_each_network_learns_from_what_the_other_keeps() -> None:
    """Network 1 finds row 0 easy and row 1 hard, network 2 the other way round; each keeps one row."""
    one = torch.tensor([[2.0, 0.0], [0.0, 2.0]], requires_grad=True)
    two = torch.tensor([[0.0, 1.0], [1.0, 0.0]], requires_grad=True)
    loss = exchange_loss(one, two, torch.tensor([0, 0]), kept=0.5)
    loss.backward()
    # Network 1 learns from row 1, which network 2 kept; network 2 from row 0, which network 1 kept.
    assert loss.item() == pytest.approx(np.log1p(np.exp(2.0)) + np.log1p(np.exp(1.0)), rel=1e-6)
    assert one.grad[0].abs().sum() == 0
    assert one.grad[1].abs().sum() > 0
    assert two.grad[0].abs().sum() > 0
    assert two.grad[1].abs().sum() == 0


def test_the_bed_has_the_audits_folds(bed: Bed) -> None:
    twins = bed.store.facts.duplicate_group[bed.rows].astype(np.int64)
    np.testing.assert_array_equal(bed.fold, deal_folds(bed.given, twins, folds=2, seed=0))
    labels = bed.labels()
    assert (labels[torch.from_numpy(bed.rows)].numpy() == bed.given).all()
    assert (labels[torch.from_numpy(bed.test_rows)] == 0).all()


def test_a_plain_run_is_traced_and_judges_test_rows(bed: Bed) -> None:
    trace = LabelTrace()
    run = fit_once(bed, plain_settings(bed.plan.settings.asm), trace=trace)
    assert list(trace.losses) == [1, 2, 3, 4, 5]
    assert trace.losses[5].shape == (2, len(bed.rows))
    assert trace.losses[5].mean() < trace.losses[1].mean()
    assert run.posterior.shape == (len(bed.rows), len(EXPRESSIONS))
    assert run.test_posterior.shape == (len(bed.test_rows), len(EXPRESSIONS))
    assert run.posterior.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    learned = run.posterior.argmax(axis=1) == bed.given
    assert learned.mean() > 0.4  # in sample


def test_looking_changes_nothing(bed: Bed) -> None:
    settings = plain_settings(bed.plan.settings.asm)
    traced = fit_once(bed, settings, trace=LabelTrace())
    np.testing.assert_array_equal(traced.posterior, fit_once(bed, settings).posterior)


def test_cross_fitted_networks_have_not_seen_the_label(bed: Bed) -> None:
    """Another label for one row changes what is said of the other fold alone."""
    before = cross_fit_plain(bed)
    given = bed.given.copy()
    given[0] = (given[0] + 1) % len(EXPRESSIONS)
    after = cross_fit_plain(Bed(**{**vars(bed), "given": given}))
    same = bed.fold == bed.fold[0]
    np.testing.assert_array_equal(before.peer1[same], after.peer1[same])
    assert (before.peer1[~same] != after.peer1[~same]).any()
    assert before.history.epoch.size == 0  # nothing was mined


def test_co_teaching_learns_and_repeats_itself(bed: Bed) -> None:
    run = co_teach(bed)
    assert run.posterior.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    assert (run.posterior.argmax(axis=1) == bed.given).mean() > 0.35
    assert run.test_posterior.shape == (len(bed.test_rows), len(EXPRESSIONS))
    np.testing.assert_array_equal(run.posterior, co_teach(bed).posterior)


def test_the_meter_sees_time_and_memory() -> None:
    with metered(torch.device("cpu")) as idle:
        pass
    with metered(torch.device("cpu")) as cost:
        held = np.ones(40_000_000)  # 320 MB
        time.sleep(0.12)
        del held
    assert cost.seconds >= 0.12
    assert cost.peak_gb > idle.peak_gb + 0.2
    assert cost.peak_gpu_gb is None
