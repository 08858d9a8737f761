"""``labelaudit report``: a finished run as one page to read and to share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.output.results import write_page_result
from labelaudit.cli.places import beside_run
from labelaudit.cli.progress import stage_lines

EXAMPLES = """Examples:

labelaudit report runs/faces

labelaudit report runs/faces --no-images --out faces.html

labelaudit report runs/faces --dataset /mnt/faces --force"""

Images = Annotated[
    bool,
    typer.Option(
        "--images/--no-images",
        help="With the faces that it speaks of, or without a pixel of them.",
        rich_help_panel=opt.DATA,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The file to be. Default: RUN/report.html.", rich_help_panel=opt.WORK, show_default=False
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier page there.", rich_help_panel=opt.WORK)]


def report(
    run: opt.RunToRead,
    dataset: opt.RunDataset = None,
    images: Images = True,
    out: Out = None,
    force: Force = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Writes a finished run as one HTML page. Faces are personal data: --no-images leaves them out."""
    if dataset is not None and not images:
        raise typer.BadParameter("--dataset asks for pictures and --no-images for none; choose one")

    from labelaudit.report.html import PAGE_NAME, write_page
    from labelaudit.rundir import RunDir
    from labelaudit.source.origin import open_run_source, read_origin

    run_dir = RunDir(run)
    pictured = images and (dataset is not None or read_origin(run_dir) is not None)
    with stage_lines(quiet=quiet) as progress:
        result = write_page(
            run_dir,
            beside_run(run, PAGE_NAME, out),
            source=open_run_source(run_dir, dataset) if pictured else None,
            force=force,
            progress=progress,
        )
    write_page_result(result, as_json=as_json, quiet=quiet)
