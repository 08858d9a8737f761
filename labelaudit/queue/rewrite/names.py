"""Labels that stand in the names of pictures and folders: new names, and a plan of moves for somebody to carry out."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from pathlib import Path

from labelaudit.queue.escape import escaped

PLAN_NAMES = ("moves.csv", "moves.json")


def free_name(path: str, taken: Collection[str]) -> str:
    """A path that no picture has or had: ``sad/1.jpg``, else ``sad/1-2.jpg`` and so on.

    Names that become free are not used either, so that moves can be made in any order.
    """
    stem, dot, ending = path.rpartition(".")
    name, number = path, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}{dot}{ending}"
    return name


def write_moves(folder: Path, moves: Mapping[str, str | None]) -> None:
    """Writes a plan: ``moves.json`` for programs, every name exactly, and ``moves.csv`` for people.

    Moves can be made in any order. A picture that moves to nowhere is left out.

    Args:
        folder: Takes the two files.
        moves: Path of a picture below the dataset's folder -> its new path; None = it is left out.
    """
    plan = [{"from": path, "to": to} for path, to in moves.items()]
    text = json.dumps({"moves": plan}, indent=1)  # ASCII: a name that is no UTF-8 survives as an escape
    (folder / "moves.json").write_text(text + "\n", encoding="utf-8")
    with open(folder / "moves.csv", "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("from", "to"))
        writer.writerows((escaped(path), escaped(to or "")) for path, to in moves.items())
