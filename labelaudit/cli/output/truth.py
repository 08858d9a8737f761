"""What a demo adds to the screen: how much of what was found is true."""

from __future__ import annotations

from rich.console import Console

from labelaudit.cli.output.layout import add_row, columns, title
from labelaudit.cli.output.words import counted, interval, number, percent, shown
from labelaudit.report.metadata import Estimate
from labelaudit.report.truth import TruthScore


def print_truth(console: Console, score: TruthScore, *, faces: str) -> None:
    """Prints a score.

    Args:
        console: Where to.
        score: Verdicts against the truth.
        faces: The folder of drawn faces as the person named it.
    """
    wrong = counted(score.wrong, "face stands", "faces stand")
    blends = counted(score.ambiguous, "is a blend", "are blends")
    console.print("")
    console.print(title("And in truth"), f"(these faces are drawn: {wrong} under a wrong label, {blends} of two)")
    table = columns("left", "right", "left", "right", "left")
    neither = f"{number(score.flagged_ambiguous)} more are blends" if score.flagged_ambiguous else ""
    lines = [
        ("found", score.found, f"of {number(score.wrong)} wrong labels", score.recall, ""),
        ("right", score.found, f"of {number(score.flagged)} called mislabelled", score.precision, neither),
    ]
    for name, part, of_whole, estimate, remark in lines:
        if estimate is not None:
            add_row(table, [name, number(part), of_whole, *_figures(estimate, remark)])
    console.print(table)
    console.print(f" The faces are in {shown(faces)}, the truth beside them in {shown(faces)}_truth.csv")


def _figures(estimate: Estimate, remark: str) -> tuple[str, str]:
    return percent(estimate.value), "; ".join(filter(None, (interval(estimate), remark)))
