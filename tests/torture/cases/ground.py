"""What every case stands on: a few drawn faces, an audit of them with its model, and a queue of it as it comes back."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from labelaudit.faces import draw_dataset, write_dataset

FACES = 40


@dataclass(frozen=True)
class Ground:
    """Read by all cases, changed by none.

    Attributes:
        faces: Drawn faces, a folder a class.
        run: A finished audit of them.
        cache: The cache folder of that audit.
        strangers: Twelve other faces of the same classes, which its model has never seen.
    """

    faces: Path
    run: Path
    cache: Path
    strangers: Path

    def copy_of_run(self, folder: Path) -> Path:
        """The run, to be spoilt; its dataset lies where it looks for it."""
        beside = folder / "audited"
        beside.mkdir()
        (beside / self.faces.name).symlink_to(self.faces)
        return Path(shutil.copytree(self.run, beside / "run"))

    def copy_of_faces(self, folder: Path) -> Path:
        """Six faces of each of two classes, to be spoilt."""
        for label in ("happy", "sad"):
            target = folder / "faces" / label
            target.mkdir(parents=True)
            for path in sorted((self.faces / label).iterdir())[:6]:
                shutil.copy(path, target)
        return folder / "faces"

    def face(self) -> NDArray[np.uint8]:
        """One face, RGB (48, 48, 3)."""
        return np.asarray(Image.open(min((self.faces / "happy").iterdir())).convert("RGB"))


def build_ground(root: Path) -> Ground:
    """Draws and audits. Takes some seconds."""
    ground = Ground(*(root / "ground" / name for name in ("faces", "run", "cache", "strangers")))
    shares = {"happy": 1.0, "sad": 1.0}
    write_dataset(draw_dataset(FACES, seed=5, size=48, class_shares=shares), ground.faces)
    write_dataset(draw_dataset(12, seed=6, size=48, class_shares=shares), ground.strangers)
    network = ("--backbone", "gradients", "--weights", "none", "--epochs", "8", "--warm-up", "3", "--folds", "2")
    code = command("audit", ground.faces, "--out", ground.run, "--cache-dir", ground.cache, "--quiet", *network)
    if code:
        raise RuntimeError(f"the audit that the cases stand on ended with {code}")
    _trust(ground.run / "report.parquet")
    return ground


def _trust(path: Path) -> None:
    """Forty faces teach a network little, and the audit says so: here it is to be checked all the same."""
    table = pq.read_table(path)
    told = json.loads(table.schema.metadata[b"labelaudit"]) | {"distrust": [], "trusted": True}
    pq.write_table(table.replace_schema_metadata({b"labelaudit": json.dumps(told)}), path)


def command(*arguments: str | Path) -> int:
    """Runs ``labelaudit`` in this process; its exit code."""
    from labelaudit.cli.app import main

    before = sys.argv
    sys.argv = ["labelaudit", *map(str, arguments)]
    try:
        with warnings.catch_warnings():  # which this sets for the whole process
            main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    finally:
        sys.argv = before
    return 0


def heard(arguments: Sequence[str | Path]) -> tuple[int, str, str]:
    """``command`` with what it said on stdout and stderr."""
    said = [io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", write_through=True) for _ in range(2)]
    with contextlib.redirect_stdout(said[0]), contextlib.redirect_stderr(said[1]):
        code = command(*arguments)
    texts = []
    for stream in said:
        stream.seek(0)
        texts.append(stream.read())
    return code, texts[0], texts[1]
