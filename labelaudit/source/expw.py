"""ExpW, the Expression in-the-Wild dataset (Zhang, Luo, Loy, Tang, IJCV 2018): several faces a picture.

``label.lst`` has lines ``name face_id top left right bottom confidence label``; a face is cut out by its box when it is
read, and its id is ``path#face_id``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelaudit.errors import SourceError
from labelaudit.source.cells import coordinate
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.encoding import decoded, text_encoding, text_lines
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.locate import named_files, picture_root
from labelaudit.source.tabular import slashed
from labelaudit.source.written import LabelFile, LabelPlaces, Words

CODES = ClassCodes.numbered("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

_LIST = "label.lst"
_FIELDS = 8


def _probe(layout: Layout) -> Match | None:
    lists = [path for path in layout.find(_LIST) if _is_list(path)]
    return Match(Fit.KNOWN, f"{_LIST} found: ExpW") if lists else None


def _read(layout: Layout) -> Draft:
    lists = layout.find(_LIST)
    if len(lists) != 1:
        raise SourceError(f"{layout.name} holds {len(lists)} files named {_LIST}; ExpW has one: give its folder")
    file = lists[0]
    names: list[str | None] = []
    faces: list[str] = []
    label: list[str | None] = []
    boxes: list[list[int]] = []
    for number, line in enumerate(text_lines(file), start=1):
        fields = _fields(line)
        if not fields:
            continue
        try:
            boxes.append(_box(fields))
        except ValueError:
            raise SourceError(
                f"{_LIST} line {number:,}: expected a name, a face's number, its box (top left right bottom), "
                "a confidence and a label"
            ) from None
        names.append(slashed(fields[0]))
        faces.append(fields[1])
        label.append(fields[7] if len(fields) == _FIELDS else None)
    assumed: list[str] = []
    named = named_files(
        names,
        root=picture_root(layout),
        where=_LIST,
        assumed=assumed,
        boxes=np.array(boxes, dtype=np.int64).reshape(-1, 4),
    )
    return Draft(
        sample_id=[f"{path}#{face}" for path, face in zip(named.sample_id, faces, strict=True)],
        label=label,
        path=named.path,
        split=[None] * len(names),
        pictures=named.pictures,
        where=_LIST,
        codes=CODES,
        assumed=assumed,
        places=LabelPlaces(layout, (LabelFile(file, Words(-1, _FIELDS), range(len(label))),)),
    )


FORMAT = Format("expw", "ExpW", _probe, _read)


def _is_list(file: Path) -> bool:
    """Whether the first line is one of ExpW: other programs call their lists so, too."""
    try:
        with decoded(file, text_encoding(file, whole=False)) as text:
            _box(_fields(next((line for line in text if line.strip()), "")))
    except (SourceError, ValueError):
        return False
    return True


def _fields(line: str) -> list[str]:
    return line.rsplit(maxsplit=_FIELDS - 1)  # names may hold spaces


def _box(fields: Sequence[str]) -> list[int]:
    """Left, top, right, bottom. ValueError: the line is too short, or a coordinate is none."""
    top, left, right, bottom = map(coordinate, fields[2:6])
    return [left, top, right, bottom]
