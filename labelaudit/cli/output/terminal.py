"""The screen after an audit: a heading, the verdicts, the classes, what was assumed, what to do next.

At most one screen of 80 x 24; ``verbose`` adds every class, the confused pairs, the ten worst rows, what it took and
where the files are. Names from the dataset are printed as they are, never as markup, and cannot steer the terminal.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from labelaudit.cli.output.layout import SCREEN_LINES, fitted, height, labelled, title
from labelaudit.cli.output.tables import class_table, pair_table, verdict_table, worst_table
from labelaudit.cli.output.words import Glyphs, counted, duration, expected_wrong, glyphs_for, number, shown
from labelaudit.report.poor_pictures import poor_sentences
from labelaudit.report.slice_words import slice_sentence
from labelaudit.report.summary import Summary
from labelaudit.report.words import distrust_sentence

_CLASSES_SHOWN = 8
_CLASSES_UNDER_WARNING = 4
_CLASSES_OVER_NOTES = 5


def print_summary(
    console: Console, summary: Summary, *, run: str, verbose: bool, ending: Sequence[RenderableType] | None = None
) -> None:
    """Prints what an audit found.

    Args:
        console: Where to.
        summary: The figures.
        run: The run folder as the person named it.
        verbose: Everything, not only the first screen.
        ending: What stands at the end; None = what to do next.
    """
    glyphs = glyphs_for(console.encoding)
    classes = sorted(summary.per_class, key=lambda each: (-each.mislabelled, -each.given))
    notable = _notable(summary)
    most = _CLASSES_UNDER_WARNING if summary.distrust else _CLASSES_OVER_NOTES if notable else _CLASSES_SHOWN
    listed = classes if verbose else classes[:most]
    parts: list[RenderableType] = ["", _heading(summary, glyphs, console.width), ""]
    if summary.distrust:
        parts += [labelled("Warning:", shown(distrust_sentence(summary.distrust))), ""]
    parts.append(verdict_table(summary, glyphs))
    parts += ["", class_table(listed, glyphs)]
    if len(listed) < len(classes):
        more = counted(len(classes) - len(listed), "class", "classes")
        parts.append(Text(f" and {more} with fewer mislabelled: --verbose", style="dim"))
    parts += [*(_details(summary, glyphs) if verbose else ()), ""]
    assumed = [shown(each.rstrip(".")) for each in summary.assumed]
    last = [labelled("Next:", _next_step(summary, run))] if ending is None else ending
    if verbose:
        parts += [labelled("Notable:", "\n".join(notable))] if notable else []
        parts.append(labelled("Assumed:", "\n".join(assumed)))
        parts.append(labelled("Files:", f"{', '.join(summary.files)} in {shown(run)}"))
    else:
        left = SCREEN_LINES - 1 - height(console, [*parts, *last])  # a line for the prompt
        for label, notes, lines in (("Notable:", notable, max(left - 1, 1)), ("Assumed:", assumed, left)):
            kept = fitted(console, label, notes, lines=min(lines, left))
            parts += [] if kept is None else [kept]
            left -= 0 if kept is None else height(console, [kept])
    for part in [*parts, *last]:
        console.print(part)


def _notable(summary: Summary) -> list[str]:
    """What is no matter of single labels: slices that differ, guidelines in doubt, where the poor pictures sit."""
    slices = [slice_sentence(column.name, each) for column in summary.slices for each in column.differing]
    guidelines = [each.sentence for each in summary.guidelines]
    return [shown(each) for each in (*slices, *guidelines, *poor_sentences(summary.poor_pictures))]


def _heading(summary: Summary, glyphs: Glyphs, width: int) -> Text:
    """What was audited and how; on two lines, broken at a dot, where one is too narrow."""
    settings, dot = summary.settings, f" {glyphs.dot} "
    weights = "no weights" if summary.weights == "none" else f"{shown(summary.weights)} weights"
    name = shown(summary.dataset)
    what = f" {name}{dot}{number(summary.rows)} faces, {counted(len(summary.per_class), 'class', 'classes')}"
    how = f"{weights}, {counted(settings['folds'], 'fold', 'folds')}, seed {settings['seed']}"
    if summary.seconds:
        how += f"{dot}{duration(sum(summary.seconds.values()))} on {summary.device}"
    one_line = f"{what}{dot}{how}"
    text = Text(one_line if len(one_line) <= width else f"{what}\n {how}")
    text.stylize("bold", 1, 1 + len(name))
    return text


def _details(summary: Summary, glyphs: Glyphs) -> list[RenderableType]:
    """What only ``--verbose`` shows."""
    found: list[RenderableType] = []
    if summary.confused:
        found += ["", title("Most confused: given, likely really, rows"), pair_table(summary)]
    if summary.worst:
        found += ["", title("The worst: rank, given, suggested, chance that it is wrong, sample")]
        found.append(worst_table(summary, glyphs))
    twins = summary.duplicates
    told = []
    if summary.noise_rate is not None:
        told.append(f"of all labels {expected_wrong(summary.noise_rate, of_them=False)}")
    if twins.groups:
        pictures = counted(twins.groups, "picture stands", "pictures stand")
        told.append(
            f"{pictures} in more than one row ({number(twins.rows)} rows), "
            f"{number(twins.conflicts)} of them under different labels"
        )
    if told:
        found += ["", labelled("Also:", "\n".join(told))]
    if summary.seconds:
        stages = ", ".join(f"{shown(name)} {duration(seconds)}" for name, seconds in summary.seconds.items())
        found += ["", labelled("Took:", stages)]
    return found


def _next_step(summary: Summary, run: str) -> str:
    head, at = summary.queue_head, shown(shlex.quote(run))
    page = f"labelaudit report {at}  a page to read and share"
    if summary.queue_precision is None:
        return f"nothing to ask about: no label looks wrong\n{page}"
    which = f"the {number(head)} worst" if head > 1 else "the one in question"
    return f"labelaudit review {at}  {which}: {expected_wrong(summary.queue_precision)}\n{page}"
