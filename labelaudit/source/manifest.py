"""A table that names picture files and their labels: csv, tsv, json lines or Parquet."""

from __future__ import annotations

from pathlib import Path

from labelaudit.errors import SourceError
from labelaudit.source.cells import is_picture
from labelaudit.source.columns import Role, may_hold
from labelaudit.source.draft import Draft
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.locate import named_files, picture_root
from labelaudit.source.tables import PARQUET_SUFFIXES, TABLE_SUFFIXES, parquet_schema, read_table
from labelaudit.source.tabular import read_facts
from labelaudit.source.vote_columns import may_hold_votes
from labelaudit.source.words import some
from labelaudit.source.written import LabelPlaces, table_labels


def _probe(layout: Layout) -> Match | None:
    tables = _tables(layout)
    if not tables:
        return None
    named = some([layout.relative(path) for path in tables])
    if layout.file is not None and not _looks_like_manifest(layout.file, layout):
        return Match(Fit.LAST, f"{named} is a table, though its columns do not tell what they hold")
    return Match(Fit.GENERIC, f"{named} {'names' if len(tables) == 1 else 'name'} pictures and labels")


def _read(layout: Layout) -> Draft:
    tables = _tables(layout) or layout.with_suffix(*TABLE_SUFFIXES)
    if not tables:
        raise SourceError(f"{layout.name} holds no table ({', '.join(TABLE_SUFFIXES)}) of paths and labels")
    if len(tables) > 1:
        raise SourceError(
            f"{layout.name} holds several tables ({some([layout.relative(path) for path in tables])}): "
            "give the path of the one that is meant"
        )
    return _draft(tables[0], layout)


FORMAT = Format("manifest", "a table of paths and labels", _probe, _read)


def _draft(file: Path, layout: Layout) -> Draft:
    assumed: list[str] = []
    columns = None
    if file.suffix.lower() in PARQUET_SUFFIXES:  # never read pictures only to leave them aside
        columns = [field.name for field in parquet_schema(file) if not is_picture(field.type)]
    table = read_table(file, assumed, columns=columns)
    facts = read_facts(table, layout.options, where=file.name, assumed=assumed)
    folder = layout.relative(file).rpartition("/")[0]
    files = named_files(
        facts.path,
        root=picture_root(layout),
        where=file.name,
        assumed=assumed,
        near=folder,
        ground=layout.ground,
    )
    draft = facts.draft(files.pictures, where=file.name, assumed=assumed, derived_ids=files.sample_id, path=files.path)
    if facts.own_labels is not None:
        draft.places = LabelPlaces(layout, (table_labels(file, facts.own_labels, range(table.num_rows)),))
    return draft


def _tables(layout: Layout) -> list[Path]:
    """Tables that name pictures: the dataset's one file whatever its columns, in a folder those that look like it."""
    tables = layout.with_suffix(*TABLE_SUFFIXES)
    if layout.file is not None:
        return [path for path in tables if layout.options.path_column or not _holds_pictures(path)]
    return [path for path in tables if _looks_like_manifest(path, layout)]


def _holds_pictures(path: Path) -> bool:
    if path.suffix.lower() not in PARQUET_SUFFIXES:
        return False
    return any(is_picture(field.type) for field in parquet_schema(path))


def _looks_like_manifest(path: Path, layout: Layout) -> bool:
    names, options = layout.header(path), layout.options
    labelled = may_hold(Role.LABEL, names, options.label_column) or may_hold_votes(names)
    return labelled and may_hold(Role.PATH, names, options.path_column) and not _holds_pictures(path)
