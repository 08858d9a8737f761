"""The folder of a bench: every finished (task, seed, method) in a file of its own, and the tables over them.

A result is a Parquet file ``results/<task>/seed-<n>/<method>.parquet`` with a row a judged label; the figures counted
from it stand in its metadata, so that a file is a whole result or is not there. A killed bench loses what it was doing.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labelaudit.bench.methods import Method
from labelaudit.bench.metrics import Figures, LabelTruths
from labelaudit.bench.scores import Scores
from labelaudit.errors import RunFolderError
from labelaudit.rundir import differing, locked, write_json, written_aside
from labelaudit.runstart import is_nothing

_MARK = "bench.json"
_KEY = b"labelaudit-bench"
_TABLES = ("results.csv", "results.json", "bench.md")


@dataclass(frozen=True)
class Result:
    """One method on one task and seed.

    Attributes:
        task: Name of the task.
        seed: Of the draw and of everything else.
        method: Which.
        figures: As ``metrics.FIGURES`` names them.
        score: Higher = worse, NaN = not judged, (n,).
        p: Its probability that the label is wrong, NaN = none, (n,).
        wrong: Labels that are not the true class, (n,).
        firm: Whether the truth is firm, (n,).
    """

    task: str
    seed: int
    method: Method
    figures: Figures
    score: NDArray[np.float32]
    p: NDArray[np.float32]
    wrong: NDArray[np.bool_]
    firm: NDArray[np.bool_]


@dataclass(frozen=True)
class BenchDir:
    """The files of one bench.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def mark(self) -> Path:
        """What this folder is, and what must be equal for it to go on."""
        return self.root / _MARK

    @property
    def results(self) -> Path:
        """Folder of finished results."""
        return self.root / "results"

    @property
    def figures(self) -> Path:
        """Folder of figures."""
        return self.root / "figures"

    @property
    def checkpoint(self) -> Path:
        """Folder from which a training that was interrupted goes on."""
        return self.root / "checkpoint"

    @property
    def table(self) -> Path:
        """One line a (task, seed, method)."""
        return self.root / _TABLES[0]

    @property
    def summary(self) -> Path:
        """Means and spreads."""
        return self.root / _TABLES[1]

    @property
    def page(self) -> Path:
        """The same to read."""
        return self.root / _TABLES[2]

    def path(self, task: str, seed: int, method: Method) -> Path:
        """Where a result is kept."""
        return self.results / task / f"seed-{seed}" / f"{method}.parquet"


@contextlib.contextmanager
def opened_bench(root: Path, *, fingerprint: dict[str, Any], force: bool, resume: bool) -> Iterator[BenchDir]:
    """Makes a bench's folder, or opens one to go on in it; held for this process.

    Args:
        root: The folder to be.
        fingerprint: What must be equal for stored results to count: dataset, settings, versions. JSON values.
        force: Replace what an earlier bench left there.
        resume: Go on in the bench that is there, if one is.

    Raises:
        RunFolderError: The folder holds something else, a bench that neither option allows for, or one of other input.
    """
    folder = BenchDir(root)
    goes_on = _check(folder, fingerprint, force=force, resume=resume)
    with locked(root):
        if not goes_on:
            _remove_bench(folder)
            write_json(folder.mark, fingerprint)
        yield folder


def _check(folder: BenchDir, fingerprint: dict[str, Any], *, force: bool, resume: bool) -> bool:
    """Refuses, or says whether a bench that is there goes on; touches nothing."""
    root = folder.root
    if root.exists() and not root.is_dir():
        raise RunFolderError(f"{root} is a file; name a folder with --out")
    if not root.is_dir() or all(is_nothing(entry.name, mark=_MARK) for entry in root.iterdir()):
        return False
    if not folder.mark.is_file():
        raise RunFolderError(f"{root} is not empty and not a bench of labelaudit; name another folder with --out")
    if force:
        return False
    if not resume:
        raise RunFolderError(f"{root} holds a bench already; add --resume to go on or --force to replace it")
    try:
        before = json.loads(folder.mark.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{folder.mark} cannot be read; start anew with --force") from error
    changed = differing(before, fingerprint)
    if changed:
        raise RunFolderError(
            f"{root} holds results of other {', '.join(changed)}; repeat it with the same, or start anew with --force"
        )
    return True


def _remove_bench(folder: BenchDir) -> None:
    """Removes only what a bench writes, and the mark last."""
    for name in _TABLES:
        (folder.root / name).unlink(missing_ok=True)
    for inside in (folder.results, folder.figures, folder.checkpoint):
        shutil.rmtree(inside, ignore_errors=True)
    folder.mark.unlink(missing_ok=True)


def write_result(
    path: Path, *, figures: Figures, scores: Scores, verdict: NDArray[np.int8], truths: LabelTruths
) -> None:
    """Writes a result whole or not at all.

    Args:
        path: From ``BenchDir.path``.
        figures: What was counted.
        scores: Of n rows.
        verdict: What precision and recall were counted from, (n,).
        truths: Of the same rows.
    """
    nothing = np.full(len(scores.score), np.nan, dtype=np.float32)
    table = pa.table(
        {
            "score": pa.array(scores.score, pa.float32()),
            "p": pa.array(nothing if scores.p is None else scores.p, pa.float32()),
            "suggested": pa.array(scores.suggested, pa.int32()),
            "verdict": pa.array(verdict, pa.int8()),
            "given": pa.array(truths.given, pa.int32()),
            "true": pa.array(truths.true, pa.int32()),
            "firm": pa.array(truths.firm, pa.bool_()),
        }
    ).replace_schema_metadata({_KEY: json.dumps(figures).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside:
        pq.write_table(table, aside, compression="zstd")


def read_result(folder: BenchDir, *, task: str, seed: int, method: Method) -> Result | None:
    """Reads a finished result; None where there is none.

    Raises:
        RunFolderError: The file is damaged.
    """
    path = folder.path(task, seed, method)
    if not path.is_file():
        return None
    try:
        table = pq.read_table(path)
        figures = json.loads(table.schema.metadata[_KEY])
        return Result(
            task=task,
            seed=seed,
            method=method,
            figures=figures,
            score=table["score"].to_numpy(),
            p=table["p"].to_numpy(),
            wrong=table["given"].to_numpy() != table["true"].to_numpy(),
            firm=table["firm"].to_numpy(),
        )
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{path} is damaged; remove it, and go on with --resume") from error
