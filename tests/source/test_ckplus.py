"""CK+: a row a sequence, shown by its last frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelaudit.errors import PixelError
from labelaudit.source.detect import open_source


@pytest.fixture
def folder(write_pictures) -> Path:
    root = write_pictures(
        *(f"cohn-kanade-images/S005/001/S005_001_0000000{frame}.png" for frame in (1, 2, 3)),
        "cohn-kanade-images/S005/002/S005_002_00000001.PNG",
        "cohn-kanade-images/S010/001/S010_001_00000009.png",
        "cohn-kanade-images/S010/001/S010_001_00000010.png",
        "cohn-kanade-images/S011/001/S011_001_00000001.png",
        "preview.png",
    )
    labels = {
        "S005/001/S005_001_00000003": "   3.0000000e+00\n",
        "S010/001/S010_001_00000010": "   7.0000000e+00\r\n\r\n",
        "S011/001/S011_001_00000001": "   9.0000000e+00\n",
        "S099/001/S099_001_00000004": "   1.0000000e+00\n",
    }
    for name, content in labels.items():
        file = root / "Emotion" / f"{name}_emotion.txt"
        file.parent.mkdir(parents=True)
        file.write_bytes(content.encode())
    return root


def test_sequences(folder: Path) -> None:
    source = open_source(folder)
    assert source.format == "ckplus"
    assert [(sample.sample_id.rpartition("/")[2], sample.given_label) for sample in source.table] == [
        ("S005_001_00000003.png", "disgust"),
        ("S005_002_00000001.PNG", None),
        ("S010_001_00000010.png", "surprise"),
        ("S011_001_00000001.png", "9"),
        ("S099_001_00000004.png", "anger"),
    ]
    assert source.table.labels.names == ("anger", "disgust", "surprise")
    assert source.read(0) == (folder / "cohn-kanade-images/S005/001/S005_001_00000003.png").read_bytes()
    with pytest.raises(PixelError, match=r"file not found: cohn-kanade-images/S099/001/S099_001_00000004.png"):
        source.read(4)
    assert "a row is a sequence, shown by its last frame; 3 earlier frames left aside" in source.assumed
    assert "1 picture not named like S005_001_00000011.png left aside" in source.assumed
