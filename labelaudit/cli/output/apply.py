"""What ``labelaudit apply`` says at its end: what changed, what is open, and what to do with the new labels."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.cli.output.results import write_json_line
from labelaudit.cli.output.words import Glyphs, counted, glyphs_for, number, share_of, shown
from labelaudit.queue.how import ApplyAs

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from labelaudit.queue.applied import ApplyResult, UndoResult
    from labelaudit.queue.outcome import Outcome

_PAIRS_SHOWN = 8
_IDS_SHOWN = 3
_FORMS = {
    ApplyAs.LABELS: "the files that hold labels, in the dataset's own form; pictures stay where they are",
    ApplyAs.PLAN: "moves.csv and moves.json, the renames that are left to you; labels.csv, the same as a table",
    ApplyAs.LINKS: "the whole dataset, its other files as hard links",
    ApplyAs.COPY: "a copy of the whole dataset",
    ApplyAs.MANIFEST: "a table of sample ids, pictures and class names",
}


def write_apply_result(result: ApplyResult, *, run: Path, as_json: bool, quiet: bool) -> None:
    """Says what was put right."""
    if as_json:
        write_json_line(result.to_json())
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console

        print_applied(results_console(), result, run=run)


def write_undo_result(result: UndoResult, *, as_json: bool, quiet: bool) -> None:
    """Says what was taken back."""
    if as_json:
        write_json_line(result.to_json())
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console

        print_undone(results_console(), result)


def print_applied(console: Console, result: ApplyResult, *, run: Path) -> None:
    """Prints what was put right, on at most one screen.

    Args:
        console: Where to.
        result: What was put right.
        run: The run folder as the person named it.
    """
    from labelaudit.cli.output.agreement import agreement_facts
    from labelaudit.cli.output.layout import labelled

    glyphs = glyphs_for(console.encoding)
    parts: list[RenderableType] = ["", _heading(result, glyphs), "", _counts(result)]
    parts += [*_pairs(result), ""]
    if result.agreement is not None:
        facts = agreement_facts(result.agreement)
        parts += [labelled(f"{word}:", shown(text)) for word, text in facts.items() if text]
    notes = _notes(result)
    if notes:
        parts.append(labelled("Note:", shown_lines(notes)))
    if result.written:
        parts.append(labelled("Written:", f"{shown(str(result.out))}  {_FORMS[result.how]}; ledger.jsonl, the history"))
        parts.append(labelled("Next:", shown_lines(_steps(result, run))))
    else:
        parts.append(labelled("Tried:", f"nothing was written; without --dry-run it will be {_FORMS[result.how]}"))
    for part in parts:
        console.print(part)


def print_undone(console: Console, result: UndoResult) -> None:
    """Prints what was taken back."""
    from labelaudit.cli.output.layout import labelled

    rows = counted(len(result.changed), "label", "labels")
    console.print(labelled("Undone:", f"{rows} as before {result.when}"))
    if result.written:
        console.print(labelled("Written:", shown(str(result.out))))
        console.print(labelled("Next:", shown(_audit(result.opening.words(result.out)))))
    else:
        console.print(labelled("Tried:", "everything fits; nothing was written"))


def shown_lines(lines: Sequence[str]) -> str:
    """Lines that cannot steer the terminal."""
    return "\n".join(map(shown, lines))


def _heading(result: ApplyResult, glyphs: Glyphs) -> Text:
    from rich.text import Text

    people = counted(result.people, "person", "people")
    name = shown(result.dataset)
    text = Text(f" {name} {glyphs.dot} {counted(result.decisions, 'decision', 'decisions')} by {people}")
    text.stylize("bold", 1, 1 + len(name))
    return text


def _counts(result: ApplyResult) -> Table:
    """What became of the rows, one line a fate."""
    from labelaudit.cli.output.layout import add_row, columns
    from labelaudit.decision import Ruling

    outcomes = result.outcomes
    confirmed = sum(each.merged.ruling is Ruling.LABEL and not each.changes for each in outcomes.settled)
    kept = {
        ruling: sum(each.merged.ruling is ruling and not each.left_out for each in outcomes.settled)
        for ruling in Ruling
    }
    lines = [
        ("relabelled", len(outcomes.relabelled()), ""),
        ("confirmed", confirmed, ""),
        ("ambiguous", kept[Ruling.AMBIGUOUS], "kept as they are; --drop ambiguous leaves them out"),
        ("not a face", kept[Ruling.NOT_A_FACE], "kept as they are; --drop not_a_face leaves them out"),
        ("left out", len(outcomes.left_out()), "the new labels do not have them"),
        ("disagreed about", len(outcomes.conflicts), _of_conflicts(result)),
        ("test split", len(outcomes.test), f"left as they are: {_named(outcomes.test)}"),
    ]
    rows = len({each.sample_id for each in (*outcomes.settled, *outcomes.conflicts, *outcomes.test)})
    table = columns("left", "right", "right", "left")
    for name, count, remark in lines:
        if count or name in ("relabelled", "confirmed"):
            add_row(table, [name, number(count), share_of(count, rows), shown(remark)])
    return table


def _of_conflicts(result: ApplyResult) -> str:
    outcomes = result.outcomes
    if outcomes.open():
        where = "conflicts.csv lists them" if result.written else _named(outcomes.conflicts)
        return f"open, as they were: {where}"
    return "left out" if any(each.left_out for each in outcomes.conflicts) else "kept as they were"


def _pairs(result: ApplyResult) -> list[RenderableType]:
    """Which labels became which, the most frequent first."""
    from rich.text import Text

    from labelaudit.cli.output.layout import add_row, columns

    pairs = result.outcomes.pairs()
    if not pairs:
        return []
    table = columns("left", "left", "right")
    add_row(table, [Text(cell, style="dim") for cell in ("given", "new", "rows")])
    for given, new, count in pairs[:_PAIRS_SHOWN]:
        add_row(table, [shown(given or "(none)"), shown(new or "(none)"), number(count)])
    left = len(pairs) - _PAIRS_SHOWN
    more = [Text(f" and {counted(left, 'pair', 'pairs')} with fewer rows: --json", style="dim")] if left > 0 else []
    return ["", table, *more]


def _notes(result: ApplyResult) -> list[str]:
    """What a person must know of the labels, one sentence a line."""
    notes = [f"a table of labels and not the dataset's own form: {result.why}"] if result.why else []
    if result.renumbered:
        notes.append("sample ids are row numbers here: those behind a row that is left out shift")
    if result.outcomes.open():
        notes.append("--on-conflict keep or drop settles what people disagree about; so does one more decision")
    return notes


def _steps(result: ApplyResult, run: Path) -> list[str]:
    old, ledger = shlex.quote(str(run)), str(result.out / "ledger.jsonl")
    return [
        _audit([*result.opening.words(result.out), "--decisions", ledger]),
        f"then labelaudit compare {old} runs/NEW",
        f"to take it back: labelaudit apply --undo {shlex.quote(ledger)} --out NEW",
    ]


def _audit(words: Sequence[str]) -> str:
    return f"labelaudit audit {shlex.join(words)} --out runs/NEW"


def _named(outcomes: Sequence[Outcome]) -> str:
    names = [each.sample_id for each in outcomes[:_IDS_SHOWN]]
    left = len(outcomes) - len(names)
    return f"{', '.join(names)}{f' and {number(left)} more' if left else ''}"
