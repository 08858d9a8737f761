"""``labelaudit audit``: from a labelled dataset to a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.errors import set_resumable
from labelaudit.cli.output.results import write_audit
from labelaudit.cli.progress import stage_lines
from labelaudit.cli.source_flags import with_source_options
from labelaudit.source.options import SourceOptions

EXAMPLES = """Examples:

labelaudit audit faces --out runs/faces

labelaudit audit labels.csv --out runs/labels --label-column emotion --weights face --seed 3

labelaudit audit labels.csv --out runs/who --slice annotator --slice camera

labelaudit audit fer2013.csv --out runs/fer --split train --json > summary.json

labelaudit audit faces --out runs/second --decisions runs/faces/decisions.jsonl"""

Decisions = Annotated[
    list[Path] | None,
    typer.Option(
        help="What people decided of these rows: trusted, learned from, never asked again. May be repeated.",
        rich_help_panel=opt.WORK,
    ),
]


@with_source_options()
def audit(
    *,
    ctx: typer.Context,
    dataset: opt.Dataset,
    out: opt.Out,
    source: SourceOptions,
    slice_: opt.Slice = None,
    config: opt.Config = None,
    effort: opt.EffortChoice = None,
    folds: opt.Folds = None,
    seed: opt.Seed = None,
    device: opt.Device = None,
    workers: opt.Workers = None,
    cache_dir: opt.CacheDir = None,
    decisions: Decisions = None,
    force: opt.Force = False,
    resume: opt.Resume = False,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    size: opt.Size = None,
    training: opt.TrainingChoice = None,
    epochs: opt.Epochs = None,
    batch: opt.Batch = None,
    learning_rate: opt.LearningRate = None,
    weight_decay: opt.WeightDecay = None,
    warm_up: opt.WarmUp = None,
    targets: opt.TargetsChoice = None,
    thresholds: opt.Thresholds = None,
    clean_scale: opt.CleanScale = None,
    noisy_scale: opt.NoisyScale = None,
    mutual_weight: opt.MutualWeight = None,
    consistency_weight: opt.ConsistencyWeight = None,
    ramp_beta: opt.RampBeta = None,
    reduction: opt.ReductionChoice = None,
    balance: opt.Balance = None,
    min_class_size: opt.MinClassSize = None,
    rule: opt.Rule = None,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Trains on a labelled dataset and reports which labels are clean, ambiguous or wrong."""
    settings = opt.audit_settings(
        config,
        {
            "effort": effort,
            "training": training,
            "folds": folds,
            "seed": seed,
            "device": device,
            "workers": workers,
            "cache_dir": cache_dir,
            "nets": {"backbone": backbone, "weights": weights, "size": size},
            "asm": {
                "epochs": epochs,
                "warm_up": warm_up,
                "batch": batch,
                "learning_rate": learning_rate,
                "weight_decay": weight_decay,
                "targets": targets,
                "thresholds": thresholds,
                "clean_scale": clean_scale,
                "noisy_scale": noisy_scale,
                "mutual_weight": mutual_weight,
                "consistency_weight": consistency_weight,
                "ramp_beta": ramp_beta,
                "reduction": reduction,
                "balance": balance,
            },
            "verdict": {"min_class_size": min_class_size, "rule": rule},
        },
    )
    set_resumable(ctx)

    from labelaudit.asm.ranks import joined_ranks
    from labelaudit.pipeline import run_audit
    from labelaudit.queue.decisions import read_decisions
    from labelaudit.scale.run_url import run_to_publish
    from labelaudit.source.fingerprint import dataset_name
    from labelaudit.source.origin import Origin

    origin = Origin(dataset, replace(source, slices=tuple(slice_ or ())))
    with joined_ranks() as ranks:
        said = ranks.agree(lambda: [each for path in decisions or () for each in read_decisions(path)])
        opened = ranks.agree(origin.open)
        with (
            stage_lines(quiet=quiet or not ranks.is_first) as progress,
            run_to_publish(out, cache_dir=settings.cache_dir, force=force, progress=progress) as folder,
        ):
            result = run_audit(
                opened,
                out=folder,
                settings=settings,
                name=dataset_name(dataset),
                origin=origin,
                force=force,
                resume=resume,
                decisions=said,
                progress=progress,
            )
        if ranks.is_first:
            write_audit(result.summary, run=out, as_json=as_json, quiet=quiet, verbose=verbose)
