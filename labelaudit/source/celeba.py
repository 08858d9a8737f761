"""CelebA (Liu, Luo, Wang, Tang, ICCV 2015): forty attributes a face, one of which is audited.

``list_attr_celeba.txt`` has a line with the count, a line of names, then ``000001.jpg -1 1 ...``; Kaggle ships it as
``list_attr_celeba.csv`` with a column ``image_id``. ``list_eval_partition`` says 0, 1 or 2: train, val or test.
"""

from __future__ import annotations

from pathlib import Path

from labelaudit.errors import SourceError
from labelaudit.source.cells import label_texts, texts
from labelaudit.source.columns import chosen_attribute
from labelaudit.source.draft import ClassCodes, Draft
from labelaudit.source.encoding import text_lines
from labelaudit.source.layout import Fit, Format, Layout, Match
from labelaudit.source.locate import named_files, picture_root
from labelaudit.source.tables import read_table
from labelaudit.source.words import counted
from labelaudit.source.written import CsvCells, LabelFile, LabelForm, LabelPlaces, Words

_ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
_LONGEST_COUNT = 12
_PARTITION = ("list_eval_partition.txt", "list_eval_partition.csv")
_SPLITS = {"0": "train", "1": "val", "2": "test"}


def _probe(layout: Layout) -> Match | None:
    found = layout.find(*_ATTRIBUTES)
    return Match(Fit.KNOWN, f"{found[0].name} found: CelebA") if found else None


def _read(layout: Layout) -> Draft:
    found = layout.find(*_ATTRIBUTES)
    if not found:
        raise SourceError(f"{layout.name} holds no {' or '.join(_ATTRIBUTES)}, as CelebA has")
    file, assumed = found[0], list[str]()
    names, label, attribute, form = _attribute(file, layout, assumed)
    partition = _partition(layout, file)
    named = named_files(names, root=picture_root(layout), where=file.name, assumed=assumed)
    return Draft(
        sample_id=named.sample_id,
        label=label,
        path=named.path,
        split=_splits(partition, names, assumed),
        pictures=named.pictures,
        where=file.name,
        codes=ClassCodes({"-1": f"not {attribute}", "0": f"not {attribute}", "1": attribute}, closed=True),
        assumed=assumed,
        places=LabelPlaces(
            layout,
            (LabelFile(file, form, range(len(label))),),
            beside=() if partition is None else (partition,),
        ),
    )


FORMAT = Format("celeba", "CelebA", _probe, _read)


def _attribute(
    file: Path, layout: Layout, assumed: list[str]
) -> tuple[list[str | None], list[str | None], str, LabelForm]:
    """File names, values of the chosen attribute, its name, and how the values are written."""
    told = layout.options.label_column
    if file.suffix.lower() == ".csv":
        columns = layout.header(file)
        attribute = chosen_attribute(told, columns[1:], "CelebA")
        table = read_table(file, assumed, columns=[columns[0], attribute])
        form = CsvCells(attribute, (columns[0], attribute))
        return texts(table.column(0)), label_texts(table.column(1)), attribute, form
    lines = [line for line in text_lines(file) if line.strip()]
    attributes = lines[1].split() if len(lines) > 1 else []
    attribute = chosen_attribute(told, attributes, "CelebA")
    position = attributes.index(attribute) + 1
    names: list[str | None] = []
    label: list[str | None] = []
    for line in lines[2:]:
        fields = line.split()
        if len(fields) != len(attributes) + 1:
            raise SourceError(
                f"{file.name}: the row of {fields[0]} has {len(fields) - 1} values where the names line has "
                f"{len(attributes)}: correct it"
            )
        names.append(fields[0])
        label.append(fields[position])
    announced = lines[0].strip()
    if announced.isdecimal() and len(announced) <= _LONGEST_COUNT and int(announced) != len(names):
        assumed.append(f"{file.name} announces {int(announced):,} rows and holds {len(names):,}")
    return names, label, attribute, Words(position, len(attributes) + 1, header=2)


def _partition(layout: Layout, file: Path) -> Path | None:
    """The file that says which split a picture belongs to."""
    found = [path for path in (file.with_name(name) for name in _PARTITION) if path.is_file()]
    found += [] if layout.file is not None else layout.find(*_PARTITION)
    return found[0] if found else None


def _splits(partition: Path | None, names: list[str | None], assumed: list[str]) -> list[str | None]:
    if partition is None:
        return [None] * len(names)
    by_name: dict[str | None, str | None] = {}
    if partition.suffix.lower() == ".csv":
        table = read_table(partition, assumed)
        if table.num_columns == 1:
            raise SourceError(f"{partition.name} has one column: it needs two, the picture and its split")
        by_name.update(zip(texts(table.column(0)), texts(table.column(1)), strict=True))
    else:
        rows = [line.split() for line in text_lines(partition)]
        by_name.update((row[0], row[1]) for row in rows if len(row) == 2)
    without = sum(name not in by_name for name in names)
    if without:
        assumed.append(f"{counted(without, 'row has', 'rows have')} no split in {partition.name}")
    return [_SPLITS.get(code, code) if (code := by_name.get(name)) is not None else None for name in names]
