"""What ``labelaudit queue`` says at its end: what the rows are worth, where they are, and what to do with them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.cli.output.results import write_json_line
from labelaudit.cli.output.words import counted, expected_wrong, glyphs_for, number, percent, shown

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from labelaudit.queue.formats import QueueFormat
    from labelaudit.queue.handout import HandOut
    from labelaudit.queue.item import Queue
    from labelaudit.queue.outlook import Outlook

_CLASSES_SHOWN = 8
_CHOICES_SHOWN = 12


def write_queue_result(
    queue: Queue, outlook: Outlook, handed: HandOut, *, form: QueueFormat, run: Path, as_json: bool, quiet: bool
) -> None:
    """Says what was handed out.

    Args:
        queue: The rows.
        outlook: What they are expected to bring.
        handed: Where they are.
        form: Their format.
        run: The run folder as the person named it.
        as_json: Only JSON.
        quiet: Nothing.
    """
    if as_json:
        write_json_line({"format": form.name, **outlook.to_json(), **handed.to_json()})
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console

        print_queue(results_console(), queue, outlook, handed, form=form, run=run)


def print_queue(
    console: Console, queue: Queue, outlook: Outlook, handed: HandOut, *, form: QueueFormat, run: Path
) -> None:
    """Prints what was handed out, on at most one screen.

    Args:
        console: Where to.
        queue: The rows.
        outlook: What they are expected to bring.
        handed: Where they are.
        form: Their format.
        run: The run folder as the person named it.
    """
    from labelaudit.cli.output.layout import labelled

    for part in ["", _heading(console, outlook), "", *_classes(outlook), ""]:
        console.print(part)
    console.print(labelled("Note:", "\n".join(_notes(queue, outlook, handed))))
    files = [f"{each.path}  {counted(each.rows, 'row', 'rows')}" for each in handed.parts]
    console.print(labelled("Written:", "\n".join(map(shown, files))))
    console.print(labelled("Next:", "\n".join(map(shown, _steps(queue, handed, form, run)))))


def _heading(console: Console, outlook: Outlook) -> Text:
    from rich.text import Text

    dot, name = f" {glyphs_for(console.encoding).dot} ", shown(outlook.dataset)
    rows = f"{number(outlook.rows)} of {counted(outlook.fitting, 'row', 'rows')} in question"
    expected = "" if outlook.expected is None else f"{dot}{expected_wrong(outlook.expected)}"
    one_line = f" {name}{dot}{rows}{expected}"
    text = Text(one_line if len(one_line) <= console.width else f" {name}{dot}{rows}\n {expected.removeprefix(dot)}")
    text.stylize("bold", 1, 1 + len(name))
    return text


def _classes(outlook: Outlook) -> list[RenderableType]:
    from rich.text import Text

    from labelaudit.cli.output.layout import add_row, columns

    table = columns("left", "right", "right")
    add_row(table, [Text(cell, style="dim") for cell in ("given", "rows", "expected wrong")])
    for each in outlook.per_class[:_CLASSES_SHOWN]:
        label = "(none)" if each.label is None else shown(each.label)
        add_row(table, [label, number(each.rows), f"{each.expected_wrong:,.0f}"])
    left = len(outlook.per_class) - _CLASSES_SHOWN
    more = Text(f" and {counted(left, 'class', 'classes')} with fewer rows: --json", style="dim")
    return [table, more] if left > 0 else [table]


def _notes(queue: Queue, outlook: Outlook, handed: HandOut) -> list[str]:
    """What a person must know of the rows, one sentence a line."""
    notes = []
    if outlook.expected is not None:
        measured = outlook.expected.low is not None
        interval = (
            ", with the interval that the audit measured" if measured else "; no interval was measured for this cut"
        )
        notes.append(f"expected wrong: the mean of p_mislabelled over these rows{interval}")
    if outlook.floor is not None:
        floor = percent(outlook.floor, digits=0)
        fall = (
            f"falls under {floor} after {counted(outlook.falls_after, 'look', 'looks')}" if outlook.falls_after else ""
        )
        notes.append(f"the expected share {fall or f'stays at {floor} or more to the last of these rows'}")
    copied = [item.copies for item in queue.items if item.copies]
    if copied:
        pictures = counted(len(copied), "row shows a picture", "rows show pictures")
        others = counted(sum(copied), "more row", "more rows")
        notes.append(f"{pictures} that stand in {others} (column copies of a csv): one look may settle them")
    if outlook.test_rows:
        of_test = counted(outlook.test_rows, "row is", "rows are")
        notes.append(f"{of_test} of the test split: labelaudit apply takes them with --include-test only")
    if queue.blind and outlook.names_tell:
        tell = counted(outlook.names_tell, "row's id tells", "rows' ids tell")
        notes.append(f"{tell} the given label, as folders are named after it: blind cannot hide that")
    for why, count in handed.missing.items():
        notes.append(
            f"{counted(count, 'row has', 'rows have')} no picture{', left out' * handed.left_out}: {shown(why)}"
        )
    if not handed.pictures and any(item.path is None for item in queue.items):
        notes.append("these pictures are no files of their own: --pictures copy lays them beside the queue")
    return notes


def _steps(queue: Queue, handed: HandOut, form: QueueFormat, run: Path) -> list[str]:
    """What to do with what was written, and how the decisions come back."""
    from labelaudit.queue.choices import choices_of

    first = handed.parts[0].file
    step = form.way_in.format(out=first if len(handed.parts) == 1 else "each")
    if not form.is_folder:
        choices = choices_of(queue.classes)
        named = choices if len(choices) <= _CHOICES_SHOWN else ("a class", *choices[-2:])
        step += f" with {', '.join(named[:-1])} or {named[-1]}"
    backs = dict.fromkeys(form.way_back.format(out=shlex.quote(str(part.file))) for part in handed.parts)
    return [step, f"then labelaudit apply {shlex.quote(str(run))} {' '.join(backs)}"]
