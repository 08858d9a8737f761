"""``labelaudit score``: new images judged by the model that an audit left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.errors import set_resumable
from labelaudit.cli.output.score import write_score
from labelaudit.cli.progress import stage_lines
from labelaudit.cli.source_flags import with_source_options
from labelaudit.scale.settings import Engine, PartSettings
from labelaudit.source.options import SourceOptions

EXAMPLES = """Examples:

labelaudit score new-faces --model runs/faces --out runs/new

labelaudit score batch.csv --model runs/faces --out runs/batch --label-map joy=happy --json > summary.json

labelaudit score s3://faces/new --model s3://runs/faces --out s3://runs/new

labelaudit score /shared/new --model runs/faces --out /shared/runs/new --engine ray --ray-address auto"""

PARTS = "Parts (batches of millions)"

Batch = Annotated[
    str,
    typer.Argument(
        metavar="BATCH",
        help="New images: a folder, a table (csv, tsv, jsonl, parquet), a URL of one, or a Hugging Face name.",
        show_default=False,
    ),
]
Model = Annotated[
    str,
    typer.Option("--model", help="Folder or URL of a finished audit.", rich_help_panel=opt.WORK, show_default=False),
]
Where = Annotated[
    Engine,
    typer.Option("--engine", help="This machine, or a Ray cluster (extra ray).", rich_help_panel=PARTS),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        help="Of a running cluster. Default: RAY_ADDRESS, else one on this machine meanwhile.",
        rich_help_panel=PARTS,
        show_default=False,
    ),
]
PartRows = Annotated[
    int | None,
    typer.Option(
        help="Score so many rows after the other, without a pixel cache. Default: all at once; on Ray about 64 MB.",
        rich_help_panel=PARTS,
        show_default=False,
    ),
]


@with_source_options()
def score(
    *,
    ctx: typer.Context,
    batch: Batch,
    model: Model,
    out: opt.Out,
    source: SourceOptions,
    device: opt.Device = None,
    workers: opt.Workers = None,
    cache_dir: opt.CacheDir = None,
    engine: Where = Engine.LOCAL,
    ray_address: RayAddress = None,
    part_rows: PartRows = None,
    force: opt.Force = False,
    resume: opt.Resume = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Judges new images by a finished audit's model. Nothing is trained; pictures unlike its training data are said."""
    set_resumable(ctx)
    in_parts = engine is Engine.RAY or part_rows is not None or ray_address is not None
    parts = PartSettings(rows=part_rows, engine=engine, ray_address=ray_address) if in_parts else None

    from labelaudit.scoring import score as score_batch

    with stage_lines(quiet=quiet) as progress:
        result = score_batch(
            batch,
            model=model,
            out=out,
            options=source,
            device=device or "auto",
            workers=workers,
            cache_dir=cache_dir,
            force=force,
            resume=resume,
            parts=parts,
            progress=progress,
        )
    write_score(result, run=out, as_json=as_json, quiet=quiet, verbose=verbose)
