"""``labelaudit review``: a page on this machine where a person decides about the queue."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli import queue
from labelaudit.cli.errors import ExitCode
from labelaudit.cli.output.distrust import warn_distrust
from labelaudit.cli.output.review import browser_opened, write_review_end, write_review_start

EXAMPLES = """Examples:

labelaudit review runs/faces

labelaudit review runs/faces --class sad --class neutral --top 500 --annotator Ann

labelaudit review runs/faces --blind --no-open --port 9000"""

SERVER = "Server"

Blind = Annotated[
    bool,
    typer.Option("--blind", help="Show the face and nothing else, in random order.", rich_help_panel=queue.CHOICE),
]
SpotCheck = Annotated[
    bool,
    typer.Option(
        "--spot-check",
        help="Only the random rows that labelaudit queue --spot-check drew, blind: they measure the queue.",
        rich_help_panel=queue.CHOICE,
    ),
]
Annotator = Annotated[
    str | None,
    typer.Option(
        "--annotator", help="Who decides. Default: the page asks.", rich_help_panel=queue.PEOPLE, show_default=False
    ),
]
Decisions = Annotated[
    Path | None,
    typer.Option(
        "--decisions",
        help="The file that decisions are added to. Default: RUN/decisions.jsonl.",
        rich_help_panel=opt.WORK,
        show_default=False,
        dir_okay=False,
    ),
]
Host = Annotated[str, typer.Option("--host", help="Name or address to listen on.", rich_help_panel=SERVER)]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        help="Port to listen on; 0 = any. Default: 8477, or the next that is free.",
        min=0,
        max=65_535,
        rich_help_panel=SERVER,
        show_default=False,
    ),
]
LetNetworkIn = Annotated[
    bool,
    typer.Option("--let-network-in", help="Allow a --host that other machines reach.", rich_help_panel=SERVER),
]
Open = Annotated[
    bool | None,
    typer.Option(
        "--open/--no-open",
        help="Open the page in a browser. Default: where there is a desktop.",
        rich_help_panel=SERVER,
        show_default=False,
    ),
]


def review(
    run: opt.Run,
    top: queue.Top = None,
    class_: queue.Class = None,
    min_p: queue.MinP = None,
    quota: queue.Quota = None,
    until: queue.Until = None,
    verdict: queue.Verdicts = None,
    split: queue.Split = None,
    annotator: Annotator = None,
    blind: Blind = False,
    spot_check: SpotCheck = False,
    dataset: opt.RunDataset = None,
    decisions: Decisions = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    let_network_in: LetNetworkIn = False,
    open_page: Open = None,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Shows the faces to look at first, one by one, and keeps what a person decides.

    Ctrl-C ends it, and says how many decisions stand and how they become labels. Needs the extra review.
    """
    _check_extra()
    if spot_check and any((top is not None, class_, min_p is not None, quota, until, verdict, split)):
        raise typer.BadParameter("--spot-check has rows of its own, drawn from all; leave other choices of rows out")

    from labelaudit.report.file import open_report
    from labelaudit.review.desk import open_desk
    from labelaudit.review.ledger import open_ledger
    from labelaudit.review.pictures import Album
    from labelaudit.review.serve import access_for, address_of, check_host, open_socket, serve
    from labelaudit.review.server import Review, create_app
    from labelaudit.review.sitting import annotator_name
    from labelaudit.rundir import RunDir
    from labelaudit.source.origin import open_run_source

    check_host(host, let_network_in=let_network_in)
    choice = queue.row_choice(
        top=top,
        classes=class_,
        min_p=min_p,
        quota=quota,
        until=until,
        verdicts=verdict,
        splits=split,
        blind=blind or spot_check,
    )
    name = None if annotator is None else annotator_name(annotator)
    run_dir = RunDir(run)
    kept = run_dir.decisions if decisions is None else decisions
    desk = open_desk(run_dir, choice, spot_check=spot_check)
    warn_distrust(open_report(run_dir).metadata.distrust, quiet=quiet)
    with open_ledger(kept) as ledger, open_socket(host, port) as listener:
        album = Album(open_run_source(run_dir, dataset), desk.pictures)
        album.check()
        access = access_for(listener, host)
        address = address_of(access, host)
        write_review_start(address, kept, desk, ledger, host=host, as_json=as_json, quiet=quiet)
        opened: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if open_page is not False:
            opened = browser_opened(address, folder=kept.parent, asked=open_page is True)
        with opened:
            ended_by = serve(create_app(Review(desk, ledger, album, name), access), listener)
        write_review_end(ledger, kept, run=run, spot_check=spot_check, as_json=as_json, quiet=quiet)
    if ended_by is not None and ended_by.name == "SIGTERM":
        raise typer.Exit(ExitCode.TERMINATED)


def _check_extra() -> None:
    """Says what to install before anything is read."""
    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("uvicorn") is None:
        raise typer.BadParameter("the review page needs an extra: pip install 'labelaudit[review]'")
