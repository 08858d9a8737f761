"""``labelaudit queue``: which labels to look at first, handed to the people who look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.output.distrust import warn_distrust
from labelaudit.cli.output.queue import write_queue_result
from labelaudit.cli.output.spot_check import write_spot_draw, write_spot_findings
from labelaudit.cli.places import beside_run, refuse_copy
from labelaudit.cli.progress import stage_lines
from labelaudit.queue.ways import PictureWay, Suspicion

if TYPE_CHECKING:
    from labelaudit.queue.select import QueueChoice

EXAMPLES = """Examples:

labelaudit queue runs/faces

labelaudit queue runs/faces --format label-studio --class happy --class sad --quota 100

labelaudit queue runs/faces --until 0.5 --blind --assign ann,bo,cy --overlap 2

labelaudit queue runs/faces --spot-check 60

labelaudit queue runs/faces --decisions runs/faces/spot-check.csv"""

CHOICE, PEOPLE, MEASURE = "Which rows", "Who looks, and with what", "How good the queue is"


def _format_names(incomplete: str) -> list[str]:
    """For shell completion: names of formats that begin so."""
    from labelaudit.queue.formats import FORMATS

    return [each.name for each in FORMATS if each.name.startswith(incomplete)]


Top = Annotated[
    int | None,
    typer.Option(help="So many rows at most; 0 = all. Default: 200, with --until all.", rich_help_panel=CHOICE),
]
Class = Annotated[
    list[str] | None, typer.Option("--class", help="Only this given label. May be repeated.", rich_help_panel=CHOICE)
]
MinP = Annotated[float | None, typer.Option(help="Only rows at least so likely to be wrong.", rich_help_panel=CHOICE)]
Quota = Annotated[int | None, typer.Option(help="So many rows of each given label at most.", rich_help_panel=CHOICE)]
Until = Annotated[
    float | None,
    typer.Option(
        help="As many rows as keep the expected share of wrong labels among them at this or more.",
        rich_help_panel=CHOICE,
    ),
]
Verdicts = Annotated[
    list[Suspicion] | None,
    typer.Option("--verdict", help="Only mislabelled, or only ambiguous rows.", rich_help_panel=CHOICE),
]
Split = Annotated[
    list[str] | None, typer.Option(help="Only rows of this split. May be repeated.", rich_help_panel=CHOICE)
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        help="label-studio, cvat, datumaro, fiftyone, hf, csv or parquet.",
        rich_help_panel=PEOPLE,
        autocompletion=_format_names,
    ),
]
Blind = Annotated[
    bool,
    typer.Option("--blind", help="Show no label, no suggestion, no probability, and shuffle.", rich_help_panel=PEOPLE),
]
Assign = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="Annotators, as in ann,bo,cy; each gets a queue.", rich_help_panel=PEOPLE),
]
Overlap = Annotated[int, typer.Option(help="So many annotators look at each row.", rich_help_panel=PEOPLE)]
Pictures = Annotated[
    PictureWay | None,
    typer.Option(
        help="Copy the pictures beside the queue, or none. Default: what the format is best served with.",
        rich_help_panel=PEOPLE,
    ),
]
PictureRoot = Annotated[
    str | None,
    typer.Option(
        help="What stands before a picture's path for the tool, as in https://faces.example.org/.",
        rich_help_panel=PEOPLE,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of shuffles, draws and of who gets what.", rich_help_panel=PEOPLE)]
SpotCheck = Annotated[
    int | None,
    typer.Option(
        metavar="ROWS",
        help="Instead of the queue hand out so many rows drawn at random, blind: they measure it. 60 is a start.",
        rich_help_panel=MEASURE,
    ),
]
Decisions = Annotated[
    list[Path] | None,
    typer.Option(
        help="What people decided of the spot check: measure the queue by it, hand nothing out. May be repeated.",
        rich_help_panel=MEASURE,
    ),
]
AmbiguousIsWrong = Annotated[
    bool,
    typer.Option(
        "--ambiguous-is-wrong", help="Count a label as wrong where people say ambiguous.", rich_help_panel=MEASURE
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The file or folder to be. Default: RUN/queue.csv, RUN/queue-label-studio ...",
        rich_help_panel=opt.WORK,
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier queue there.", rich_help_panel=opt.WORK)]


def row_choice(
    *,
    top: int | None,
    classes: Sequence[str] | None,
    min_p: float | None,
    quota: int | None,
    until: float | None,
    verdicts: Sequence[Suspicion] | None,
    splits: Sequence[str] | None,
    blind: bool,
    seed: int = 0,
) -> QueueChoice:
    """Which rows are asked about, from the flags of the same names."""
    from labelaudit.queue.select import DEFAULT_TOP, QueueChoice

    return QueueChoice(
        top=(DEFAULT_TOP if top is None and until is None else top) or None,
        classes=tuple(classes or ()),
        min_p=min_p,
        quota=quota,
        until=until,
        verdicts=tuple(verdicts or ()),
        splits=tuple(splits or ()),
        blind=blind,
        seed=seed,
    )


def queue(
    run: opt.RunToRead,
    top: Top = None,
    class_: Class = None,
    min_p: MinP = None,
    quota: Quota = None,
    until: Until = None,
    verdict: Verdicts = None,
    split: Split = None,
    format: Format = "csv",  # noqa: A002 - the option's own name
    blind: Blind = False,
    assign: Assign = None,
    overlap: Overlap = 1,
    pictures: Pictures = None,
    picture_root: PictureRoot = None,
    dataset: opt.RunDataset = None,
    seed: Seed = 0,
    spot_check: SpotCheck = None,
    decisions: Decisions = None,
    ambiguous_is_wrong: AmbiguousIsWrong = False,
    out: Out = None,
    force: Force = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Hands the rows to look at first to people, in the form that their tool reads.

    Copies of one picture are asked about once; the others come after all other rows.
    """
    if assign is None and overlap != 1:
        raise typer.BadParameter("--overlap shares rows among annotators; name them with --assign")
    if decisions and spot_check is not None:
        raise typer.BadParameter("--spot-check draws rows and --decisions measures by them; do one after the other")
    if ambiguous_is_wrong and not decisions:
        raise typer.BadParameter("--ambiguous-is-wrong says how to count decisions; name them with --decisions")
    if spot_check is not None and any((top is not None, class_, min_p is not None, quota, until, verdict, split)):
        raise typer.BadParameter("--spot-check draws from all rows; a choice of rows would make it measure nothing")

    from labelaudit.queue.assign import assign as share_out
    from labelaudit.queue.formats import format_named
    from labelaudit.queue.handout import default_name, plan_pictures, write_queue
    from labelaudit.queue.outlook import look_out
    from labelaudit.queue.select import QUEUE_COLUMNS, select_queue
    from labelaudit.queue.spot_check import build_spot_check, spot_check_queue, write_measurement
    from labelaudit.report.table import read_report
    from labelaudit.rundir import RunDir
    from labelaudit.source.origin import open_run_source

    if decisions or spot_check is not None:
        refuse_copy(run, "spot checks are kept in the run folder: copy the run to a disk first")
    annotators = () if assign is None else tuple(name.strip() for name in assign.split(","))
    form = format_named(format)
    plan = plan_pictures(form, pictures, picture_root)
    choice = row_choice(
        top=top,
        classes=class_,
        min_p=min_p,
        quota=quota,
        until=until,
        verdicts=verdict,
        splits=split,
        blind=blind,
        seed=seed,
    )
    run_dir = RunDir(run)
    report = read_report(run_dir, columns=QUEUE_COLUMNS)
    warn_distrust(report.metadata.distrust, quiet=quiet)
    if decisions:
        measured = write_measurement(run_dir, report, decisions, ambiguous_is_wrong=ambiguous_is_wrong)
        write_spot_findings(measured, dataset=report.metadata.dataset, run=run, as_json=as_json, quiet=quiet)
        return
    spot = None if spot_check is None else build_spot_check(run_dir, report, size=spot_check, seed=seed, force=force)
    chosen = select_queue(report, choice, run=run_dir) if spot is None else spot_check_queue(report, spot)
    if annotators:
        chosen = share_out(chosen, annotators, overlap=overlap, seed=seed)
    copying = plan.way is PictureWay.COPY
    if dataset is not None and not copying:
        raise typer.BadParameter("--dataset says where to copy pictures from, and none are copied; add --pictures copy")
    with stage_lines(quiet=quiet) as progress:
        handed = write_queue(
            chosen,
            beside_run(run, default_name(form, plan, name="queue" if spot is None else "spot-check"), out),
            form=form,
            plan=plan,
            source=open_run_source(run_dir, dataset) if copying else None,
            annotators=annotators,
            force=force,
            progress=progress,
        )
    if spot is not None:
        write_spot_draw(spot, chosen, handed, form=form, run=run, as_json=as_json, quiet=quiet)
        return
    outlook = look_out(chosen, report, choice)
    write_queue_result(chosen, outlook, handed, form=form, run=run, as_json=as_json, quiet=quiet)
