"""The same input, settings, seed and device give the same bytes, whatever else is different; and what moves verdicts.

Byte for byte, apart from times: run after run, with one and four threads that decode, from a cold and a warm cache,
broken off and gone on with; heads and whole networks. Apart from names: under other names of the classes that sort the
same way. What is *not* the same is measured: the order of the rows and the number of threads that torch and BLAS may
take change sums in their last digits, then a training, then some verdicts, as another seed does. Lost is a run whose
rows of another verdict are more than ``FURTHER`` times those of another seed, or more than ``MOST_MOVED``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from labelaudit.faces import EXPRESSIONS, DrawnFaces, draw_dataset, write_dataset
from labelaudit.pipeline import audit
from labelaudit.records import Stage
from labelaudit.report.table import read_report
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings

from .row import Row, row_of, told

PART = "determinism"
FURTHER = 2.0
"""Rows that may get another verdict for no reason of theirs, in shares of those that another seed gives another one."""
MOST_MOVED = 0.15
"""Share of all rows that may."""
OTHER_NAMES = dict(
    zip(EXPRESSIONS, ("b-anger", "d-disgust", "f-fear", "j-joy", "n-nothing", "s-sorrow", "t-startle"), strict=True)
)
"""Other names of the classes, in the same alphabetical order."""

_RESULTS = ("report.parquet", "thresholds.parquet", "neighbours.parquet", "model.safetensors", "model.json")
_SHARED = AuditSettings(folds=2, device="cpu", workers=1, seed=3)
HEADS = replace(
    _SHARED, nets=NetSettings(backbone="gradients", weights="none"), asm=AsmSettings(epochs=6, warm_up=2, batch=32)
)
NETWORKS = replace(
    _SHARED,
    nets=NetSettings(backbone="resnet-small", weights="none", size=32),
    asm=AsmSettings(epochs=2, warm_up=1, batch=32),
)
_THREADS = """
import sys
from pathlib import Path
from tests.torture.determinism import HEADS, faces, frame
import torch
torch.set_num_threads(int(sys.argv[1]))
frame(faces(int(sys.argv[2]), seed=int(sys.argv[3])), Path(sys.argv[4]), HEADS).to_parquet(sys.argv[5])
"""


@dataclass(frozen=True)
class Ground:
    """Where audits are run.

    Attributes:
        faces: A dataset.
        root: Folder of all runs; each has a number.
    """

    faces: Path
    root: Path

    def audit(self, settings: AuditSettings, *, cache: str | None = None, break_off_at: str | None = None) -> Path:
        """Audits the dataset; the run folder.

        Args:
            settings: Without a cache folder.
            cache: Name of the cache; None = a new one.
            break_off_at: Stage in whose midst the audit is broken off, and gone on with.
        """
        number = sum(1 for each in self.root.iterdir() if each.name.startswith("run-"))
        out = self.root / f"run-{number}"
        settings = replace(settings, cache_dir=self.root / (cache or f"cache-{number}"))
        if break_off_at is not None:
            try:
                audit(self.faces, out=out, settings=settings, progress=_breaking(break_off_at))
            except KeyboardInterrupt:
                audit(self.faces, out=out, settings=settings, resume=True)
                return out
            raise ValueError(f"there is no stage {break_off_at}")
        audit(self.faces, out=out, settings=settings)
        return out


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """Runs everything again and again; the short form twice, on heads alone."""
    ground = Ground(folder / "faces", folder / "runs")
    write_dataset(draw_dataset(120, seed=seed, class_shares={"happy": 1.0, "sad": 1.0}), ground.faces)
    ground.root.mkdir()
    rows = []
    for name, settings in [("heads", HEADS), *([] if quick else [("networks", NETWORKS)])]:
        expected = results(ground.audit(settings, cache=name))
        rows += [told(row) for row in _same_bytes(ground, name, settings, expected, times=1 if quick else 4)]
    rows.append(told(row_of(PART, "other names of classes", _renamed(seed, folder))))
    rows += [told(row) for row in _moved(folder, count=240 if quick else 1_000, seed=seed, times=1 if quick else 4)]
    return rows


def _same_bytes(
    ground: Ground, name: str, settings: AuditSettings, expected: Mapping[str, bytes], *, times: int
) -> Iterator[Row]:
    four = replace(settings, workers=4)

    def tries(count: int, run_once: Callable[[], Path]) -> Iterator[str | None]:
        return (differing(results(run_once()), expected) for _ in range(count))

    yield row_of(PART, f"{name}: run after run, warm cache", tries(times, lambda: ground.audit(settings, cache=name)))
    yield row_of(PART, f"{name}: cold cache", tries(1, lambda: ground.audit(settings)))
    yield row_of(PART, f"{name}: four threads, cold cache", tries(times, lambda: ground.audit(four)))
    breaks = ("fold 1 of 2", "fold 2 of 2")[: max(1, times // 2)]
    each = (differing(results(ground.audit(settings, break_off_at=stage)), expected) for stage in breaks)
    yield row_of(PART, f"{name}: broken off and gone on with", each)


def results(run: Path) -> dict[str, bytes]:
    """What a run leaves, by name; the summary without its times."""
    found = {name: (run / name).read_bytes() for name in _RESULTS}
    summary = json.loads((run / "summary.json").read_bytes())
    found["summary.json"] = json.dumps({**summary, "seconds": None}).encode()
    return found


def differing(found: Mapping[str, bytes], expected: Mapping[str, bytes]) -> str | None:
    """The files that are not what they should be; None where all are."""
    names = [name for name in expected if found[name] != expected[name]]
    return f"other bytes in {', '.join(names)}" if names else None


def _breaking(name: str) -> Callable[[Stage], None]:
    def progress(stage: Stage) -> None:
        if stage.name == name and stage.done == 1:
            raise KeyboardInterrupt

    return progress


# What changes nothing but names.


def faces(count: int, *, seed: int) -> DrawnFaces:
    """Drawn faces, as many of each class."""
    return draw_dataset(count, seed=seed, class_shares=dict.fromkeys(EXPRESSIONS, 1.0))


def frame(
    drawn: DrawnFaces,
    out: Path,
    settings: AuditSettings,
    *,
    order: Sequence[int] | None = None,
    names: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Audits drawn faces from memory; the report's rows in the order of the faces.

    Args:
        drawn: The faces.
        out: The run folder to be; the cache lies beside it.
        settings: Without a cache folder.
        order: Rows in the order in which the audit gets them, (N,); None = as they are.
        names: Other names of the classes.
    """
    rows = np.arange(len(drawn)) if order is None else np.asarray(order)
    given = [drawn.given[row] if names is None else names[drawn.given[row]] for row in rows]
    settings = replace(settings, cache_dir=out.with_name(f"{out.name}-cache"))
    result = audit(([drawn.images[row] for row in rows], given), out=out, settings=settings)
    return read_report(result.run).to_pandas().assign(row=rows).sort_values("row", ignore_index=True)


def _renamed(seed: int, folder: Path) -> Iterator[str | None]:
    drawn = faces(160, seed=seed)
    before = frame(drawn, folder / "before", HEADS)
    yield from renamed(before, frame(drawn, folder / "after", HEADS, names=OTHER_NAMES))


def renamed(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[str | None]:
    """What differs, column by column, under ``OTHER_NAMES`` of the classes; None = nothing."""
    back = {new: old for old, new in OTHER_NAMES.items()}
    for name in before.columns:
        old, new = before[name], after[name]
        if name in ("given_label", "suggested_label", "decided_label"):
            old, new = old.astype(object), new.astype(object).map(back)
        elif name == "reason_detail":
            for other, own in back.items():
                new = new.str.replace(other, own, regex=False)
        same = all(map(_equal, old, new))
        yield None if same else f"{name} is not the same under other names of the classes"


def _equal(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, np.asarray(other), equal_nan=True)
    return one == other or (pd.isna(one) and pd.isna(other))  # type: ignore[call-overload]


# What may move some verdicts.


def _moved(folder: Path, *, count: int, seed: int, times: int) -> Iterator[Row]:
    """Other seeds, for the measure; then other orders and numbers of threads."""
    drawn = faces(count, seed=seed)
    asked = frame(drawn, folder / "as-it-is", HEADS)
    start = time.perf_counter()
    others = [frame(drawn, folder / f"seed-{n}", replace(HEADS, seed=100 + n)) for n in range(times)]
    usual = float(np.mean([moved(asked, other) for other in others]))
    note = f"{usual:.1%} of {count:,} rows get another verdict: the measure of what follows"
    yield Row(PART, "another seed", times, 0, time.perf_counter() - start, note)

    generator = np.random.default_rng(seed)
    orders = (generator.permutation(count) for _ in range(times))
    frames = (frame(drawn, folder / f"order-{n}", HEADS, order=order.tolist()) for n, order in enumerate(orders))
    yield _measured("rows in another order", asked, frames, usual)
    threads = (_threaded(folder / f"threads-{number}", number, count, seed) for number in (1, 2)[: max(1, times // 2)])
    yield _measured("one thread and two", asked, threads, usual)


def _measured(tried: str, asked: pd.DataFrame, frames: Iterator[pd.DataFrame], usual: float) -> Row:
    start = time.perf_counter()
    shares = [moved(asked, each) for each in frames]
    limit = min(max(FURTHER * usual, 0.03), MOST_MOVED)
    lost = sum(share > limit for share in shares)
    note = f"{', '.join(f'{share:.1%}' for share in shares)} get another verdict, {limit:.1%} may"
    return Row(PART, tried, len(shares), lost, time.perf_counter() - start, note)


def moved(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Share of the rows whose verdicts differ."""
    return float((one["verdict"].astype(str) != other["verdict"].astype(str)).mean())


def _threaded(out: Path, threads: int, count: int, seed: int) -> pd.DataFrame:
    """The rows of an audit in a process that may take so many threads."""
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))}
    environment["OPENBLAS_NUM_THREADS"] = str(threads)
    kept = out.with_name(f"{out.name}.parquet")
    arguments = [str(threads), str(count), str(seed), str(out), str(kept)]
    here = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-W", "ignore", "-c", _THREADS, *arguments], check=True, env=environment, cwd=here)
    return pd.read_parquet(kept)
