"""What a small true-to-form copy of a dataset is, and the drawn faces that fill it.

A copy has a few faces a class and the quirks of the published files: line ends, blank lines, codes that are no class,
missing pictures. ``expression_copies`` and ``other_copies`` write them, one function a layout; each function takes the
folder to be and an album, and gives what somebody who looks at the copy should be told.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from labelaudit.faces import DrawnFaces, LabelTruth
from labelaudit.records import Reason
from labelaudit.source.options import SourceOptions

A_CLASS = 5
"""Faces a class: enough for two folds."""


@dataclass(frozen=True)
class Copy:
    """A copy that was written, and what is true of it.

    Attributes:
        location: What a user names.
        format: Its format's name.
        seen: What ``inspect`` must say it saw.
        ids: Sample ids in the order of the rows.
        classes: Rows a class.
        splits: Rows a split.
        odd: Sample id of each row that cannot be judged, and why.
        options: What the layout leaves the user to say.
        no_class: Labels that are no class; None = as many as rows are odd for it.
    """

    location: Path
    format: str
    seen: str
    ids: Sequence[str]
    classes: Mapping[str, int]
    splits: Mapping[str, int] = field(default_factory=dict)
    odd: Mapping[str, Reason] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    no_class: int | None = None

    def source_options(self) -> SourceOptions:
        """``options`` as a program gives them."""
        told = dict(zip(self.options[::2], self.options[1::2], strict=True))
        pairs = (pair.split("=") for pair in told.get("--label-map", "").split(",") if pair)
        return SourceOptions(
            format=told.get("--format"), label_column=told.get("--label-column"), label_map=dict(pairs)
        )

    def count(self, reason: Reason) -> int:
        """Rows that cannot be judged for this reason."""
        return list(self.odd.values()).count(reason)


class Album:
    """Drawn faces by expression; each is given out once, so that no two rows of a copy show the same."""

    def __init__(self, drawn: DrawnFaces) -> None:
        self._images = drawn.images
        self._rows: dict[str, list[int]] = {}
        for row, (expression, kind) in enumerate(zip(drawn.true, drawn.kind, strict=True)):
            if kind is LabelTruth.CLEAN:
                self._rows.setdefault(expression, []).append(row)

    def face(self, expression: str) -> NDArray[np.uint8]:
        """RGB, shape (48, 48, 3)."""
        return self._images[self._rows[expression].pop()]

    def file(self, expression: str, kind: str = "PNG") -> bytes:
        """An encoded face."""
        return encoded(self.face(expression), kind)

    def pixels(self, expression: str) -> str:
        """48 x 48 grey values with spaces between, as FER2013 has them."""
        return " ".join(map(str, np.asarray(Image.fromarray(self.face(expression)).convert("L")).ravel().tolist()))


Write = Callable[[Path, Album], Copy]


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """A picture file's bytes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def put(path: Path, content: bytes | str) -> Path:
    """Writes a file, folders and all; text as it stands, in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
