"""The few shapes that every screen is made of. Text goes in as it is and never as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

Side = Literal["left", "right"]

SCREEN_LINES = 24
MARGIN = 11
"""Width of a word in the margin, with the space before it."""


def columns(*sides: Side) -> Table:
    """An unruled table, one space in from the left; rows are added to it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for side in sides:
        table.add_column(justify=side, no_wrap=side == "right")
    return table


def add_row(table: Table, cells: Sequence[str | Text]) -> None:
    """Adds a row to ``columns``."""
    first, *others = (Text(cell, overflow="fold") if isinstance(cell, str) else cell for cell in cells)
    table.add_row(Text(" ").append_text(first), *others)


def labelled(label: str, text: str) -> Table:
    """A word in the margin and text beside it."""
    table = Table.grid(padding=0)
    table.add_column(width=MARGIN, no_wrap=True)
    table.add_column()
    table.add_row(Text(f" {label}", style="bold"), Text(text, overflow="fold"))
    return table


def title(text: str) -> Text:
    """The heading of a part."""
    return Text(f" {text}", style="bold")


def height(console: Console, parts: Iterable[RenderableType]) -> int:
    """Lines that parts take on a console."""
    return sum(len(console.render_lines(part, pad=False)) for part in parts)


def fitted(console: Console, label: str, notes: Sequence[str], *, lines: int) -> Table | None:
    """As many notes as fit in some lines, then how many are left out; None without notes."""
    for kept in range(len(notes), -1, -1):
        left = len(notes) - kept
        more = [f"{left}{' more' if kept else ''}, listed by --verbose"] if left else []
        part = labelled(label, f"{'; '.join([*notes[:kept], *more])}.")
        if kept == 0 or height(console, [part]) <= lines:
            break
    return part if notes else None
