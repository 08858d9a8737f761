"""How fast a dataset is found and read: a folder of many files against a bare walk, a csv of many rows.

    python examples/benchmarks/source_speed.py --files 300000

Makes both in a temporary folder, opens each, prints seconds, and leaves nothing. The bare
walk lists every folder with ``os.scandir`` and takes each file's size and time once, which is what opening needs to
know whether pictures have changed. Times are the best of ``--times``, so with warm directories.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from labelaudit.source.detect import open_source

_CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def main() -> None:
    """Reads the command line and prints one line a way to read."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=300_000)
    parser.add_argument("--times", type=int, default=3)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_tree(root / "faces", told.files)
        write_csv(root / "labels.csv", told.files)
        bare = best_of(told.times, lambda: bare_walk(root / "faces"))
        opened = best_of(told.times, lambda: open_source(root / "faces"))
        table = best_of(told.times, lambda: open_source(root / "labels.csv"))
        print(f"{told.files:,} files, best of {told.times}")
        print(f"bare walk    {bare:6.2f} s")
        print(f"open folder  {opened:6.2f} s  {opened / bare:4.1f} walks")
        print(f"open csv     {table:6.2f} s  {told.files / table / 1000:4.0f} thousand rows a second", flush=True)


def write_tree(root: Path, files: int) -> None:
    """Files of one byte in class folders below train and test."""
    for split in ("train", "test"):
        for name in _CLASSES:
            (root / split / name).mkdir(parents=True)
    for number in range(files):
        split = "test" if number % 5 == 0 else "train"
        (root / split / _CLASSES[number % len(_CLASSES)] / f"{number:07d}.jpg").write_bytes(b"x")


def write_csv(file: Path, rows: int) -> None:
    """A table of as many paths into that tree."""
    lines = (f"faces/train/{_CLASSES[row % len(_CLASSES)]}/{row:07d}.jpg" for row in range(rows))
    text = "\n".join(f"{path},{path.split('/')[2]},train" for path in lines)
    file.write_text(f"path,label,split\n{text}\n", encoding="utf-8")


def bare_walk(root: Path) -> int:
    """Lists every folder and takes each file's size and time once; gives their number."""
    found = 0
    folders = [os.fspath(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    entry.stat()
                    found += 1
    return found


def best_of(times: int, work: Callable[[], object]) -> float:
    """Seconds of the quickest of several runs."""
    seconds: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
