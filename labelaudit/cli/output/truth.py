"""What a demo adds to the screen: how much of what was found is true."""

from __future__ import annotations

from rich.console import RenderableType

from labelaudit.cli.output.layout import add_row, columns, title
from labelaudit.cli.output.words import interval, number, percent, shown
from labelaudit.report.metadata import Estimate
from labelaudit.report.truth import Tally, TruthScore


def truth_parts(score: TruthScore, *, faces: str) -> list[RenderableType]:
    """The score as parts of a screen.

    Args:
        score: Verdicts against the truth.
        faces: The folder of drawn faces as the person named it.
    """
    table = columns("left", "right", "left", "right", "left")
    lines = [
        ("found", score.flagged.wrong, f"of {number(score.wrong)} wrong labels", score.recall, ""),
        _tally_line("right", score.flagged, "called mislabelled"),
        _tally_line("worst", score.head, "at the head of the queue"),
    ]
    for name, part, of_whole, estimate, remark in lines:
        if estimate is not None:
            figures = "; ".join(filter(None, (interval(estimate), remark)))
            add_row(table, [name, number(part), of_whole, percent(estimate.value, digits=0), figures])
    return ["", title(f"In truth ({shown(faces)}_truth.csv)"), table]


def _tally_line(name: str, tally: Tally, what: str) -> tuple[str, int, str, Estimate | None, str]:
    blends = f"{number(tally.ambiguous)} are blends" if tally.ambiguous else ""
    return name, tally.wrong, f"of {number(tally.rows)} {what}", tally.precision, blends
