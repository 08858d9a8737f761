"""``labelaudit apply``: labels put right as people decided, in a new place and with a history; and taking it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.output.apply import write_apply_result, write_undo_result
from labelaudit.cli.progress import stage_lines
from labelaudit.queue.how import ApplyAs, Drop, OnConflict

EXAMPLES = """Examples:

labelaudit apply runs/faces --dry-run

labelaudit apply runs/faces ann.csv label-studio.json --out faces-2 --drop not_a_face

labelaudit apply --undo faces-2/ledger.jsonl --out faces-3"""

WHAT = "What is written"
OPEN_CONFLICTS = 1
"""The exit code when labels were written, and people disagree about some rows that nobody settled."""

Run = Annotated[Path | None, typer.Argument(metavar="RUN", help="The folder of a finished audit.", show_default=False)]
Decisions = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="DECISIONS...",
        help="What people decided: exports of any tool. Default: RUN/decisions.jsonl, of labelaudit review.",
        show_default=False,
    ),
]
Conflict = Annotated[
    OnConflict,
    typer.Option(
        "--on-conflict",
        help="Rows without a majority: ask = leave and list them, keep = keep the given label, drop = leave out.",
        rich_help_panel=WHAT,
    ),
]
Dropped = Annotated[
    list[Drop] | None,
    typer.Option("--drop", help="Leave rows out that people called so. May be repeated.", rich_help_panel=WHAT),
]
IncludeTest = Annotated[
    bool | None,
    typer.Option(
        "--include-test/--skip-test",
        help="Change rows of the test split too, or leave them. Default: refuse.",
        rich_help_panel=WHAT,
        show_default=False,
    ),
]
As = Annotated[
    ApplyAs | None,
    typer.Option(
        "--as",
        help="Only the files that hold labels, a plan of renames, the whole dataset as links or a copy, or a table of "
        "ids, paths and labels. Default: the first that fits.",
        rich_help_panel=WHAT,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check and say it all, write nothing.", rich_help_panel=WHAT)]
Undo = Annotated[
    Path | None,
    typer.Option(
        help="A ledger: write the labels beside it as they were before.", rich_help_panel=WHAT, show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="The folder to be. Default: RUN/labels.", rich_help_panel=opt.WORK, show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Replace earlier labels there.", rich_help_panel=opt.WORK)]


def apply(
    run: Run = None,
    decisions: Decisions = None,
    on_conflict: Conflict = OnConflict.ASK,
    drop: Dropped = None,
    include_test: IncludeTest = None,
    how: As = None,
    dry_run: DryRun = False,
    undo: Undo = None,
    dataset: opt.RunDataset = None,
    out: Out = None,
    force: Force = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Writes the dataset's labels as people decided them, in its own form, to a new place. The dataset stays as it is.

    Beside the labels lies ledger.jsonl: who decided what, and how to take it back.
    Exit code 1: written, but people disagree about rows that --on-conflict does not settle.
    """
    if undo is not None:
        if run is not None or out is None:
            raise typer.BadParameter("--undo takes no RUN and needs --out: labelaudit apply --undo LEDGER --out NEW")
        from labelaudit.queue.undo import apply_undo

        with stage_lines(quiet=quiet) as progress:
            undone = apply_undo(undo, out=out, force=force, dry_run=dry_run, progress=progress)
        write_undo_result(undone, as_json=as_json, quiet=quiet)
        return
    if run is None:
        raise typer.BadParameter("name the folder of a finished audit, or a ledger with --undo")

    from labelaudit.decision import Ruling
    from labelaudit.queue.apply import apply_decisions
    from labelaudit.queue.merge import read_all_decisions
    from labelaudit.queue.outcome import Choices
    from labelaudit.rundir import RunDir
    from labelaudit.source.origin import open_run_source

    run_dir = RunDir(run)
    made = read_all_decisions(run_dir, decisions or ())
    with stage_lines(quiet=quiet) as progress:
        result = apply_decisions(
            run_dir,
            made,
            source=open_run_source(run_dir, dataset),
            out=run / "labels" if out is None else out,
            choices=Choices(on_conflict, frozenset(Ruling(each) for each in drop or ()), include_test),
            how=how,
            dataset=dataset,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )
    write_apply_result(result, run=run, as_json=as_json, quiet=quiet)
    if result.outcomes.open():
        raise typer.Exit(OPEN_CONFLICTS)
