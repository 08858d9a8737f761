"""Readers that are fuzzed by themselves: of pictures, of every layout of datasets, of every export of decisions."""

from __future__ import annotations

import importlib
import io
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from labelaudit.errors import PixelError

from .ground import Ground
from .spoil import spoil_bytes, spoil_json
from .target import Prepared, Target

_TESTS = Path(__file__).resolve().parents[2]
_DATASETS = 28


def targets(ground: Ground) -> Iterator[Target]:
    """All of them."""
    for kind, mode in _PICTURES:
        yield Target(f"{kind} {mode}", _picture(ground, kind, mode), 0.5)
    for number in range(_DATASETS):
        yield Target(f"dataset {_copies()[number].__name__}", _dataset(number), 0.4)
    for name in sorted(path.name for path in (_TESTS / "queue" / "exports").iterdir() if path.suffix != ".md"):
        yield Target(f"decisions {name}", _export(name))


_PICTURES = (
    *(
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "I;16"),
        ("GIF", "P"),
        ("WEBP", "RGBA"),
    ),
    *(("BMP", "RGB"), ("TIFF", "RGB"), ("TIFF", "F"), ("PPM", "RGB"), ("JPEG2000", "RGB"), ("AVIF", "RGB")),
)


def _picture(ground: Ground, kind: str, mode: str) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        from labelaudit.pixels.decode import decode_face, picture_size
        from labelaudit.source.pictures import crop

        grey = Image.fromarray(ground.face()).convert("L")
        image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
        exif = Image.Exif()
        exif[0x0112] = 6
        file = io.BytesIO()
        more = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "TIFF") and mode != "F" else {}
        image.save(file, kind, **more)
        path = folder / "face"
        path.write_bytes(file.getvalue())

        def read() -> None:
            content = path.read_bytes()
            for look in (picture_size, lambda each: decode_face(each, size=32)):
                try:
                    look(content)
                except PixelError as error:
                    _one_line(error)
            crop(content, np.array([4, 4, 40, 40]))

        return Prepared([path], read)

    return prepare


def _copies() -> Sequence[Callable[[Path, object], object]]:
    if str(_TESTS) not in sys.path:
        sys.path.insert(0, str(_TESTS))
    found: Sequence[Callable[[Path, object], object]] = importlib.import_module("source.all_copies").COPIES
    assert len(found) == _DATASETS
    return found


def _dataset(number: int) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        from labelaudit.faces import EXPRESSIONS, draw_dataset
        from labelaudit.source.detect import open_source

        drawn = draw_dataset(140, seed=7, size=48, class_shares=dict.fromkeys(EXPRESSIONS, 1.0))
        copy = _copies()[number](folder / "set", importlib.import_module("source.copies").Album(drawn))
        files = sorted(path for path in (folder / "set").rglob("*") if path.is_file())
        tables = [path for path in files if path.suffix.lower() not in (".jpg", ".png")] or files

        def read() -> None:
            source = open_source(copy.location, copy.source_options())  # type: ignore[attr-defined]
            source.signature()
            for row in range(min(len(source.table), 40)):
                try:
                    source.read(row)
                except PixelError as error:
                    _one_line(error)

        json_too = (spoil_bytes, spoil_json) if all(path.suffix == ".jsonl" for path in tables) else (spoil_bytes,)
        return Prepared(tables, read, json_too)

    return prepare


def _export(name: str) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        from labelaudit.queue.decisions import find_rows, read_decisions

        path = Path(shutil.copy(_TESTS / "queue" / "exports" / name, folder))
        made = read_decisions(path)
        ids = pa.array(dict.fromkeys(each.sample_id for each in made), pa.string())
        digests = pa.nulls(len(ids), pa.string())
        classes = sorted({each.label for each in made if each.label is not None})

        def read() -> None:
            find_rows(read_decisions(path), sample_id=ids, content_sha256=digests, classes=classes)

        return Prepared([path], read, (spoil_bytes, spoil_json) if path.suffix == ".json" else (spoil_bytes,))

    return prepare


def _one_line(error: Exception) -> None:
    assert str(error)
    assert "\n" not in str(error), str(error)
