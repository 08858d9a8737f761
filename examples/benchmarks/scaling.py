"""How a whole audit grows with the number of faces: time and peak memory of each stage, and the slope of their logs.

    python examples/benchmarks/scaling.py --sizes 1000 4000 16000 64000
    python examples/benchmarks/scaling.py --sizes 1000 4000 --weights FILE

Faces are cheap: some hundreds are drawn, and each face of a larger set is a blend of two of one expression, moved,
lit and grained differently, so that no two are copies. Every audit is ``labelaudit audit`` in a process of its own with
an empty cache. ``peak`` is all that the process held, with the pages of the cache's maps that the system may take back;
``own`` is without these. A slope of 1 is linear. One JSON line an audit is appended to scaling.jsonl.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from labelaudit.faces import DrawnFaces, draw_dataset

RESULTS = Path(__file__).with_name("scaling.jsonl")
_DRAWN = 600
_GROUP = 4_096
_SMALLEST_STAGE = 2.0
"""Seconds that a stage must take at the largest size for its slope to say anything."""


def main() -> None:
    """Runs an audit a size and prints slopes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 4_000, 16_000, 64_000])
    parser.add_argument("--weights", default="none", help="none (gradient histograms), auto, face or a file")
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None, help="where to work; removed at the end")
    told = parser.parse_args()
    drawn = draw_dataset(_DRAWN, seed=told.seed, size=48)
    found = []
    for size in told.sizes:
        with tempfile.TemporaryDirectory(dir=told.folder) as name:
            write_faces(Path(name) / "faces.parquet", drawn, size, seed=told.seed)
            line = audit(Path(name), size, weights=told.weights, effort=told.effort)
        found.append(line)
        print(f"{size:>8,} faces {line['seconds']:8.1f} s  peak {line['peak MB']:,} MB, own {line['own MB']:,} MB")
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**line, "weights": Path(told.weights).name, "effort": told.effort}) + "\n")
    print_slopes(found)


def print_slopes(found: list[dict[str, object]]) -> None:
    """Slopes of log over log of the number of faces, over all sizes and over the two largest."""
    if len(found) < 2:
        return
    largest = dict(_stages(found[-1]))
    names = ["seconds", "own MB", *(f"stage {name}" for name, took in largest.items() if took >= _SMALLEST_STAGE)]
    for name in names:
        values = [max(_value(line, name), 1e-3) for line in found]
        sizes = np.log([_value(line, "faces") for line in found])
        whole, last = (np.polyfit(sizes[first:], np.log(values[first:]), 1)[0] for first in (0, len(found) - 2))
        print(f"slope of {name:24s} {whole:5.2f} over all sizes, {last:5.2f} over the two largest")


def _stages(line: dict[str, object]) -> list[tuple[str, float]]:
    stages = line["stages"]
    assert isinstance(stages, dict)
    return [(str(name), float(took)) for name, took in stages.items()]


def _value(line: dict[str, object], name: str) -> float:
    if name.startswith("stage "):
        return dict(_stages(line)).get(name.removeprefix("stage "), 0.0)
    return float(str(line[name]))


def audit(folder: Path, size: int, *, weights: str, effort: str) -> dict[str, object]:
    """``labelaudit audit`` of ``faces.parquet``, watched from outside."""
    words = ["audit", "faces.parquet", "--out", "run", "--cache-dir", "cache", "--weights", weights]
    if weights == "none":
        words += ["--backbone", "gradients"]
    command = [sys.executable, "-m", "labelaudit", *words, "--effort", effort, "--quiet"]
    start = time.perf_counter()
    own = 0
    with subprocess.Popen(command, cwd=folder) as process:
        while True:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            own = max(own, _own_bytes(process.pid))
            time.sleep(0.1)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the audit of {size:,} faces ended with {process.returncode}")
    seconds = time.perf_counter() - start
    summary = json.loads((folder / "run" / "summary.json").read_text(encoding="utf-8"))
    stages: dict[str, float] = {}
    for name, took in summary["seconds"].items():
        kind = "folds" if name.startswith("fold ") else name
        stages[kind] = round(stages.get(kind, 0.0) + took, 2)
    unit = 1 if sys.platform == "darwin" else 1_024
    return {
        "faces": size,
        "seconds": round(seconds, 1),
        "peak MB": round(used.ru_maxrss * unit / 1e6),
        "own MB": round(own / 1e6),
        "stages": stages,
        "notes": [said for said in summary["assumed"] if "nearest" in said],
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def _own_bytes(pid: int) -> int:
    """What a process holds that is of no file, in bytes; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return int(found[0]) * 1_024 if found else 0


def write_faces(path: Path, drawn: DrawnFaces, count: int, *, seed: int) -> None:
    """Writes so many different faces as a table with the pictures in it, a row group at a time."""
    generator = np.random.default_rng([seed, count])
    given = np.array(drawn.given)
    schema = pa.schema([("image", pa.binary()), ("label", pa.string())])
    with pq.ParquetWriter(path, schema, compression="none") as writer:
        for start in range(0, count, _GROUP):
            pick = generator.integers(0, len(given), min(_GROUP, count - start))
            pictures = [_png(face) for face in blended(drawn, pick, generator)]
            writer.write_table(pa.table({"image": pictures, "label": given[pick].tolist()}, schema=schema))


def blended(drawn: DrawnFaces, pick: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Faces (n, S, S, 3) made of the picked ones: each blended with another that was drawn with its expression."""
    true, count = np.array(drawn.true), len(pick)
    other = np.empty(count, dtype=np.int64)
    for name in set(true[pick].tolist()):
        mine = np.flatnonzero(true[pick] == name)
        other[mine] = generator.choice(np.flatnonzero(true == name), len(mine))
    share = generator.uniform(0.35, 0.65, (count, 1, 1, 1)).astype(np.float32)
    faces = share * drawn.images[pick] + (1.0 - share) * drawn.images[other]
    faces = faces * generator.uniform(0.75, 1.25, (count, 1, 1, 1)) + generator.uniform(-25, 25, (count, 1, 1, 1))
    faces += generator.normal(0.0, 6.0, faces.shape)
    moved = [
        np.roll(face, tuple(by), axis=(0, 1))
        for face, by in zip(faces, generator.integers(-2, 3, (count, 2)), strict=True)
    ]
    pixels: NDArray[np.uint8] = np.clip(np.stack(moved), 0, 255).astype(np.uint8)
    return pixels


def _png(face: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(face).save(file, "PNG", compress_level=1)
    return file.getvalue()


if __name__ == "__main__":
    main()
