"""The command ``labelaudit``: its subcommands, and nothing that is slow to import."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from labelaudit._version import __version__
from labelaudit.cli import apply, audit, bench, check, compare, demo, inspect, queue, report, review, score
from labelaudit.cli.errors import CommandGroup

app = typer.Typer(
    name="labelaudit",
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Examples:\n\nlabelaudit demo\n\nlabelaudit inspect faces\n\nlabelaudit audit faces --out runs/faces",
)
app.command("apply", epilog=apply.EXAMPLES)(apply.apply)
app.command("audit", epilog=audit.EXAMPLES)(audit.audit)
app.command("bench", epilog=bench.EXAMPLES)(bench.bench)
app.command("check", epilog=check.EXAMPLES)(check.check)
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("inspect", epilog=inspect.EXAMPLES)(inspect.inspect)
app.command("queue", epilog=queue.EXAMPLES)(queue.queue)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.command("score", epilog=score.EXAMPLES)(score.score)
app.command("review", epilog=review.EXAMPLES)(review.review)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"labelaudit {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Finds wrong and ambiguous labels in face datasets.

    Exit codes: 0 done, 1 a check found too much, 2 it could not run, 130 interrupted, 143 terminated.
    """


def main() -> None:
    """Runs the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show must not end a run
            stream.reconfigure(errors="backslashreplace")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of libraries; what people must know is said by the commands
    app()
