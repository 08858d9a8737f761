"""CK+, the extended Cohn-Kanade dataset (Lucey et al., CVPR workshops 2010): sequences that end at the apex.

``cohn-kanade-images/S005/001/S005_001_00000011.png`` and ``Emotion/S005/001/S005_001_00000011_emotion.txt``, which
holds one number. A row is a sequence, shown by its last frame; sequences without an emotion file have no label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labelaudit.errors import SourceError
from labelaudit.source.cells import code_text
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.encoding import text_lines
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import FilePictures
from labelaudit.source.words import counted
from labelaudit.source.written import LabelPlaces

CODES = ClassCodes.numbered("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")

_IMAGES = "cohn-kanade-images"
_ENDING = "_emotion.txt"

_Sequence = tuple[str, str]
"""Subject and number of a sequence, such as S005 and 001."""


def _probe(layout: Layout) -> Match | None:
    if not layout.has_folders(_IMAGES):
        return None
    return Match(Fit.KNOWN, f"the folder {_IMAGES} found: CK+")


def _read(layout: Layout) -> Draft:
    if layout.file is not None:
        raise SourceError(f"{layout.name} is a file; CK+ is the folder that holds {_IMAGES}/ and Emotion/")
    frames: dict[_Sequence, list[str]] = {}
    others = 0
    for path in layout.tree.pictures:
        if (sequence := _sequence(path)) is not None:
            frames.setdefault(sequence, []).append(path)
        else:
            others += 1
    labels = _labels(layout)
    last = {sequence: max(paths, key=lambda path: path.rpartition("/")[2]) for sequence, paths in frames.items()}
    for (subject, number), (stem, _, _) in labels.items():
        last.setdefault((subject, number), f"{_IMAGES}/{subject}/{number}/{stem}.png")  # a row that cannot be read
    sequences = sorted(last)
    paths = [last[sequence] for sequence in sequences]
    rest = sum(map(len, frames.values())) - len(frames)
    draft = Draft(
        sample_id=paths,
        label=[labels[sequence][1] if sequence in labels else None for sequence in sequences],
        path=paths,
        split=[None] * len(paths),
        pictures=FilePictures(layout.root, paths),
        where=layout.name,
        codes=CODES,
        places=LabelPlaces(layout, own=_own_files(sequences, last, labels)),
    )
    draft.assumed.append(f"a row is a sequence, shown by its last frame; {counted(rest, 'earlier frame')} left aside")
    if others:
        draft.assumed.append(f"{counted(others, 'picture')} not named like S005_001_00000011.png left aside")
    return draft


FORMAT = Format("ckplus", "CK+", _probe, _read)


def _sequence(path: str) -> _Sequence | None:
    parts = path.rpartition("/")[2].split("_")
    return (parts[0], parts[1]) if len(parts) >= 3 else None


_Label = tuple[str, str | None, str]
"""The frame that an emotion file names, the code in it, and its path."""


def _labels(layout: Layout) -> dict[_Sequence, _Label]:
    """Of each sequence that has an emotion file."""
    found: dict[_Sequence, _Label] = {}
    for path in layout.tree.others:
        name = path.rpartition("/")[2]
        sequence = _sequence(name)
        if name.endswith(_ENDING) and sequence is not None:
            words = " ".join(text_lines(layout.root / path)).split()
            found[sequence] = (name.removesuffix(_ENDING), code_text(words[0]) if words else None, path)
    return found


def _own_files(
    sequences: Sequence[_Sequence], last: Mapping[_Sequence, str], labels: Mapping[_Sequence, _Label]
) -> list[str]:
    """The emotion file of each sequence; where it has none, the one that it would have."""
    (subject, number), (_, _, known) = next(iter(labels.items()), (("", ""), ("", None, "")))
    home, found, _ = known.rpartition(f"{subject}/{number}/")
    home = home if found else "Emotion/"
    own: list[str] = []
    for sequence in sequences:
        stem = last[sequence].rpartition("/")[2].rpartition(".")[0]
        own.append(labels[sequence][2] if sequence in labels else f"{home}{'/'.join(sequence)}/{stem}{_ENDING}")
    return own
