"""How long new images take that a finished audit's model judges: from a cold start, again, and after a few changes.

    python examples/benchmarks/score_speed.py --weights FILE
    python examples/benchmarks/score_speed.py --model runs/faces --batch new-faces

Without a model, drawn faces are audited first (not timed). Each line is the command ``labelaudit score`` in a process
of its own: starting Python, loading the model, deciding and writing the report are in it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

import labelaudit
from labelaudit.faces import draw_dataset, write_dataset

_CHANGED = 10


def main() -> None:
    """Reads the command line and prints a line a start."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--faces", type=int, default=1_000, help="faces to score")
    parser.add_argument("--trained", type=int, default=8_000, help="faces to audit, without --model")
    parser.add_argument("--weights", default="auto", help="of that audit: auto, face, none or a file")
    parser.add_argument("--model", type=Path, default=None, help="a finished audit")
    parser.add_argument("--batch", type=Path, default=None, help="a folder of new faces; it is copied")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = told.model or audited(folder, told.trained, str(told.weights))
        batch = folder / "batch"
        if told.batch is None:
            write_dataset(draw_dataset(told.faces, seed=1, size=48), batch)
        else:
            shutil.copytree(told.batch, batch)
        pictures = sorted(each for each in batch.rglob("*") if each.suffix.lower() in (".png", ".jpg", ".jpeg"))
        size = (model / "model.safetensors").stat().st_size / 1e6
        load = os.getloadavg()[0]
        print(f"{len(pictures):,} pictures, a model of {size:.0f} MB, {os.cpu_count()} cores, load {load:.1f}")
        print(f"from a cold start   {seconds(batch, model, folder):5.1f} s", flush=True)
        print(f"once more           {seconds(batch, model, folder):5.1f} s", flush=True)
        for path in pictures[:_CHANGED]:
            with Image.open(path) as picture:
                turned = picture.rotate(90)
            turned.save(path)
        print(f"with {_CHANGED} changed     {seconds(batch, model, folder):5.1f} s", flush=True)


def audited(folder: Path, faces: int, weights: str) -> Path:
    """A finished audit of drawn faces."""
    drawn = draw_dataset(faces, seed=0, size=48)
    settings = labelaudit.AuditSettings(nets=labelaudit.NetSettings(weights=weights), cache_dir=folder / "cache")
    result = labelaudit.audit((list(drawn.images), drawn.given), out=folder / "run", settings=settings)
    return result.run.root


def seconds(batch: Path, model: Path, folder: Path) -> float:
    """Seconds that the command takes."""
    command = [sys.executable, "-m", "labelaudit", "score", str(batch), "--model", str(model), "--quiet", "--force"]
    command += ["--out", str(folder / "scored"), "--cache-dir", str(folder / "scores")]
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
