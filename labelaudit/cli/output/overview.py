"""The screen of ``labelaudit inspect``."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from labelaudit.cli.output.agreement import agreement_facts, agreement_tables
from labelaudit.cli.output.layout import SCREEN_LINES, add_row, columns, fitted, height, labelled
from labelaudit.cli.output.words import Glyphs, counted, duration, glyphs_for, number, share_of, shown
from labelaudit.inspection import Inspection
from labelaudit.pixels.overview import PictureSizes

_CLASSES_SHOWN = 10
_BAR = 24
_MINUTE = 60


def print_inspection(console: Console, inspection: Inspection, *, name: str, verbose: bool) -> None:
    """Prints what a dataset holds.

    Args:
        console: Where to.
        inspection: What was found.
        name: What the dataset is called.
        verbose: Every class, and examples of what is wrong.
    """
    glyphs = glyphs_for(console.encoding)
    facts = {
        "Format": f"{inspection.format}: {inspection.why}",
        "Splits": ", ".join(f"{split} {number(rows)}" for split, rows in inspection.splits.items()),
        "Pictures": _pictures(inspection, glyphs),
        "Twins": _twins(inspection),
        "Votes": _votes(inspection),
        **({} if inspection.agreement is None else agreement_facts(inspection.agreement)),
        "Labels": _labels(inspection),
        "Cache": inspection.cache_note or "",
        "Audit": _audit_time(inspection),
    }
    heading = Text(f" {shown(name)} {glyphs.dot} {_size(inspection)}")
    heading.stylize("bold", 1, 1 + len(shown(name)))
    parts: list[RenderableType] = ["", heading, "", _class_table(inspection, glyphs, verbose=verbose)]
    if not verbose and len(inspection.classes) > _CLASSES_SHOWN:
        more = counted(len(inspection.classes) - _CLASSES_SHOWN, "class", "classes")
        parts.append(Text(f" and {more} more: --verbose", style="dim"))
    parts.append("")
    parts += [labelled(f"{word}:", shown(told)) for word, told in facts.items() if told]
    assumed = [shown(each.rstrip(".")) for each in inspection.assumed]
    if verbose:
        tables = [] if inspection.agreement is None else agreement_tables(inspection.agreement, glyphs)
        parts += [labelled("Assumed:", "\n".join(assumed)), *_examples(inspection), *tables]
    else:
        known = fitted(console, "Assumed:", assumed, lines=SCREEN_LINES - 1 - height(console, parts))
        parts += [] if known is None else [known]
    for part in parts:
        console.print(part)


def _size(inspection: Inspection) -> str:
    return f"{number(inspection.rows)} faces, {counted(len(inspection.classes), 'class', 'classes')}"


def _class_table(inspection: Inspection, glyphs: Glyphs, *, verbose: bool) -> Table:
    """Rows a class with a bar, the largest first; classes too small to judge are said to be."""
    table = columns("left", "right", "right", "left")
    ordered = sorted(inspection.classes.items(), key=lambda item: -item[1])
    largest = max(inspection.classes.values(), default=0)
    for label, rows in ordered if verbose else ordered[:_CLASSES_SHOWN]:
        bar = glyphs.bar * max(round(_BAR * rows / largest), 1) if rows else ""
        remark = (
            f" {inspection.small_classes[label]} readable: too few to judge"
            if label in inspection.small_classes
            else ""
        )
        add_row(
            table,
            [
                shown(label),
                number(rows),
                share_of(rows, inspection.rows),
                Text(bar, style="#0072B2").append(remark, style="default"),
            ],
        )
    return table


def _pictures(inspection: Inspection, glyphs: Glyphs) -> str:
    unreadable = f"{number(inspection.unreadable)} unreadable" if inspection.unreadable else "all readable"
    if inspection.sizes is None:
        return unreadable
    return f"{unreadable}; {_sizes(inspection.sizes, glyphs)}, kept at {inspection.stored_size} px"


def _sizes(sizes: PictureSizes, glyphs: Glyphs) -> str:
    smallest, median, largest = (
        f"{width}{glyphs.by}{height}" for width, height in (sizes.smallest, sizes.median, sizes.largest)
    )
    return f"all {median}" if sizes.distinct == 1 else f"{smallest} to {largest}, half below {median}"


def _twins(inspection: Inspection) -> str:
    twins = inspection.duplicates
    if not twins.groups:
        return "no picture stands there twice"
    told = (
        f"{counted(twins.groups, 'picture stands', 'pictures stand')} in more than one row ({number(twins.rows)} rows)"
    )
    told += f", {number(twins.conflicts)} of them under different labels" if twins.conflicts else ""
    return told + (f", {number(twins.across_splits)} in different splits" if twins.across_splits else "")


def _votes(inspection: Inspection) -> str:
    votes = inspection.votes
    if votes is None:
        return ""
    ties = counted(votes.ties, "tie", "ties")
    return f"{votes.votes_a_row:.1f} a row, in {number(votes.rows)} rows; {ties}"


def _labels(inspection: Inspection) -> str:
    told = [f"{number(rows)} {label}" for label, rows in inspection.other_labels.items()]
    if told:
        told[-1] += " (no classes here: kept, not audited)"
    if inspection.missing_labels:
        told.append(f"{number(inspection.missing_labels)} missing (kept, not audited)")
    return ", ".join(told)


def _audit_time(inspection: Inspection) -> str:
    cpu, gpu = inspection.audit_time.cpu_seconds, inspection.audit_time.gpu_seconds
    return f"about {_roughly(cpu)} here on the CPU, about {_roughly(gpu)} on a GPU"


def _roughly(seconds: float) -> str:
    """A time that is only good to the minute."""
    minutes = max(round(seconds / _MINUTE), 1)
    return f"{minutes} min" if minutes < 2 * _MINUTE else duration(minutes * _MINUTE)


def _examples(inspection: Inspection) -> list[RenderableType]:
    """The first unreadable pictures and the first twins under different labels."""
    found: list[RenderableType] = []
    if inspection.unreadable_examples:
        lines = [f"{each.sample_id}: {each.message}" for each in inspection.unreadable_examples]
        found += ["", labelled("Broken:", "\n".join(map(shown, lines)))]
    conflicts = inspection.duplicates.conflict_examples
    if conflicts:
        lines = [", ".join(f"{sample_id} ({label})" for sample_id, label in group) for group in conflicts]
        found += ["", labelled("Conflict:", "\n".join(map(shown, lines)))]
    return found
