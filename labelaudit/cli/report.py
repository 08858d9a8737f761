"""``labelaudit report``: a finished run as one page to read and to share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.output.results import write_page_result
from labelaudit.cli.progress import stage_lines

EXAMPLES = """Examples:

labelaudit report runs/faces

labelaudit report runs/faces --dataset faces

labelaudit report runs/labels --dataset labels.csv --label-column emotion --out labels.html --force"""

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished audit.", show_default=False)]
Pictured = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="The dataset that was audited: its faces then stand in the page. Default: no pictures.",
        rich_help_panel=opt.DATA,
        show_default=False,
    ),
]
Images = Annotated[
    bool,
    typer.Option(
        "--images/--no-images", help="--no-images makes sure that no pixel is in it.", rich_help_panel=opt.DATA
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
    run: Run,
    dataset: Pictured = None,
    images: Images = True,
    format: opt.Format = None,  # noqa: A002 - the option's own name
    label_column: opt.LabelColumn = None,
    path_column: opt.PathColumn = None,
    id_column: opt.IdColumn = None,
    split_column: opt.SplitColumn = None,
    image_column: opt.ImageColumn = None,
    annotator_column: opt.AnnotatorColumn = None,
    root: opt.Root = None,
    label_map: opt.LabelMap = None,
    split: opt.Split = None,
    votes: opt.Votes = True,
    out: Out = None,
    force: Force = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Writes a finished run as one HTML page. Faces are personal data: they are in it only with --dataset."""
    if dataset is not None and not images:
        raise typer.BadParameter("--dataset asks for pictures and --no-images for none; choose one")
    chosen = opt.source_options(
        format=format,
        label_column=label_column,
        path_column=path_column,
        id_column=id_column,
        split_column=split_column,
        image_column=image_column,
        annotator_column=annotator_column,
        root=root,
        label_map=label_map,
        split=split,
        votes=votes,
    )

    from labelaudit.report.html import PAGE_NAME, write_page
    from labelaudit.rundir import RunDir
    from labelaudit.source.detect import open_source

    with stage_lines(quiet=quiet) as progress:
        result = write_page(
            RunDir(run),
            run / PAGE_NAME if out is None else out,
            source=None if dataset is None else open_source(dataset, chosen),
            force=force,
            progress=progress,
        )
    write_page_result(result, as_json=as_json, quiet=quiet)
