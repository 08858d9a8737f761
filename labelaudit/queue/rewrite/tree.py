"""A whole dataset in a new place: its files as hard links or copies, some of them under other names."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from labelaudit.errors import DecisionError
from labelaudit.records import Progress, Stage

_EVERY = 500
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}


def write_tree(pairs: Iterable[tuple[Path, Path]], *, linked: bool, total: int, progress: Progress) -> None:
    """Links or copies files.

    Hard links and not symbolic ones: a dataset whose files are links out of it is not read, see ``source.walk``.

    Args:
        pairs: Files and the files to be, which do not exist; folders are made.
        linked: Hard links instead of copies.
        total: How many they are.
        progress: Told how it goes.

    Raises:
        DecisionError: Hard links are not possible here, or a file to be exists.
    """
    stage = "links" if linked else "copies"
    folders: set[Path] = set()
    done = 0
    for done, (source, target) in enumerate(pairs, start=1):
        if target.parent not in folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            folders.add(target.parent)
        if os.path.lexists(target):
            raise DecisionError(
                f"the dataset has a file {target.name} of its own where apply writes its own: rename it"
            )
        if linked:
            _link(source, target)
        else:
            shutil.copy2(source, target)
        if done % _EVERY == 0 and done < total:
            progress(Stage(stage, done, total, "files"))
    if done:
        progress(Stage(stage, total, total, "files"))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise DecisionError(
                f"{source.name} cannot be linked ({error.strerror}): hard links need --out on the dataset's own disk, "
                "and files that are yours; --as copy does without"
            ) from error
        raise
