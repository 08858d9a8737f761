"""AffectNet's form of 2021: ``images/N.jpg`` and ``annotations/N_exp.npy``, below ``train_set/`` and ``val_set/``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labelaudit.errors import SourceError
from labelaudit.source.affectnet import CODES
from labelaudit.source.cells import code_text
from labelaudit.source.draft import Draft
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.pictures import FilePictures
from labelaudit.source.words import counted, is_split, some
from labelaudit.source.written import LabelPlaces

_IMAGES, _ANNOTATIONS = "images", "annotations"
_ENDING = "_exp.npy"


def _probe(layout: Layout) -> Match | None:
    if not layout.has_folders(_IMAGES, _ANNOTATIONS):
        return None
    first = next((path for path in layout.tree.others if path.endswith(_ENDING)), None)
    return None if first is None else Match(Fit.KNOWN, f"{first} found: AffectNet")


def _read(layout: Layout) -> Draft:
    if layout.file is not None:
        raise SourceError(f"{layout.name} is a file; AffectNet is the folder that holds {_IMAGES}/ and {_ANNOTATIONS}/")
    annotations = {_key(path, _ANNOTATIONS, _ENDING): path for path in layout.tree.others if path.endswith(_ENDING)}
    if not annotations:
        raise SourceError(f"{layout.name} holds no {_ANNOTATIONS}/N{_ENDING}, as AffectNet's form of 2021 has")
    pictures = {_key(path, _IMAGES, f".{path.rpartition('.')[2]}"): path for path in layout.tree.pictures}
    missing = {key: _missing(path) for key, path in annotations.items() if key not in pictures}
    paths = [*layout.tree.pictures, *missing.values()]
    keys = [*pictures, *missing]
    own = [annotations.get(key) or _beside(path) for key, path in zip(keys, paths, strict=True)]
    unreadable: list[str] = []
    label = [_code(layout.root, annotations.get(key), unreadable) for key in keys]
    draft = Draft(
        sample_id=paths,
        label=label,
        path=paths,
        split=[_split(path) for path in paths],
        pictures=FilePictures(layout.root, paths, facts=np.vstack([layout.tree.facts, np.full((len(missing), 2), -1)])),
        where=layout.name,
        codes=CODES,
        places=LabelPlaces(layout, own=own),
    )
    if unreadable:
        draft.assumed.append(f"{counted(len(unreadable), 'annotation')} cannot be read ({some(unreadable)}): no label")
    return draft


FORMAT = Format("affectnet-npy", "AffectNet (2021)", _probe, _read)


def _key(path: str, folder: str, ending: str) -> str:
    """The path of a picture or its annotation without what tells the two apart."""
    return f"/{path}".replace(f"/{folder}/", "/", 1).removesuffix(ending)


def _missing(annotation: str) -> str:
    """Where the picture of an annotation ought to be."""
    return f"/{annotation}".replace(f"/{_ANNOTATIONS}/", f"/{_IMAGES}/", 1)[1:].removesuffix(_ENDING) + ".jpg"


def _beside(picture: str) -> str:
    """Where the annotation of a picture ought to be."""
    return f"/{picture}".replace(f"/{_IMAGES}/", f"/{_ANNOTATIONS}/", 1)[1:].rpartition(".")[0] + _ENDING


def _code(root: Path, annotation: str | None, unreadable: list[str]) -> str | None:
    """The code in an annotation, which holds one number or its text; None where there is none."""
    if annotation is None:
        return None
    try:
        return code_text(str(np.load(root / annotation, allow_pickle=False).item()))
    except Exception:  # numpy raises anything on a header that is broken
        unreadable.append(annotation)
        return None


def _split(path: str) -> str | None:
    names = [part.removesuffix("_set") for part in path.split("/")[:-1]]
    return next((name for name in names if is_split(name)), None)
