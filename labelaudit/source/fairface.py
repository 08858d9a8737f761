"""FairFace (Karkkainen, Joo, WACV 2021): ``fairface_label_train.csv`` and ``..._val.csv``, one column is audited.

The columns are ``file,age,gender,race,service_test``; ``file`` is ``train/1.jpg``.
"""

from __future__ import annotations

from pathlib import Path

from labelaudit.errors import SourceError
from labelaudit.source.cells import label_texts, texts
from labelaudit.source.columns import chosen_attribute
from labelaudit.source.draft import Draft
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.locate import named_files, picture_root
from labelaudit.source.tables import CSV_SUFFIXES, read_table
from labelaudit.source.tabular import slashed
from labelaudit.source.words import is_split, some
from labelaudit.source.written import CsvCells, LabelFile, LabelPlaces

_FILE = "file"
_LABELS = ("age", "gender", "race")
_HEADER = {_FILE, *_LABELS, "service_test"}


def _probe(layout: Layout) -> Match | None:
    files = _files(layout)
    if not files:
        return None
    return Match(Fit.KNOWN, f"{some([path.name for path in files])} with the columns of FairFace found")


def _read(layout: Layout) -> Draft:
    files = _files(layout)
    if not files:
        raise SourceError(f"{layout.name} holds no csv with the columns {', '.join(sorted(_HEADER))}, as FairFace has")
    attribute = chosen_attribute(layout.options.label_column, _LABELS, "FairFace")
    assumed: list[str] = []
    names: list[str | None] = []
    label: list[str | None] = []
    split: list[str | None] = []
    places: list[LabelFile] = []
    slices: dict[str, list[str | None]] = {name: [] for name in _LABELS if name in layout.options.slices}
    for file in files:
        table = read_table(file, assumed, columns=[_FILE, *dict.fromkeys([attribute, *slices])])
        rows = range(len(label), len(label) + table.num_rows)
        places.append(LabelFile(file, CsvCells(attribute, (_FILE, attribute)), rows))
        names += [text and slashed(text) for text in texts(table.column(_FILE))]
        label += label_texts(table.column(attribute))
        for name, values in slices.items():
            values += texts(table.column(name))
        split += [next((part for part in reversed(file.stem.split("_")) if is_split(part)), None)] * table.num_rows
    where = files[0].name if len(files) == 1 else layout.name
    named = named_files(names, root=picture_root(layout), where=where, assumed=assumed)
    return Draft(
        sample_id=named.sample_id,
        label=label,
        path=named.path,
        split=split,
        pictures=named.pictures,
        where=where,
        assumed=assumed,
        places=LabelPlaces(layout, tuple(places)),
        slices=slices,
    )


FORMAT = Format("fairface", "FairFace", _probe, _read)


def _files(layout: Layout) -> list[Path]:
    return sorted(path for path in layout.with_suffix(*CSV_SUFFIXES) if set(layout.header(path)) >= _HEADER)
