"""``labelaudit demo``: draws faces, some under wrong labels, audits them, and says what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.errors import set_resumable
from labelaudit.cli.output.results import write_demo
from labelaudit.cli.progress import stage_lines
from labelaudit.errors import RunFolderError

EXAMPLES = """Examples:

labelaudit demo

labelaudit demo --out runs/demo --force --verbose"""

Faces = Annotated[int, typer.Option(min=200, max=100_000, help="Faces to draw.", rich_help_panel=opt.WORK)]
DemoSeed = Annotated[int, typer.Option(min=0, help="Seed of everything random.", rich_help_panel=opt.WORK)]
DemoOut = Annotated[
    Path, typer.Option("--out", help="The run folder to be; the faces go beside it.", rich_help_panel=opt.WORK)
]


def demo(
    ctx: typer.Context,
    out: DemoOut = Path("runs/demo"),
    faces: Faces = 6_000,
    seed: DemoSeed = 0,
    device: opt.Device = None,
    cache_dir: opt.CacheDir = None,
    force: opt.Force = False,
    resume: opt.Resume = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Draws faces with known label errors, audits them, and says how many were found. Needs no data, no network."""
    settings = opt.audit_settings(
        None,
        {"seed": seed, "device": device, "cache_dir": cache_dir, "nets": {"weights": "none", "backbone": "gradients"}},
    )
    set_resumable(ctx)

    from labelaudit.faces import draw_dataset, is_written, write_dataset
    from labelaudit.pipeline import run_audit
    from labelaudit.records import Stage
    from labelaudit.report.table import read_report
    from labelaudit.report.truth import score_against_truth
    from labelaudit.source.origin import Origin

    folder = out.with_name(f"{out.name}-faces")
    if folder.exists() and not (force or resume):
        raise RunFolderError(f"{folder} exists already; add --resume to go on or --force to draw anew, or change --out")
    with stage_lines(quiet=quiet) as progress:
        progress(Stage("drawing", 0, faces, "faces"))
        drawn = draw_dataset(faces, seed=seed)
        if resume and folder.exists():
            if not is_written(drawn, folder):
                raise RunFolderError(
                    f"{folder} was not drawn with this --faces and --seed; repeat those, or draw anew with --force"
                )
        else:
            folder.parent.mkdir(parents=True, exist_ok=True)
            write_dataset(drawn, folder, replace=force)
        progress(Stage("drawing", faces, faces, "faces"))
        origin = Origin(str(folder))
        result = run_audit(
            origin.open(),
            out=out,
            settings=settings,
            name=folder.name,
            origin=origin,
            force=force,
            resume=resume,
            progress=progress,
        )
    truth = {drawn.path(row): drawn.kind[row] for row in range(len(drawn))}
    score = score_against_truth(read_report(result.run, columns=["path", "verdict", "queue_rank"]), truth)
    write_demo(result.summary, score, run=out, faces=folder, as_json=as_json, quiet=quiet, verbose=verbose)
