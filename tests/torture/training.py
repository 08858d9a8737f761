"""Trainings broken on purpose are said to be broken, and datasets that are merely hard are not.

Each broken one is a whole audit of drawn faces with one thing spoiled inside of the trainer, or in the labels. Lost is
one that is not said to be untrusted for that reason in summary and metadata, or that a check does not refuse. The false
alarms are counted on small, noisy and lopsided sets, whose labels hold more than chance: lost is one that is called
untrusted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from labelaudit.asm.trainer import Trainer
from labelaudit.errors import GateError, TrainingError
from labelaudit.faces import EXPRESSIONS, draw_dataset
from labelaudit.gate.run import check
from labelaudit.pipeline import AuditResult, audit
from labelaudit.report.table import read_report
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings, ThresholdKind

from .row import Row, row_of, told

PART = "training"
SETTINGS = AuditSettings(
    folds=3,
    device="cpu",
    workers=1,
    nets=NetSettings(backbone="gradients", weights="none"),
    asm=AsmSettings(epochs=12, warm_up=4, batch=32),
)
_SWALLOWING = replace(SETTINGS.asm, thresholds=ThresholdKind.FIXED, clean_scale=0.99, noisy_scale=0.97)
Faces = tuple[NDArray[np.uint8], list[str]]
Spoil = Callable[[Trainer], None]


@dataclass(frozen=True)
class Broken:
    """A training with something wrong.

    Attributes:
        name: For the table.
        said: What the run must say of it.
        spoil: Breaks a trainer before it begins.
        asm: Settings that break it, or those of all.
        shuffled: Whether the labels have nothing to do with the faces.
    """

    name: str
    said: str
    spoil: Spoil | None = None
    asm: AsmSettings = SETTINGS.asm
    shuffled: bool = False


def _rate(value: float) -> Spoil:
    return lambda trainer: setattr(trainer, "first_peak", value)


def _zero(trainer: Trainer) -> None:
    with torch.no_grad():
        for weights in trainer.raw_peers.peer2.parameters():
            weights.zero_()


def _one_class(trainer: Trainer) -> None:
    """One class is far above the others, and stays there: its bias does not learn."""
    last = list(trainer.raw_peers.peer1.modules())[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.bias[2] = 12.0
    last.bias.requires_grad_(False)


def _first_fold_dies(trainer: Trainer) -> None:
    if trainer.seed == SETTINGS.seed:
        _zero(trainer)


def breaking(limit: float) -> Spoil:
    """Breaks a weight after every step at a rate above the limit, as too high a rate does in the end."""

    def spoil(trainer: Trainer) -> None:
        step = trainer.optimizer.step

        def break_weights() -> None:
            step()
            if trainer.optimizer.param_groups[0]["lr"] > limit:
                with torch.no_grad():
                    next(trainer.raw_peers.parameters()).fill_(torch.nan)

        trainer.optimizer.step = break_weights

    return spoil


BROKEN = (
    Broken("labels dealt out at random", "nothing could be learned from these labels", shuffled=True),
    Broken("a learning rate of 1,000", "guessing by the class shares alone costs", _rate(1e3)),
    Broken("a learning rate of next to 0", "the loss did not fall", _rate(1e-8)),
    Broken("a peer of zeros", "peer 2 gives every face the same answer", _zero),
    Broken("a peer of zeros in one fold", "peer 2 of fold 1 gives every face the same answer", _first_fold_dies),
    Broken("a peer that knows one class", "every face", _one_class),
    Broken("thresholds that nobody reaches", "thresholds swallowed", asm=_SWALLOWING),
)
HARD = tuple(
    (count, classes, noise, rare)
    for count, classes, noise, rare in (
        (200, 7, 0.1, 0),
        (200, 7, 0.3, 0),
        (200, 2, 0.1, 0),
        (300, 4, 0.3, 0),
        (400, 7, 0.1, 12),
        (400, 7, 0.4, 12),
        (600, 7, 0.6, 0),
        (2_000, 7, 0.6, 0),
    )
)
"""Faces, classes, share of wrong labels, and faces of the rarest class (0 = as many as of the others)."""


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """Breaks every training that can be broken; the short form once, with one hard set."""
    seeds = range(seed, seed + (1 if quick else 4))
    rows = [told(row_of(PART, each.name, (tried(each, number, folder) for number in seeds))) for each in BROKEN]
    rows.append(told(row_of(PART, "numbers that break, until the rate is a quarter", _going_back(seeds, folder))))
    rows.append(told(row_of(PART, "numbers that break at any rate", _giving_up(seeds, folder))))
    rows += [told(_false_alarms(hard, seeds, folder)) for hard in (HARD[1:2] if quick else HARD)]
    return rows


def tried(broken: Broken, seed: int, folder: Path) -> str | None:
    """What is wrong with what a run says of a broken training; None where all is said."""
    result = _audit(hard_faces(210, 7, 0.1, 0, seed=seed, shuffled=broken.shuffled), broken, folder)
    distrust = result.summary.distrust
    if not any(broken.said in each for each in distrust):
        return f"seed {seed}: the run says {list(distrust)}"
    if read_report(result.run).metadata.distrust != tuple(distrust):
        return f"seed {seed}: summary and metadata say different things"
    try:
        check(result.run.root, {"max-mislabelled": "100%"})
    except GateError as error:
        return None if "not to be trusted" in str(error) and "\n" not in str(error) else f"seed {seed}: {error}"
    return f"seed {seed}: a check passed"


def _going_back(seeds: range, folder: Path) -> Iterator[str | None]:
    broken = Broken("", "", breaking(0.3e-3))
    for seed in seeds:
        result = _audit(hard_faces(210, 7, 0.1, 0, seed=seed), broken, folder)
        told_first = result.summary.assumed[0]
        fine = "came to no numbers in epochs" in told_first and "to 0.00025 in the end" in told_first
        yield None if fine else f"seed {seed}: {told_first}"


def _giving_up(seeds: range, folder: Path) -> Iterator[str | None]:
    for seed in seeds:
        try:
            _audit(hard_faces(210, 7, 0.1, 0, seed=seed), Broken("", "", breaking(0.0)), folder)
        except TrainingError as error:
            fine = "\n" not in str(error) and "halved 3 times" in str(error) and "--learning-rate" in str(error)
            yield None if fine else f"seed {seed}: {error}"
        else:
            yield f"seed {seed}: no error"


def _false_alarms(hard: tuple[int, int, float, int], seeds: range, folder: Path) -> Row:
    count, classes, noise, rare = hard
    start, alarms = time.perf_counter(), []
    for seed in seeds:
        result = _audit(hard_faces(count, classes, noise, rare, seed=seed), Broken("", ""), folder)
        alarms += [f"seed {seed}: {each}" for each in result.summary.distrust[:1]]
    tried_name = f"no alarm: {count:,} faces, {classes} classes, {noise:.0%} noise{f', one of {rare}' if rare else ''}"
    return Row(PART, tried_name, len(seeds), len(alarms), time.perf_counter() - start, alarms[0] if alarms else "")


def _audit(faces: Faces, broken: Broken, folder: Path) -> AuditResult:
    """An audit with a spoiled trainer; one of few epochs, so that it is quick."""
    place = folder / f"run-{sum(1 for _ in folder.iterdir())}"
    begin = Trainer.__init__

    def spoiled(trainer: Trainer, *arguments: object, **options: object) -> None:
        begin(trainer, *arguments, **options)  # type: ignore[arg-type]
        if broken.spoil is not None:
            broken.spoil(trainer)

    settings = replace(SETTINGS, asm=broken.asm, cache_dir=folder / "cache")
    with mock.patch.object(Trainer, "__init__", spoiled):
        return audit(faces, out=place, settings=settings)


def hard_faces(count: int, classes: int, noise: float, rare: int, *, seed: int, shuffled: bool = False) -> Faces:
    """Drawn faces under noisy labels.

    Args:
        count: Faces.
        classes: Expressions.
        noise: Share of the labels that become any other class.
        rare: Faces of the last class; 0 = as many as of the others.
        seed: Of everything.
        shuffled: Deal the labels out at random instead.
    """
    names = EXPRESSIONS[:classes]
    shares = dict.fromkeys(names, 1.0)
    if rare:
        shares[names[-1]] = rare * (classes - 1) / (count - rare)
    blends = 0.15 if classes == len(EXPRESSIONS) else 0.0  # a blend may carry any expression's name
    drawn = draw_dataset(count, seed=seed, wrong_share=0.0, ambiguous_share=blends, class_shares=shares)
    generator = np.random.default_rng(seed)
    given = np.array([names.index(label) for label in drawn.given])
    wrong = generator.random(count) < noise
    given[wrong] = (given[wrong] + generator.integers(1, classes, int(wrong.sum()))) % classes
    if shuffled:
        given = generator.permutation(given)
    return drawn.images, [names[label] for label in given]
