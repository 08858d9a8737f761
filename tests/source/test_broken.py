"""Every layout with a few bytes of its files changed: it is read or refused in one line, whatever the bytes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from source.all_copies import COPIES
from source.copies import Album, Copy, Write

from labelaudit.errors import PixelError, SourceError
from labelaudit.faces import DrawnFaces
from labelaudit.source.detect import open_source

_TIMES = 12
_PIECES = (
    *(b"", b",", b'"', b"\n", b"\r", b"\0", b"\xff", b" ", b"\t", b";", b"{", b"["),
    *(b"1e30", b"inf", b"nan", b"-1", b"9" * 20, b"../../x", b"/etc/x", b"#"),
)


@pytest.mark.parametrize("write", COPIES, ids=lambda write: write.__name__)
def test_no_bytes_break_it(write: Write, tmp_path: Path, drawn: DrawnFaces) -> None:
    copy = write(tmp_path / "set", Album(drawn))
    files = sorted(path for path in (tmp_path / "set").rglob("*") if path.is_file())
    files = [path for path in files if path.suffix.lower() not in (".jpg", ".png")] or files
    chance = random.Random(7)
    for _ in range(_TIMES):
        file = chance.choice(files)
        whole = file.read_bytes()
        file.write_bytes(_spoilt(whole, chance))
        try:
            _read_all(copy)
        except SourceError as error:
            assert "\n" not in str(error)
            assert str(tmp_path) not in str(error)
        file.write_bytes(whole)


def _spoilt(whole: bytes, chance: random.Random) -> bytes:
    spoilt = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(min(len(spoilt), chance.choice([400, len(spoilt)])) + 1)
        spoilt[start : start + chance.choice([0, 1, 2, 5, 30])] = chance.choice(_PIECES)
    return bytes(spoilt)


def _read_all(copy: Copy) -> None:
    source = open_source(copy.location, copy.source_options())
    for row in range(len(source.table)):
        try:
            source.read(row)
        except PixelError as error:
            assert "\n" not in str(error)
            assert str(copy.location.parent) not in str(error)
