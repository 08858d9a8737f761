"""``labelaudit check``: limits against a report, for CI: exit 0 passed, 1 too much was found, 2 it could not run."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelaudit.cli import options as opt
from labelaudit.cli.errors import ExitCode
from labelaudit.cli.output.results import write_text
from labelaudit.cli.places import run_or_batch, run_to_read
from labelaudit.cli.progress import stage_lines
from labelaudit.cli.source_flags import with_source_options
from labelaudit.errors import GateError, SourceError
from labelaudit.gate.limits import FailOn
from labelaudit.source.options import SourceOptions

if TYPE_CHECKING:
    from labelaudit.gate.config import CheckConfig
    from labelaudit.gate.outcome import GateResult
    from labelaudit.gate.outputs import Output
    from labelaudit.gate.place import Place

EXAMPLES = """Examples:

labelaudit check new-faces --model runs/faces

labelaudit check runs/faces --max-mislabelled 5% --max-mislabelled happy=1% --min-class-count 50

labelaudit check new-faces --model runs/faces --output junit=report.xml --output sarif=faces.sarif --output github

labelaudit check new-faces --model runs/faces --accept labelaudit-allow.txt --why "Ann looked at them\""""

LIMITS, COMPARED = "Limits (2% or 25 files; happy=1% for a class)", "What counts"


def _limit(help_text: str) -> object:
    return typer.Option(help=help_text, rich_help_panel=LIMITS, show_default=False)


Target = Annotated[
    str,
    typer.Argument(
        metavar="BATCH|RUN",
        help="New faces to score with --model; or a finished run, a scored batch or a report.parquet.",
        show_default=False,
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model", help="The run that judges the batch, or its URL.", parser=run_to_read, rich_help_panel=opt.WORK
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Keep the report of the scored batch in this folder.",
        rich_help_panel=opt.WORK,
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier report there.", rich_help_panel=opt.WORK)]
MaxMislabelled = Annotated[
    list[str] | None, _limit("Files called mislabelled. Default: trained = not more than the model's training data.")
]
MaxAmbiguous = Annotated[list[str] | None, _limit("Ambiguous files. Default: no limit.")]
MaxUnreadable = Annotated[list[str] | None, _limit("Files that cannot be decoded. Default: 0.")]
MaxConflicts = Annotated[list[str] | None, _limit("Files whose picture stands under two labels. Default: 0.")]
MaxDrift = Annotated[
    list[str] | None, _limit("How well the batch can be told from the training data, 0 to 1. Default: no limit.")
]
MaxLeakage = Annotated[list[str] | None, _limit("Files that the model was trained on. Default: no limit.")]
MinClassCount = Annotated[list[str] | None, _limit("Readable files that each class needs. Default: no limit.")]
FailOnChoice = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        help="ci-lower: a share fails where it is sure; estimate: as it is counted. Default: ci-lower.",
        rich_help_panel=LIMITS,
        show_default=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="TOML file with a table check. Default: labelaudit.toml or pyproject.toml, here or above.",
        rich_help_panel=COMPARED,
        show_default=False,
    ),
]
Baseline = Annotated[
    Path | None,
    typer.Option("--baseline", help="An earlier run: only what it did not find counts.", rich_help_panel=COMPARED),
]
AllowListFile = Annotated[
    Path | None,
    typer.Option(
        "--allow-list",
        help="Accepted samples. Default: labelaudit-allow.txt beside the limits' file or here.",
        rich_help_panel=COMPARED,
        show_default=False,
    ),
]
Accept = Annotated[
    Path | None,
    typer.Option("--accept", help="Add the files of failed limits to this allow-list.", rich_help_panel=COMPARED),
]
Why = Annotated[
    str, typer.Option("--why", help="Who accepts them and why; stands beside each.", rich_help_panel=COMPARED)
]
PathPrefix = Annotated[
    str | None,
    typer.Option(
        "--path-prefix",
        help="Stands before the report's paths. Default: the dataset's folder in the repository.",
        rich_help_panel=opt.SHOW,
        show_default=False,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        help="text, json, junit, sarif, github or markdown, to stdout or to a file: junit=report.xml. May be repeated.",
        rich_help_panel=opt.SHOW,
        show_default=False,
    ),
]


@with_source_options()
def check(
    *,
    target: Target,
    model: Model = None,
    out: Out = None,
    force: Force = False,
    device: opt.Device = None,
    workers: opt.Workers = None,
    cache_dir: opt.CacheDir = None,
    max_mislabelled: MaxMislabelled = None,
    max_ambiguous: MaxAmbiguous = None,
    max_unreadable: MaxUnreadable = None,
    max_conflicts: MaxConflicts = None,
    max_drift: MaxDrift = None,
    max_leakage: MaxLeakage = None,
    min_class_count: MinClassCount = None,
    fail_on: FailOnChoice = None,
    config: Config = None,
    baseline: Baseline = None,
    allow_list: AllowListFile = None,
    accept: Accept = None,
    why: Why = "",
    source: SourceOptions,
    path_prefix: PathPrefix = None,
    output: Outputs = None,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Holds faces against limits, for CI. Exit code 0: passed, 1: too much was found, 2: it could not run."""
    from labelaudit.gate.config import load_config
    from labelaudit.gate.outputs import parse_outputs
    from labelaudit.gate.run import check_trusted, holds_report, with_flags

    outputs = parse_outputs([*(output or ()), *(["json"] if as_json else ())])
    if why and accept is None:
        raise GateError("--why says why files are accepted; name the allow-list with --accept")
    wanted = with_flags(
        load_config(config, start=Path.cwd()),
        limits={
            "max-mislabelled": max_mislabelled,
            "max-ambiguous": max_ambiguous,
            "max-unreadable": max_unreadable,
            "max-conflicts": max_conflicts,
            "max-drift": max_drift,
            "max-leakage": max_leakage,
            "min-class-count": min_class_count,
        },
        fail_on=fail_on,
        allow_list=allow_list,
        baseline=baseline,
        model=model,
        path_prefix=path_prefix,
    )
    target = run_or_batch(target)
    with contextlib.ExitStack() as kept:  # findings are read from the report as they are written out
        if wanted.model is None or holds_report(Path(target)):
            if out is not None:
                raise GateError(f"--out keeps the report of a batch that is scored, and {target} has one; leave it out")
            result = _checked(Path(target), wanted, accept=accept, why=why)
        else:
            check_trusted(wanted.model)  # before anything is scored by it
            folder = out or Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="labelaudit-"))) / "scored"
            with stage_lines(quiet=quiet) as progress:
                from labelaudit.scoring import score  # loads torch, which a report that is there does not need

                score(
                    target,
                    model=wanted.model,
                    out=folder,
                    options=source,
                    device=device or "auto",
                    workers=workers,
                    cache_dir=cache_dir,
                    force=force,
                    progress=progress,
                )
            result = _checked(folder, wanted, accept=accept, why=why)
        _write(result, outputs, quiet=quiet)
    if not result.passed:
        raise typer.Exit(ExitCode.FOUND)


def _checked(report: Path, wanted: CheckConfig, *, accept: Path | None, why: str) -> GateResult:
    """Checks, and once more with what was accepted."""
    from labelaudit.gate.allow_list import write_accepted
    from labelaudit.gate.run import check_report

    place = _place(report, wanted.path_prefix)
    if accept is None:
        return check_report(report, wanted, place=place)
    if wanted.allow_list is not None and wanted.allow_list.resolve() != accept.resolve():
        raise GateError(f"--accept writes to {accept}, but {wanted.allow_list} is read; name the same file")
    if accept.exists():
        wanted = replace(wanted, allow_list=accept)
    added = write_accepted(accept, check_report(report, wanted, place=place).failing_findings(), why=why)
    typer.echo(f"labelaudit: {added:,} samples added to {accept}; look at each before you commit it", err=True)
    return check_report(report, replace(wanted, allow_list=accept), place=place)


def _place(report: Path, prefix: str | None) -> Place:
    """Where the files of a report stand: where the person says, else where its dataset is in this repository."""
    from labelaudit.gate.place import NOWHERE, find_place, named_place
    from labelaudit.rundir import RunDir
    from labelaudit.source.origin import read_origin

    if prefix is not None:
        return named_place(prefix)
    run = RunDir(report if report.is_dir() else report.parent)
    try:
        origin = read_origin(run)
    except SourceError as error:
        raise GateError(f"{run.origin} is damaged; say with --path-prefix where the files stand") from error
    if origin is None:
        return NOWHERE
    return find_place(Path(origin.dataset), origin.options.root, start=Path.cwd())


def _write(result: GateResult, outputs: tuple[Output, ...], *, quiet: bool) -> None:
    """Writes files first, then stdout: whoever closes stdout early has them all the same."""
    from labelaudit.gate.github import SUMMARY_VARIABLE, write_step_summary
    from labelaudit.gate.markdown import render_markdown
    from labelaudit.gate.outputs import OutputFormat, render, write_output

    for output in outputs:
        if output.path is not None:
            write_output(result, output)
    summary = os.environ.get(SUMMARY_VARIABLE)
    if summary and any(output.format is OutputFormat.GITHUB for output in outputs):
        write_step_summary(Path(summary), render_markdown(result))
    shown = [output.format for output in outputs if output.path is None] or [OutputFormat.TEXT]
    for form in shown:
        if not (quiet and form is OutputFormat.TEXT):
            write_text(render(result, form))
