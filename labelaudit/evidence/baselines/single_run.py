"""One run on all audited rows, as papers have it: its networks judge labels that they have seen.

Plain cross-entropy is a run whose every epoch is warm-up; fixed thresholds are a setting of the method.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from labelaudit.asm.losses import class_weights
from labelaudit.asm.trainer import Trainer
from labelaudit.evidence.baselines.bed import Bed
from labelaudit.evidence.baselines.trace import LabelTrace
from labelaudit.evidence.crossfit import CrossFit, cross_fit
from labelaudit.evidence.device import repeatable
from labelaudit.evidence.folds import Folds
from labelaudit.records import FloatArray
from labelaudit.settings import AsmSettings


@dataclass(frozen=True)
class SingleRun:
    """What a run on all audited rows says.

    Attributes:
        posterior: Of the audited rows, mean of both networks, (n, K): in sample.
        test_posterior: Of the test rows, (t, K).
    """

    posterior: FloatArray
    test_posterior: FloatArray


def plain_settings(settings: AsmSettings) -> AsmSettings:
    """The same course as plain cross-entropy: nothing is mined."""
    return replace(settings, warm_up=settings.epochs)


def fit_once(
    bed: Bed, settings: AsmSettings, *, anchor: FloatArray | None = None, trace: LabelTrace | None = None
) -> SingleRun:
    """Trains two networks on all audited rows.

    Args:
        bed: What is shared.
        settings: The method's numbers, all decided.
        anchor: For anchored ASM, out-of-sample posteriors of the audited rows, (n, K); None = literal.
        trace: Told of every epoch.

    Raises:
        TrainingError: Training comes to no numbers.
    """
    counts = torch.bincount(torch.from_numpy(bed.given), minlength=bed.num_classes)
    with repeatable(bed.plan.device, small=bed.frozen):
        run = Trainer(
            bed.learners.build(bed.seed),
            bed.learners.batches,
            given=bed.labels(),
            train_rows=torch.from_numpy(bed.rows),
            judge_rows=torch.from_numpy(np.concatenate([bed.rows, bed.test_rows])),
            num_classes=bed.num_classes,
            settings=settings,
            accelerator=bed.accelerator,
            seed=bed.seed,
            anchor=None if anchor is None else torch.from_numpy(anchor),
            class_weights=class_weights(counts, power=settings.balance) if settings.balance else None,
        ).fit(on_epoch=trace)
    if not bed.frozen:  # the accelerator holds on to networks that it prepared
        bed.accelerator.free_memory()
    posterior = 0.5 * (run.peer1 + run.peer2)
    return SingleRun(posterior[: len(bed.rows)], posterior[len(bed.rows) :])


def cross_fit_plain(bed: Bed, *, checkpoint: Path | None = None) -> CrossFit:
    """Plain cross-entropy on the audit's folds: every audited row is judged by networks that did not see its label.

    Args:
        bed: What is shared.
        checkpoint: Folder from which an interrupted run goes on; or None.

    Raises:
        TrainingError: Training comes to no numbers, or the checkpoint is damaged or of another run.
    """
    with repeatable(bed.plan.device, small=bed.frozen):
        return cross_fit(
            Folds(
                build=bed.learners.build,
                batches=bed.learners.batches,
                rows=bed.rows,
                given=bed.given,
                fold=bed.fold,
                num_classes=bed.num_classes,
                settings=plain_settings(bed.plan.settings.asm),
                accelerator=bed.accelerator,
                seed=bed.seed,
                checkpoint=checkpoint,
            )
        )
