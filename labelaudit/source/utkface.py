"""UTKFace (Zhang, Song, Qi, CVPR 2017): the label stands in the name, ``[age]_[gender]_[race]_[time].jpg``."""

from __future__ import annotations

import re
from itertools import islice

from labelaudit.errors import SourceError
from labelaudit.source.columns import chosen_attribute
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import FilePictures
from labelaudit.source.words import counted, some
from labelaudit.source.written import LabelPlaces, Renamed

_CODES = {
    "gender": ClassCodes.numbered("male", "female"),
    "race": ClassCodes.numbered("White", "Black", "Asian", "Indian", "Others"),
}
_NAME = re.compile(r"\d{1,3}_(?P<gender>\d+)_(?P<race>\d+)_\d{8,}\D.*", re.ASCII)
_SHARE = 0.9  # of the pictures must be named so; the published set has a few names that lack a part


def _probe(layout: Layout) -> Match | None:
    if layout.file is not None:
        return None
    pictures = layout.tree.pictures
    allowed = int((1 - _SHARE) * len(pictures))
    others = islice((path for path in pictures if _match(path) is None), allowed + 1)  # no look at the rest
    if not pictures or sum(1 for _ in others) > allowed:
        return None
    return Match(Fit.KNOWN, f"pictures are named [age]_[gender]_[race]_[time] ({some(pictures[:1])}): UTKFace")


def _read(layout: Layout) -> Draft:
    if layout.file is not None or not layout.tree.pictures:
        raise SourceError(f"{layout.name} is no folder of pictures, as UTKFace is")
    attribute = chosen_attribute(layout.options.label_column, list(_CODES), "UTKFace")
    paths = layout.tree.pictures
    matches = [_match(path) for path in paths]
    draft = Draft(
        sample_id=paths,
        label=[None if match is None else match[attribute] for match in matches],
        path=paths,
        split=[None] * len(paths),
        pictures=FilePictures(layout.root, paths, facts=layout.tree.facts),
        where=layout.name,
        codes=_CODES[attribute],
        places=LabelPlaces(layout, renamed=_renamed(attribute)),
    )
    odd = [path for path, match in zip(paths, matches, strict=True) if match is None]
    if odd:
        draft.assumed.append(f"{counted(len(odd), 'name lacks', 'names lack')} a part ({some(odd)})")
    return draft


FORMAT = Format("utkface", "UTKFace", _probe, _read)


def _renamed(attribute: str) -> Renamed:
    def renamed(path: str, code: str) -> str | None:
        match = _match(path)
        if match is None:
            return None
        folder, slash, name = path.rpartition("/")
        return f"{folder}{slash}{name[: match.start(attribute)]}{code}{name[match.end(attribute) :]}"

    return renamed


def _match(path: str) -> re.Match[str] | None:
    return _NAME.fullmatch(path.rpartition("/")[2])
