"""What ``labelaudit queue`` says of a spot check: what was drawn, and what people's decisions tell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.cli.output.results import write_json_line
from labelaudit.cli.output.words import counted, glyphs_for, interval, number, percent, shown

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from labelaudit.queue.formats import QueueFormat
    from labelaudit.queue.handout import HandOut
    from labelaudit.queue.item import Queue
    from labelaudit.report.spot_check import RunSpotCheck


def write_spot_draw(
    spot: RunSpotCheck,
    queue: Queue,
    handed: HandOut,
    *,
    form: QueueFormat,
    run: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Says which rows were drawn and where they are.

    Args:
        spot: What was drawn.
        queue: Its rows.
        handed: Where it is.
        form: Its format.
        run: The run folder as the person named it.
        as_json: Only JSON.
        quiet: Nothing.
    """
    if as_json:
        write_json_line({"format": form.name, "spot_check": spot.to_json(), **handed.to_json()})
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console

        print_spot_draw(results_console(), spot, queue, handed, form=form, run=run)


def write_spot_findings(spot: RunSpotCheck, *, dataset: str, run: Path, as_json: bool, quiet: bool) -> None:
    """Says what people's decisions tell.

    Args:
        spot: With its findings.
        dataset: What people call it.
        run: The run folder as the person named it.
        as_json: Only JSON.
        quiet: Nothing.
    """
    if as_json:
        write_json_line({"dataset": dataset, **spot.to_json()})
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console

        print_spot_findings(results_console(), spot, dataset=dataset, run=run)


def print_spot_draw(
    console: Console, spot: RunSpotCheck, queue: Queue, handed: HandOut, *, form: QueueFormat, run: Path
) -> None:
    """Prints which rows were drawn and where they are. The arguments are ``write_spot_draw``'s."""
    from rich.text import Text

    from labelaudit.cli.output.layout import add_row, columns, labelled

    dot = glyphs_for(console.encoding).dot
    heading = Text(f" spot check {dot} {counted(len(spot.sample_ids), 'face', 'faces')} drawn at random")
    heading.stylize("bold", 1, 11)
    table = columns("left", "right", "left")
    for part in spot.to_json()["strata"]:
        if part["rows"]:
            add_row(table, [part["name"], number(part["looks"]), f"of {number(part['rows'])}"])
    files = "\n".join(f"{each.path}  {counted(each.rows, 'row', 'rows')}" for each in handed.parts)
    backs = " ".join(
        f"--decisions {each}"
        for each in dict.fromkeys(form.way_back.format(out=shlex.quote(str(part.file))) for part in handed.parts)
    )
    note = "blind and shuffled: what the audit thinks is left out, so that people measure it"
    for missing, count in handed.missing.items():
        note += f"\n{counted(count, 'row has', 'rows have')} no picture: {missing}"
    if not handed.pictures and any(item.path is None for item in queue.items):
        note += "\nthese pictures are no files of their own: --pictures copy lays them beside the table"
    first = handed.parts[0].file
    steps = [
        form.way_in.format(out=first if len(handed.parts) == 1 else "each"),
        f"then labelaudit queue {shlex.quote(str(run))} {backs}",
        f"or decide them in labelaudit review {shlex.quote(str(run))} --spot-check",
    ]
    parts: list[RenderableType] = ["", heading, "", table, "", labelled("Note:", shown_lines(note))]
    for each in [*parts, labelled("Written:", shown_lines(files)), labelled("Next:", shown_lines("\n".join(steps)))]:
        console.print(each)


def print_spot_findings(console: Console, spot: RunSpotCheck, *, dataset: str, run: Path) -> None:
    """Prints what people's decisions tell, on at most one screen. The arguments are ``write_spot_findings``'s."""
    from rich.table import Table
    from rich.text import Text

    from labelaudit.cli.output.layout import labelled
    from labelaudit.report.spot_words import spot_notes, spot_sentences

    found = spot.findings
    if found is None:
        raise ValueError("the spot check has no findings")
    dot = glyphs_for(console.encoding).dot
    decided = f"{number(found.decided)} of {counted(found.drawn, 'face', 'faces')} decided"
    heading = Text(f" {shown(dataset)} {dot} spot check, {decided}")
    heading.stylize("bold", 1, 1 + len(shown(dataset)))
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("", no_wrap=True)
    for name in ("rows", "looks", "found wrong", "audit said", "corrected"):
        table.add_column(name, justify="right", no_wrap=True)
    for cut in (*found.cuts, found.noise_rate):
        said, corrected = (percent(share, digits=0) for share in (cut.said, cut.recalibrated))
        wrong = f"{percent(cut.found.value, digits=0)} {interval(cut.found):>15}"
        table.add_row(cut.name, number(cut.rows), number(cut.looks), wrong, said, corrected)
    for part in ["", heading, "", *(Text(f" {line}") for line in spot_sentences(found)), "", table, ""]:
        console.print(part)
    console.print(labelled("Note:", "\n".join(spot_notes(found))))
    console.print(labelled("Next:", shown(f"labelaudit report {shlex.quote(str(run))} shows it on its page")))


def shown_lines(text: str) -> str:
    """Text safe to print, line by line."""
    return "\n".join(map(shown, text.split("\n")))
