"""``labelaudit compare``: what changed between two audits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.output.results import write_comparison

EXAMPLES = """Examples:

labelaudit compare runs/before runs/after

labelaudit compare runs/before runs/after --out changed.csv"""

Before = Annotated[Path, typer.Argument(metavar="RUN1", help="The folder of the earlier audit.", show_default=False)]
After = Annotated[Path, typer.Argument(metavar="RUN2", help="The folder of the later audit.", show_default=False)]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="A .parquet or .csv to be, with a row for every sample that changed.",
        rich_help_panel=opt.WORK,
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier file there.", rich_help_panel=opt.WORK)]


def compare(
    before: Before,
    after: After,
    out: Out = None,
    force: Force = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Says what changed between two audits: which labels are fixed, which are newly doubted, which still are."""
    from labelaudit.report.changes import check_target, write_changes
    from labelaudit.report.compare import compare_runs

    if out is not None:
        check_target(out, force=force)
    comparison = compare_runs(before, after)
    if out is not None:
        write_changes(out, comparison.changes, force=force)
    write_comparison(comparison, out=out, as_json=as_json, quiet=quiet, verbose=verbose)
