"""Folds shared out among the processes of an audit.

Folds have nothing to say to each other, so the first choice is a fold a process: the numbers are those of one process,
to the last bit. Where there are at least twice as many processes as folds, several train one fold as a team, on parts
of each batch: the numbers are then those of one process up to the order of sums. Every fold leaves its finished state
in the checkpoint, as an interrupted run does, and the first process goes on from there.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.asm.ranks import Ranks
from labelaudit.errors import TrainingError
from labelaudit.evidence.crossfit import deal_folds
from labelaudit.evidence.device import build_accelerator, repeatable
from labelaudit.evidence.folds import Anchor, Folds
from labelaudit.evidence.learners import frozen_features, head_learners, network_learners
from labelaudit.evidence.plan import Plan
from labelaudit.pixels.store import PixelStore
from labelaudit.records import IntArray, Progress, Stage, no_progress
from labelaudit.settings import Targets, Training

_SEEN_WITHIN = 60.0
"""Seconds after which a file that another machine wrote must be seen; network file systems take some."""


def prepare_folds(
    features: Tensor | None,
    store: PixelStore,
    *,
    rows: NDArray[np.int64],
    given: IntArray,
    num_classes: int,
    plan: Plan,
    checkpoint: Path | None,
) -> Folds:
    """Deals the folds, and says what learns on them; the same in every process.

    Args:
        features: Of the frozen trunk, in the heads' short form, (V, N, H); None = whole networks learn.
        store: Pixels of all N rows.
        rows: Rows that are audited, (n,), rising.
        given: Their given labels in [0, K), (n,).
        num_classes: K.
        plan: What to do.
        checkpoint: Folder in which states are kept; or None.
    """
    settings = plan.settings
    accelerator = build_accelerator(plan.device, mixed=features is None)
    if features is None:
        learners = network_learners(store, plan, num_classes, accelerator)
    else:
        learners = head_learners(features, num_classes, accelerator)
    twins = store.facts.duplicate_group[rows].astype(np.int64)
    return Folds(
        build=learners.build,
        batches=learners.batches,
        rows=rows,
        given=given,
        fold=deal_folds(given, twins, folds=settings.folds or 1, seed=settings.seed),
        num_classes=num_classes,
        settings=settings.asm,
        accelerator=accelerator,
        seed=settings.seed,
        checkpoint=checkpoint,
    )


def help_to_gather(
    store: PixelStore,
    *,
    rows: NDArray[np.int64],
    given: IntArray,
    num_classes: int,
    plan: Plan,
    cache_dir: Path,
    checkpoint: Path,
    ranks: Ranks,
) -> None:
    """What the other processes do while the first one runs ``gather_evidence`` with the same arguments.

    They compute their share of the features and train their share of the folds; ridge, neighbours and outlier scores,
    which take seconds, are the first one's own.

    Raises:
        LabelAuditError: As ``gather_evidence``; or another process failed.
    """
    frozen = plan.settings.training is Training.FROZEN
    with repeatable(plan.device, small=False):
        frozen_features(store, plan, cache_dir, [], no_progress, ranks=ranks)
    with repeatable(plan.device, small=frozen):
        folds = prepare_folds(
            ranks.share(None) if frozen else None,
            store,
            rows=rows,
            given=given,
            num_classes=num_classes,
            plan=plan,
            checkpoint=checkpoint,
        )
        train_apart(folds, ranks, anchored=plan.settings.asm.targets is Targets.ANCHORED)


def train_apart(
    folds: Folds, ranks: Ranks, *, anchored: bool, anchor: Anchor | None = None, progress: Progress = no_progress
) -> None:
    """Trains all folds that are not finished, each by the processes that it falls to.

    Args:
        folds: What is trained and judged; the same in every process, with a checkpoint folder that all see.
        ranks: The processes.
        anchored: Whether peers lean on an anchor.
        anchor: It, in the first process; None in the others, which are sent what they need of it.
        progress: Told of the epochs of this process's folds; of the first process alone it is heard.

    Raises:
        TrainingError: As ``cross_fit``, in this process or another; or there is no folder that all see.
    """
    unfinished = [number for number in folds.numbers if not folds.is_finished(folds.saved(number))]
    unfinished = ranks.tell(unfinished if ranks.is_first else None)
    if not unfinished:
        return
    teams, own, team = ranks.teams(len(unfinished))
    mine = unfinished[own::teams] if team is not None else []
    leaned_on = {}
    for number in unfinished if anchored else ():
        found = ranks.share(torch.from_numpy(anchor(folds.learned(number))) if anchor is not None else None)
        if number in mine:
            leaned_on[number] = found.numpy()

    def train() -> None:
        for number in mine:
            anchored_by = leaned_on.pop(number, None)
            lean = None if anchored_by is None else lambda _, found=anchored_by: found
            assert team is not None
            folds.train(number, anchor=lean, team=team, progress=progress)
            folds.accelerator.free_memory()
        if len(mine) < len(unfinished):
            progress(Stage("waiting for the folds of other processes", 0, 0, "folds"))

    ranks.agree(train)
    if ranks.is_first:
        for number in unfinished:
            path = folds.path(number)
            assert path is not None
            _wait_until_seen(path)


def sharing_note(ranks: Ranks, folds: int) -> str | None:
    """How processes shared the folds, in a sentence; None where there is one process."""
    if ranks.size == 1:
        return None
    teams, size = ranks.team_sizes(folds)
    idle = ranks.size - teams * size
    left = f"; {idle} had none to train" if idle else ""
    how = f"each of {teams} trained whole folds" if size == 1 else f"{size} trained each fold together"
    return f"{ranks.size} processes computed features; {how}{left}"


def _wait_until_seen(path: Path) -> None:
    until = time.monotonic() + _SEEN_WITHIN
    while not path.exists():
        if time.monotonic() > until:
            raise TrainingError(
                f"{path.name}, which another process wrote, is not to be seen; --out must lie where all can read it"
            )
        list(path.parent.iterdir())  # makes a network file system look again
        time.sleep(0.5)
