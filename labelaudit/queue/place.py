"""Where new labels may be written: never over or into the dataset or the run, and over nothing but earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labelaudit.errors import DecisionError
from labelaudit.queue.ledger import LEDGER_NAME, is_ledger
from labelaudit.source.tables import TABLE_SUFFIXES


def check_place(out: Path, *, over: Sequence[Path], into: Sequence[Path], force: bool) -> None:
    """Refuses a folder that labels must not be written to.

    Args:
        out: The folder to be.
        over: What it may neither be nor hold, such as the run.
        into: Folders that it must not lie in either, such as the dataset.
        force: It may replace a folder that holds earlier labels of ours.

    Raises:
        DecisionError: It is refused.
    """
    if out.suffix.lower() in (*TABLE_SUFFIXES, ".tar"):
        raise DecisionError(f"--out {out}: apply writes a folder, labels and their ledger in it; name one")
    place = out.resolve()
    for path in (each.resolve() for each in (*over, *into)):
        if place == path or place in path.parents:
            raise DecisionError(f"--out {out} would replace {path.name}, which must stay as it is: name another folder")
    for path in (each.resolve() for each in into):
        if path in place.parents:
            raise DecisionError(f"--out {out} lies in the dataset, which must stay as it is: name a folder elsewhere")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not is_ledger(out / LEDGER_NAME):
        raise DecisionError(f"{out} exists and holds no labels of labelaudit apply: name another folder with --out")
    if not force:
        raise DecisionError(f"{out} holds labels already: name another folder with --out, or add --force to replace it")
