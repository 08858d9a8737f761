"""Run folders in an object store.

A store renames nothing, locks nothing and appends to nothing. So a run that is to lie at a URL is made in a folder on
this machine, where all that holds for run folders holds, and published when it is finished: file by file, the report
last. A place without a report is no finished run, however much it holds; a place that is being replaced loses its
report first. A run at a URL is read through a copy in the cache folder; what the store has anew is copied anew.

``dataset.json`` is published only where the dataset is at a URL itself: a path is private, and means nothing elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.errors import RunFolderError, SourceError
from labelaudit.records import Progress, Stage, no_progress
from labelaudit.rundir import RunDir, cache_folder, locked, write_json, written_aside
from labelaudit.source.urls import Url, is_url, read_url

if TYPE_CHECKING:
    from labelaudit.source.store import Files

_STAMPS = "copied.json"
"""Beside a copy: size and stamp that each file had in the store when it was copied."""


@contextlib.contextmanager
def run_to_publish(
    place: Path | str,
    *,
    cache_dir: Path | None = None,
    force: bool = False,
    progress: Progress = no_progress,
) -> Iterator[Path]:
    """Gives the folder to make a run in: the place itself, or where it is a URL, one that is published at the end.

    Args:
        place: A folder, or a URL.
        cache_dir: The user's cache folder; None = its default.
        force: Replace a run that is there.
        progress: Told of files published.

    Raises:
        RunFolderError: There is a run already, or something else, or the store says no.
    """
    if not is_url(place):
        yield Path(place)
        return
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RunFolderError("several processes make a run in a folder that all of them share; give --out a folder")
    url = _url(place)
    files = _files(url)
    _check_free(files, force=force)
    staged = cache_folder(cache_dir) / "staged-runs" / _key(url)
    yield staged
    run = RunDir(staged)
    if run.is_finished():
        with locked(staged):
            _write_all(run, files, progress)


def local_run(place: Path | str, *, cache_dir: Path | None = None, progress: Progress = no_progress) -> RunDir:
    """A run to read: that in a folder, or a copy of one at a URL.

    Args:
        place: A folder, or a URL.
        cache_dir: The user's cache folder; None = its default.
        progress: Told of files copied.

    Raises:
        RunFolderError: At the URL is no finished run, or the store says no.
    """
    if not is_url(place):
        return RunDir(Path(place))
    url = _url(place)
    files = _files(url)
    kept = RunDir(cache_folder(cache_dir) / "copied-runs" / _key(url))
    stamps = _finished_stamps(files)
    with locked(kept.root, waiting=lambda: progress(Stage("waiting for another copy of the run", 0, 0, "files"))):
        before = _stamps_of_copy(kept.root)
        changed = [
            name for name, stamp in stamps.items() if before.get(name) != stamp or not (kept.root / name).is_file()
        ]
        for name in before.keys() - stamps.keys():
            (kept.root / name).unlink(missing_ok=True)
        for done, name in enumerate(changed):
            progress(Stage("copying", done, len(changed), "files"))
            with written_aside(kept.root / name) as aside:
                files.save_copy(name, aside)
        if changed:
            progress(Stage("copying", len(changed), len(changed), "files"))
        if _finished_stamps(files) != stamps:
            raise RunFolderError(f"{url} is being replaced; try again when that is done")
        write_json(kept.root / _STAMPS, stamps)
    return kept


def is_copy(run: Path) -> bool:
    """Whether a folder is a copy of a run at a URL: what is written there is lost."""
    return (run / _STAMPS).is_file()


def holds_run(place: str) -> bool:
    """Whether a URL names a run, finished or not, and no dataset.

    Raises:
        RunFolderError: The store says no.
    """
    return RunDir(Path()).mark.name in _names(_files(_url(place)))


def _write_all(run: RunDir, files: Files, progress: Progress) -> None:
    """Publishes a finished run: the old report goes first, the new one comes last."""
    names = [run.mark.name, *(name for name in run.file_names if name != run.report.name), run.report.name]
    if run.origin.is_file() and is_url(json.loads(run.origin.read_text(encoding="utf-8"))["dataset"]):
        names.insert(1, run.origin.name)
    present = [name for name in names if (run.root / name).is_file()]
    old = _names(files)
    files.remove(run.report.name)
    for name in sorted(old & {*run.file_names, run.origin.name, "report.html"} - {*present}):
        files.remove(name)
    for done, name in enumerate(present):
        progress(Stage("publishing", done, len(present), "files"))
        files.write_file(name, run.root / name)
    progress(Stage("publishing", len(present), len(present), "files"))


def _check_free(files: Files, *, force: bool) -> None:
    """Refuses a place that holds something else, or a run that is not to be replaced."""
    run, names = RunDir(Path()), _names(files)
    if names and run.mark.name not in names:
        raise RunFolderError(f"{files.url} is not empty and not a run of labelaudit; name another place with --out")
    if run.report.name in names and not force:
        raise RunFolderError(f"{files.url} holds a run already; add --force to replace it")


def _finished_stamps(files: Files) -> dict[str, list[int]]:
    """File -> size and stamp of the files of a finished run."""
    run = RunDir(Path())
    listing = files.list() if files.kind().name == "Directory" else None
    known = {run.mark.name, run.origin.name, run.decisions.name, *run.file_names}
    found = {} if listing is None else dict(zip(listing.paths, listing.facts.tolist(), strict=True))
    if run.mark.name not in found:
        raise RunFolderError(f"{files.url} is no run of labelaudit; is the URL right?")
    for needed in (run.report.name, run.summary.name):
        if needed not in found:
            raise RunFolderError(f"{files.url} holds a run that is not whole: {needed} is missing; publish it again")
    return {name: stamp for name, stamp in found.items() if name in known}


def _names(files: Files) -> set[str]:
    return set(files.list().paths) if files.kind().name == "Directory" else set()


def _stamps_of_copy(folder: Path) -> dict[str, list[int]]:
    try:
        found = json.loads((folder / _STAMPS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _url(place: Path | str) -> Url:
    try:
        return read_url(os.fspath(place))
    except SourceError as error:
        raise RunFolderError(str(error)) from None


def _files(url: Url) -> Files:
    from labelaudit.source.store import Files  # stores' clients; a run in a folder needs none

    return Files(url, error=RunFolderError)


def _key(url: Url) -> str:
    return hashlib.sha256(str(url).encode()).hexdigest()[:40]
