"""What ``labelaudit review`` says when it begins and when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import webbrowser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from labelaudit.cli.output.words import counted, number, shown

if TYPE_CHECKING:
    from labelaudit.records import JsonDict
    from labelaudit.review.desk import Desk
    from labelaudit.review.ledger import Ledger

_NAMES_SHOWN = 8


def write_review_start(
    address: str, kept: Path, desk: Desk, ledger: Ledger, *, host: str, as_json: bool, quiet: bool
) -> None:
    """Says where the page is and where decisions go. A wide door is named loudly, quiet or not.

    Args:
        address: Of the page, with its token.
        kept: The file of decisions.
        desk: The faces.
        ledger: The decisions so far.
        host: What the server listens on.
        as_json: Only JSON, on one line: another follows at the end.
        quiet: Only the address.
    """
    from labelaudit.review.serve import is_loopback

    if not is_loopback(host):
        typer.echo(
            f"labelaudit: WARNING: listening on {host}. Whoever has the address sees these faces, and so does whoever"
            " reads the network: it is not encrypted. A tunnel is safer: ssh -L 8477:localhost:8477 THIS_MACHINE",
            err=True,
        )
    if as_json:
        _say_json({"url": address, "decisions": str(kept), "faces": len(desk), "blind": desk.blind})
    elif quiet:
        typer.echo(address)
    else:
        standing = len(ledger.in_force())
        before = f", {counted(standing, 'decision', 'decisions')} in it" if standing else ""
        todo = f"{counted(len(desk), 'face', 'faces')} to decide{' (blind)' if desk.blind else ''}"
        for line in (
            "",
            f" {shown(desk.dataset)}: {todo}",
            "",
            f" Open      {address}",
            f" Decisions {shown(str(kept))}{before}",
            " End       Ctrl-C",
        ):
            typer.echo(line)
    sys.stdout.flush()  # whoever waits for the address may read it through a pipe


def write_review_end(
    ledger: Ledger, kept: Path, *, run: Path, spot_check: bool = False, as_json: bool, quiet: bool
) -> None:
    """Says how many decisions stand, whose, and how they become labels.

    Args:
        ledger: The decisions.
        kept: Their file.
        run: The run folder as the person named it.
        spot_check: Whether the rows of the spot check were asked about, which measure the queue.
        as_json: Only JSON.
        quiet: Nothing.
    """
    standing = ledger.in_force()
    by_name = Counter(each.annotator for each in standing)
    if as_json:
        _say_json({"standing": len(standing), "annotators": dict(by_name.most_common()), "decisions": str(kept)})
    elif not quiet:
        typer.echo(
            f"\n {counted(len(standing), 'decision stands', 'decisions stand')}{_whose(by_name)} in {shown(str(kept))}"
        )
        if standing:
            words = ["queue", str(run), "--decisions", str(kept)] if spot_check else ["apply", str(run), str(kept)]
            typer.echo(f" Next: {shown(shlex.join(['labelaudit', *words]))}")


@contextlib.contextmanager
def browser_opened(address: str, *, folder: Path, asked: bool) -> Iterator[None]:
    """Opens the page: where it was asked for, or where there is a desktop to open it on.

    Args:
        address: Of the page, with its token, which no command line shows: see ``review.doorway``.
        folder: Of the user, for as long as the page is open.
        asked: Whether the person asked for it.
    """
    from labelaudit.review.doorway import write_doorway

    desktop = sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if not asked and not (desktop and sys.stdout.isatty() and "SSH_CONNECTION" not in os.environ):
        yield
        return
    page = write_doorway(folder, address)
    try:
        webbrowser.open(page.as_uri())
        yield
    finally:
        page.unlink(missing_ok=True)


def _say_json(value: JsonDict) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


def _whose(by_name: Counter[str]) -> str:
    if not by_name:
        return ""
    named = [f"{shown(name or '(no name)')} {number(count)}" for name, count in by_name.most_common(_NAMES_SHOWN)]
    left = len(by_name) - len(named)
    return f" ({', '.join(named)}{f' and {left} more' if left > 0 else ''})"
