"""What every command says that hands on verdicts which are not to be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from labelaudit.cli.output.words import shown
from labelaudit.report.words import distrust_sentence


def warn_distrust(distrust: Sequence[str], *, quiet: bool) -> None:
    """Says on stderr, in one line, why verdicts are not to be trusted; nothing where they are.

    Args:
        distrust: The reasons, from a report's metadata.
        quiet: Say nothing.
    """
    if distrust and not quiet:
        typer.echo(f"labelaudit: {shown(distrust_sentence(distrust))}", err=True)
