"""Decides what a person left open, from the device, the weights and the size of the dataset, and says so.

The numbers are ours. Where a network and its weights are known they follow what was measured on ten-vote faces
(``examples/benchmarks/README.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from labelaudit.errors import SettingsError
from labelaudit.evidence.device import open_device
from labelaudit.nets.recipe import WITHOUT_WEIGHTS
from labelaudit.nets.registry import input_size
from labelaudit.nets.weights import Weights, WeightsChoice, backbone_of, resolve_weights
from labelaudit.settings import AsmSettings, AuditSettings, Effort, Targets, ThresholdRule, Training


@dataclass(frozen=True)
class Plan:
    """What an audit will do.

    Attributes:
        settings: Everything decided: no None is left in effort, training, folds, nets, asm and verdict.
        weights: Where the network starts; None = random weights.
        device: What it runs on.
        assumed: What was decided rather than told, one sentence each.
    """

    settings: AuditSettings
    weights: Weights | None
    device: torch.device
    assumed: tuple[str, ...]


@dataclass(frozen=True)
class _Course:
    """Numbers of one kind of training."""

    epochs: int
    warm_up: int
    batch: int
    learning_rate: float


_HEADS = _Course(epochs=20, warm_up=6, batch=128, learning_rate=1e-3)
_FINE_TUNE = _Course(epochs=8, warm_up=3, batch=64, learning_rate=1e-3)
_SCRATCH = _Course(epochs=16, warm_up=6, batch=64, learning_rate=2e-3)
_SCRATCH_GPU = _Course(epochs=40, warm_up=10, batch=128, learning_rate=2e-3)
_THOROUGH = 1.5
"""Factor of the epochs with ``--effort thorough``."""
_FOLDS = {Effort.QUICK: 5, Effort.STANDARD: 5, Effort.THOROUGH: 10}
_SCRATCH_FOLDS = 3
"""Folds of a whole network from random weights on a CPU, where each costs minutes."""
_FINE_TUNE_SIZE = 96
"""Input of a fine-tuned MobileFaceNet: 112 gained nothing over it and takes a third longer."""
_FROZEN_BLOCKS = 5
"""First blocks of a MobileFaceNet that a CPU leaves as they came: all that works at more than a quarter of the
resolution. Whole, the network takes three times as long."""
_LEAST_STEPS = 400
"""Optimiser steps below which a small dataset's epochs are multiplied."""


def make_plan(settings: AuditSettings, *, rows: int, cache_dir: Path) -> Plan:
    """Decides everything that is None in the settings.

    Args:
        settings: As a person gave them.
        rows: Samples that could be audited, n.
        cache_dir: The user's cache folder, for weights.

    Raises:
        SettingsError: Settings contradict each other, or there is no such device or network.
        WeightsError: The weights asked for cannot be had.
    """
    assumed: list[str] = []
    device = open_device(settings.device)
    fast = device.type == "cuda"
    backbone, weights = _find_network(settings, fast=fast, cache_dir=cache_dir, assumed=assumed)
    effort = settings.effort or (Effort.STANDARD if fast else Effort.QUICK)
    if settings.effort is None:
        assumed.append(f"effort {effort} on {device.type}")
    training = settings.training or _decide_training(backbone, weights, effort)
    _check_training(training, backbone, weights)
    if settings.training is None:
        what = "heads on a frozen trunk" if training is Training.FROZEN else "the whole network"
        assumed.append(f"training {what} ({training})")
    slow = weights is None and training is Training.FINE_TUNE and not fast
    folds = settings.folds or (_SCRATCH_FOLDS if slow else _FOLDS[effort])
    if settings.folds is None:
        assumed.append(f"{folds} folds")
    asm = _decide_course(settings.asm, training, weights, effort, rows * max(folds - 1, 1) // folds, fast=fast)
    if settings.asm.epochs is None:
        assumed.append(f"{asm.epochs} epochs, {asm.warm_up} of them warm-up, in batches of {asm.batch}")
    if asm.warm_up == asm.epochs:
        assumed.append("every epoch is warm-up: nothing is mined")
    default = _FINE_TUNE_SIZE if (backbone, training) == ("mobilefacenet", Training.FINE_TUNE) else input_size(backbone)
    size = settings.nets.size or default
    if settings.nets.size is None:
        assumed.append(f"input of {size} px")
    blocks = _decide_frozen_blocks(settings.nets.frozen_blocks, training, backbone, weights, effort, fast=fast)
    if settings.nets.frozen_blocks is None and blocks:
        assumed.append(f"the first {blocks} blocks stay as they came (frozen_blocks)")
    rule = settings.verdict.rule or (ThresholdRule.ASM if folds == 1 else ThresholdRule.CALIBRATED)
    if folds == 1:
        if rule is ThresholdRule.CALIBRATED:
            raise SettingsError(
                "the calibrated rule needs judges that have not seen the labels; use --folds 2 or more, or --rule asm"
            )
        assumed.append(
            "a single run judges labels that its peers have seen: p_mislabelled is not calibrated and errors hide; "
            "use --folds 5 for a verdict to rely on"
        )
    decided = replace(
        settings,
        effort=effort,
        training=training,
        folds=folds,
        nets=replace(
            settings.nets, backbone=backbone, size=size, weights=_word(settings.nets.weights), frozen_blocks=blocks
        ),
        asm=asm,
        verdict=replace(settings.verdict, rule=rule),
    )
    return Plan(decided, weights, device, tuple(assumed))


def _find_network(
    settings: AuditSettings, *, fast: bool, cache_dir: Path, assumed: list[str]
) -> tuple[str, Weights | None]:
    """The backbone and its weights; a choice of weights may name the backbone."""
    choice = settings.nets.weights
    if settings.nets.backbone == WITHOUT_WEIGHTS:
        if choice not in (WeightsChoice.AUTO, WeightsChoice.NONE):
            raise SettingsError(
                f"backbone {WITHOUT_WEIGHTS} takes no weights; leave out --weights {_word(choice)} or the --backbone"
            )
        return WITHOUT_WEIGHTS, None
    backbone = settings.nets.backbone or backbone_of(choice)
    weights: Weights | None = None
    if backbone is not None:
        weights, note = resolve_weights(choice, backbone, cache_dir=cache_dir)
        assumed.append(f"weights={_word(choice)}: {note}")
    elif choice == WeightsChoice.NONE:
        assumed.append(f"weights=none: {resolve_weights(choice, 'resnet18', cache_dir=cache_dir)[1]}")
    else:
        raise SettingsError(f"{_word(choice)} fits no network of ours; name its --backbone")
    if settings.nets.backbone is not None:
        return settings.nets.backbone, weights
    if weights is None:
        backbone = "resnet18" if fast else "resnet-small"
    assert backbone is not None
    assumed.append(f"backbone {backbone}")
    return backbone, weights


def _word(choice: str) -> str:
    """A choice of weights as a report may keep it: a file by its name, without its folder."""
    return choice if choice in list(WeightsChoice) else Path(choice).name


def _decide_training(backbone: str, weights: Weights | None, effort: Effort) -> Training:
    frozen = backbone == WITHOUT_WEIGHTS or (weights is not None and effort is Effort.QUICK)
    return Training.FROZEN if frozen else Training.FINE_TUNE


def _check_training(training: Training, backbone: str, weights: Weights | None) -> None:
    if training is Training.FROZEN and weights is None and backbone != WITHOUT_WEIGHTS:
        raise SettingsError(
            "a frozen trunk needs pretrained weights; give --weights, --training fine-tune, "
            f"or --backbone {WITHOUT_WEIGHTS}"
        )
    if training is Training.FINE_TUNE and backbone == WITHOUT_WEIGHTS:
        raise SettingsError(f"backbone {WITHOUT_WEIGHTS} has nothing to train; use --training frozen")


def _decide_frozen_blocks(
    chosen: int | None, training: Training, backbone: str, weights: Weights | None, effort: Effort, *, fast: bool
) -> int:
    can = training is Training.FINE_TUNE and backbone == "mobilefacenet" and weights is not None
    if chosen is not None:
        if chosen and not can:
            raise SettingsError(
                f"nets.frozen_blocks is for a pretrained mobilefacenet that is fine-tuned, not for {backbone} "
                f"({training}); leave it out"
            )
        return chosen
    return _FROZEN_BLOCKS if can and not fast and effort is not Effort.THOROUGH else 0


def _decide_course(
    asm: AsmSettings, training: Training, weights: Weights | None, effort: Effort, rows: int, *, fast: bool
) -> AsmSettings:
    if training is Training.FROZEN:
        course = _HEADS
    elif weights is not None:
        course = _FINE_TUNE
    else:
        course = _SCRATCH_GPU if fast else _SCRATCH
    batch = asm.batch or min(course.batch, max(16, rows // 16))
    steps = max(rows // batch, 1) * course.epochs
    factor = (_THOROUGH if effort is Effort.THOROUGH else 1.0) * min(max(_LEAST_STEPS / steps, 1.0), 4.0)
    epochs = asm.epochs or round(course.epochs * factor)
    warm_up = asm.warm_up or max(1, round(epochs * course.warm_up / course.epochs))
    if warm_up > epochs:
        raise SettingsError(
            f"a warm-up of {warm_up} epochs does not fit into {epochs}; lower --warm-up, raise --epochs"
        )
    return replace(
        asm,
        epochs=epochs,
        warm_up=warm_up,
        batch=batch,
        learning_rate=asm.learning_rate or course.learning_rate,
        targets=asm.targets or Targets.ANCHORED,
    )
