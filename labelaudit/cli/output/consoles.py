"""Where commands write: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys

from rich.console import Console


class ResultsConsole(Console):
    """Stdout. Where its reader goes away, ``CommandGroup`` ends the command, and not rich with its own exit code."""

    def on_broken_pipe(self) -> None:
        """Hands the error on: rich calls this while it handles it."""
        self.quiet = True
        raise


class ProgressConsole(Console):
    """Stderr. Where its reader goes away, work goes on in silence."""

    def on_broken_pipe(self) -> None:
        """Says nothing more."""
        self.quiet = True


def results_console() -> ResultsConsole:
    """A console for results; names that its encoding lacks are spelled out."""
    return ResultsConsole(highlight=False, markup=False, emoji=False)


def progress_console() -> ProgressConsole:
    """A console for progress."""
    return ProgressConsole(file=sys.stderr, highlight=False, markup=False, emoji=False)
