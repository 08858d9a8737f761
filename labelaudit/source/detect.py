"""Opening a dataset: looking which format it has, and reading it.

To add a format, write one file that ends in ``FORMAT = Format(name, title, probe, read)`` and add it to ``FORMATS``.
``probe`` looks at a ``Layout`` and answers with a ``Match`` that says what it saw, or None; ``read`` gives a ``Draft``:
columns as they are written, and a way to read pictures. Class names, votes, splits, ids and everything that must be
refused are taken care of in ``finish``. Then ``tests/source/`` gets a test with a small true copy of the dataset.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from labelaudit.errors import SourceError
from labelaudit.source import (
    affectnet,
    affectnet_npy,
    celeba,
    ckplus,
    embedded,
    expw,
    fairface,
    fer2013,
    ferplus,
    folder,
    huggingface,
    manifest,
    rafdb,
    utkface,
    webdataset,
)
from labelaudit.source.finish import finish
from labelaudit.source.hub import may_be_hub_name, read_hub
from labelaudit.source.interface import LabelSource
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.options import SourceOptions
from labelaudit.source.urls import is_url
from labelaudit.source.words import did_you_mean

FORMATS: tuple[Format, ...] = (
    fer2013.FORMAT,
    ferplus.FORMAT,
    rafdb.FORMAT,
    affectnet.FORMAT,
    affectnet_npy.FORMAT,
    expw.FORMAT,
    ckplus.FORMAT,
    celeba.FORMAT,
    utkface.FORMAT,
    fairface.FORMAT,
    huggingface.FORMAT,
    embedded.FORMAT,
    webdataset.FORMAT,
    manifest.FORMAT,
    folder.FORMAT,
)
"""Every format, in the order in which they are named to people. The order decides nothing."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What a dataset was found to be.

    Attributes:
        chosen: The format.
        why: What was seen, in words.
        others: Other formats that it could be read as; named with ``--format``.
    """

    chosen: Format
    why: str
    others: tuple[Format, ...]


def open_source(dataset: str | os.PathLike[str], options: SourceOptions | None = None) -> LabelSource:
    """Opens a dataset: a file, a folder, a URL, or the name of a Hugging Face dataset (``owner/name``, extra ``hf``).

    Args:
        dataset: Where it is.
        options: What detection is to be told; None = look and decide.

    Raises:
        SourceError: There is no such dataset, it is of no known format or of two, or it cannot be read or trusted.
    """
    options = options or SourceOptions()
    if is_url(dataset):
        from labelaudit.source.remote import open_url  # knows stores; a dataset on the disk needs none of that

        return open_url(dataset, options)
    location = Path(dataset)
    try:
        exists = location.exists()
    except (OSError, ValueError):  # a name that is too long, or holds NUL
        exists = False
    if not exists:
        return _open_by_name(os.fspath(dataset), options)
    if not (location.is_dir() or location.is_file()):
        raise SourceError(f"{location} is neither a file nor a folder, but a pipe or a device: save it to a file first")
    layout = Layout(location, options)
    detection = detect(layout)
    why = detection.why
    if detection.others:
        why += f" (--format {' or '.join(other.name for other in detection.others)} would fit too)"
    draft = detection.chosen.read(layout)
    return finish(draft, options, format_name=detection.chosen.name, why=why)


def detect(layout: Layout) -> Detection:
    """Says which format a dataset has.

    Raises:
        SourceError: None fits, several fit equally well, or ``--format`` names none.
    """
    if (told := layout.options.format) is not None:
        return Detection(format_named(told), "as --format says", ())
    matches = [(one, match) for one in FORMATS if (match := one.probe(layout)) is not None]
    if not matches:
        raise _unrecognised(layout)
    best = max(match.fit for _, match in matches)
    leading = [(one, match) for one, match in matches if match.fit == best]
    if len(leading) > 1:
        raise SourceError(f"{layout.name} could be read in several ways: {_listed(leading)}; choose one with --format")
    chosen, match = leading[0]
    others = tuple(one for one, other in matches if one is not chosen and other.fit > Fit.LAST)
    return Detection(chosen, match.why, others)


def format_named(name: str) -> Format:
    """The format that ``--format`` names.

    Raises:
        SourceError: There is none of this name.
    """
    by_name = {one.name: one for one in FORMATS}
    if name not in by_name:
        raise SourceError(
            f"--format {name}: no such format{did_you_mean(name, by_name)} (there are {', '.join(by_name)})"
        )
    return by_name[name]


def _open_by_name(name: str, options: SourceOptions) -> LabelSource:
    is_hub = options.format == huggingface.FORMAT.name or (options.format is None and may_be_hub_name(name))
    if not is_hub:
        raise SourceError(
            f"{name}: no such file or folder; is the path right? (a Hugging Face dataset is named owner/name, "
            "or with --format huggingface)"
        )
    draft = read_hub(name, options)
    return finish(draft, options, format_name=huggingface.FORMAT.name, why=f"{name} is a Hugging Face dataset")


def _listed(matches: list[tuple[Format, Match]]) -> str:
    return "; ".join(f"{one.name} ({match.why})" for one, match in matches)


def _unrecognised(layout: Layout) -> SourceError:
    names = ", ".join(one.name for one in FORMATS)
    if layout.file is not None:
        return SourceError(f"{layout.name} is of no known format ({names}): give its folder, or a table of paths")
    return SourceError(
        f"{layout.name} holds no pictures (jpg, png, webp, bmp, tiff, gif) and no table that names them: "
        f"is it the right folder? (formats: {names})"
    )
