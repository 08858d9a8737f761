"""``labelaudit bench``: the audit and its baselines side by side, on known noise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.errors import set_resumable
from labelaudit.cli.output.results import write_bench
from labelaudit.cli.progress import stage_lines
from labelaudit.cli.source_flags import with_source_options
from labelaudit.errors import SettingsError
from labelaudit.source.options import SourceOptions

EXAMPLES = """Examples:

labelaudit bench faces --out benches/faces --limit 2000

labelaudit bench votes.parquet --out benches/votes --task one-vote --task flips:0.3 --seeds 0-2

labelaudit bench labels.csv --out benches/own --task own --label-column old --truth-column checked"""

_MOST_SEEDS = 1_000

Out = Annotated[
    Path, typer.Option("--out", help="The folder to be, for results.", rich_help_panel=opt.WORK, show_default=False)
]
Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        help="one-vote, flips, flips:0.3, confusions or own. May be repeated. Default: what the dataset allows.",
        rich_help_panel=opt.WORK,
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        help="Name of a method; a wrong one lists them all. May be repeated. Default: all.",
        rich_help_panel=opt.WORK,
    ),
]
Seeds = Annotated[str, typer.Option(help="Draws of faces and noise, such as 0-2 or 0,3,5.", rich_help_panel=opt.WORK)]
Limit = Annotated[
    int | None,
    typer.Option(min=20, help="Faces a draw, test faces included. Default: all.", rich_help_panel=opt.WORK),
]
TestShare = Annotated[
    float, typer.Option(help="Of them that nothing learns from, to test trained models.", rich_help_panel=opt.WORK)
]
TruthColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of true labels. Default: the votes, else the labels as they are.", rich_help_panel=opt.DATA
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier bench there.", rich_help_panel=opt.WORK)]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a bench; finished results stay.", rich_help_panel=opt.WORK)
]


@with_source_options(votes=False)
def bench(
    *,
    ctx: typer.Context,
    dataset: opt.Dataset,
    out: Out,
    task: Tasks = None,
    method: Methods = None,
    seeds: Seeds = "0-2",
    limit: Limit = None,
    test_share: TestShare = 0.2,
    truth_column: TruthColumn = None,
    source: SourceOptions,
    config: opt.Config = None,
    effort: opt.EffortChoice = None,
    folds: opt.Folds = None,
    device: opt.Device = None,
    workers: opt.Workers = None,
    cache_dir: opt.CacheDir = None,
    force: Force = False,
    resume: Resume = False,
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
    min_class_size: opt.MinClassSize = None,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Puts known noise into a dataset and measures the audit beside cleanlab, AUM and other baselines."""
    settings = opt.audit_settings(
        config,
        {
            "effort": effort,
            "training": training,
            "folds": folds,
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
            },
            "verdict": {"min_class_size": min_class_size},
        },
    )
    numbers = read_seeds(seeds)
    set_resumable(ctx)

    from labelaudit.bench.run import run_bench

    with stage_lines(quiet=quiet) as progress:
        result = run_bench(
            dataset,
            out=out,
            tasks=task or (),
            methods=method or (),
            seeds=numbers,
            limit=limit,
            test_share=test_share,
            truth_column=truth_column,
            settings=settings,
            options=source,
            force=force,
            resume=resume,
            progress=progress,
        )
    write_bench(result.summary, out=out, as_json=as_json, quiet=quiet, verbose=verbose)


def read_seeds(text: str) -> tuple[int, ...]:
    """``0-2`` -> 0, 1, 2; ``0,3,5`` -> these.

    Raises:
        SettingsError: It is neither.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip(), flags=re.ASCII)
        first, last = (0, -1) if match is None else (int(match[1]), int(match[2] or match[1]))
        if not first <= last < first + _MOST_SEEDS:
            raise SettingsError(f"--seeds {text!r} are no numbers; write 0-2, or 0,3,5")
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))
