"""Runs as commands name them: folders, and where a command only reads, URLs."""

from __future__ import annotations

from pathlib import Path

import typer

from labelaudit.source.urls import is_url


def run_to_read(place: str) -> Path:
    """The folder of a run; of one at a URL, a copy."""
    if not is_url(place):
        return Path(place)
    from labelaudit.scale.run_url import local_run

    return local_run(place).root


def run_on_disk(place: str) -> Path:
    """The folder of a run that a command writes to."""
    if is_url(place):
        raise typer.BadParameter("what people decide is kept in the run folder: copy the run to a disk first")
    return Path(place)


def run_or_batch(place: str) -> str:
    """A batch of pictures as it is named; of a run at a URL, the folder of a copy."""
    if not is_url(place):
        return place
    from labelaudit.scale.run_url import holds_run

    return str(run_to_read(place)) if holds_run(place) else place


def beside_run(run: Path, name: str, out: Path | None) -> Path:
    """Where a command writes: where it is told to, else beside the run's report."""
    if out is not None:
        return out
    refuse_copy(run, "a run at a URL is only read; say with --out where to write")
    return run / name


def refuse_copy(run: Path, why: str) -> None:
    """Ends a command that would write into a copy of a run at a URL."""
    from labelaudit.scale.run_url import is_copy

    if is_copy(run):
        raise typer.BadParameter(why)
