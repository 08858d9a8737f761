"""What ``labelaudit report`` says at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from labelaudit.cli.output.words import counted, number, shown

if TYPE_CHECKING:
    from labelaudit.report.html import PageResult


def print_page(console: Console, result: PageResult) -> None:
    """Prints where the page is, how large, and how many faces travel with it."""
    size = f"{result.size / 1e6:.1f} MB" if result.size >= 1e5 else f"{result.size / 1e3:.0f} kB"
    faces = "no pictures" if result.pictures == 0 else f"{counted(result.pictures, 'face', 'faces')} in it"
    console.print(Text(f" {shown(str(result.path))}  {size}, {faces}", overflow="fold"))
    for why, count in result.missing.items():
        console.print(Text(f" without {number(count)}: {shown(why)}", overflow="fold"))
