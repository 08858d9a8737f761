"""Checks and times everything that an audit runs on a device: steps, features, ridge, decoding, whole audits.

    python examples/benchmarks/device_check.py               # the best device there is
    python examples/benchmarks/device_check.py --device cpu
    python examples/benchmarks/device_check.py --rafdb       # an audit as large as RAF-DB's, too; for a GPU
    torchrun --nproc-per-node 4 examples/benchmarks/device_check.py --rafdb --folds 4

First it checks that the device and the CPU agree (features, ridge), and that the host never waits for a GPU inside a
step; a difference past its bound, or a wait, ends the script with an error. Then it prints rates, and appends them as
one JSON line, with the device's name, to device_check.jsonl beside this file. Pictures are drawn; no data is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from device_steps import Case, check_nothing_waits, profiled, seconds, time_bare_steps, time_epochs
from numpy.typing import NDArray
from PIL import Image

import labelaudit
from labelaudit.asm.ranks import Ranks, joined_ranks
from labelaudit.evidence.device import build_accelerator, open_device
from labelaudit.evidence.ridge import leave_one_out_ridge
from labelaudit.faces import draw_dataset, write_dataset
from labelaudit.nets.features import trunk_features
from labelaudit.nets.registry import build_net
from labelaudit.pixels.build import build_store
from labelaudit.source.origin import Origin

RESULTS = Path(__file__).with_name("device_check.jsonl")
SIZES = {"resnet-small": 48, "mobilefacenet": 96, "resnet18": 112}
"""Networks whose steps are timed, and the sides of their input."""
RAFDB_ROWS, RAFDB_SIDE = 12_271, 100


def main() -> None:
    """Runs the checks and the timings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--faces", type=int, default=2_000)
    parser.add_argument("--steps", type=int, default=20, help="steps of an epoch that is timed")
    parser.add_argument("--networks", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument(
        "--rafdb", action="store_true", help="12,271 faces, ResNet-18 at 224 px from scratch, 40 epochs"
    )
    parser.add_argument("--folds", type=int, default=1, help="of that audit")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    with joined_ranks() as ranks:
        device = open_device(arguments.device)
        line: dict[str, object] = {"device": device_name(device), "torch": torch.__version__, "processes": ranks.size}
        if ranks.size == 1:
            cases = [Case(name, SIZES[name], arguments.steps) for name in arguments.networks]
            line |= one_process(cases, arguments.faces, device)
        if arguments.rafdb:
            line |= time_large_audit(arguments.device, arguments.folds, ranks)
        if ranks.is_first:
            with arguments.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            for name, value in line.items():
                print(f"{name:40s} {value}")


def one_process(cases: list[Case], faces: int, device: torch.device) -> dict[str, object]:
    """Everything but the large audit."""
    drawn = draw_dataset(faces, seed=0)
    check_agreement(drawn.images[:200], device)
    line: dict[str, object] = {}
    for case in cases:
        name = f"{case.backbone}@{case.size}"
        line |= {f"{name} {what}": round(value, 3) for what, value in time_epochs(case, drawn.images, device).items()}
        accelerator = build_accelerator(device, mixed=True)
        if device.type == "cuda":
            check_nothing_waits(case, drawn.images, accelerator)
            plain = time_bare_steps(case, accelerator)
            line[f"{name} two streams, times as fast"] = round(
                plain / time_bare_steps(case, accelerator, side_by_side=True), 3
            )
            line[f"{name} compiled, times as fast"] = compiled_speed(case, plain)
        print(f"{name}, ten steps\n{profiled(case, drawn.images, accelerator)}")
    line["features faces/s"] = round(time_features(drawn.images, device))
    line |= time_decoding(drawn.images)
    line["audit s"] = round(time_audit(drawn.images, drawn.given, str(device)), 1)
    return line


def compiled_speed(case: Case, plain: float) -> float | str:
    """How many times as fast ``torch.compile`` makes a bare step; or why it cannot."""
    try:
        return round(
            plain / time_bare_steps(case, build_accelerator(open_device("auto"), mixed=True), compiled=True), 3
        )
    except Exception as error:  # whatever it is, the audit does without
        return f"does not compile: {type(error).__name__}"


def check_agreement(images: NDArray[np.uint8], device: torch.device) -> None:
    """Features in float32 and the ridge's posteriors must agree with the CPU's."""
    torch.manual_seed(0)
    net = build_net("mobilefacenet", num_classes=7)
    both = (torch.device("cpu"), device)
    here, there = (
        trunk_features(net, images, device=each, dtype=torch.float32)[0][0].astype(np.float32) for each in both
    )
    error = np.abs(here - there).max() / np.abs(here).max()
    given = (np.arange(len(images)) % 5).astype(np.int32)
    posteriors = [
        leave_one_out_ridge([here], given, num_classes=5, device=each).posterior
        for each in (torch.device("cpu"), device)
    ]
    apart = np.abs(posteriors[0] - posteriors[1]).max()
    print(f"features differ by {error:.1e} of their largest, ridge posteriors by {apart:.1e}")
    if error > 1e-2 or apart > 1e-2:
        raise SystemExit("the device and the CPU disagree")


def time_features(images: NDArray[np.uint8], device: torch.device) -> float:
    """Faces a second through MobileFaceNet's trunk at 112 px, two views each."""
    net = build_net("mobilefacenet", num_classes=7)
    some = images[:512]
    return len(some) / seconds(lambda: trunk_features(net, some, device=device), device, rounds=2)


def time_decoding(images: NDArray[np.uint8], *, side: int = 224) -> dict[str, object]:
    """Pictures a second into the pixel cache, and through torchvision's decoder alone, by as many threads.

    The cache also resizes, hashes, measures and looks for duplicates.
    """
    from torchvision.io import decode_jpeg, read_file

    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "faces"
        for row, image in enumerate(images):
            path = folder / str(row % 2) / f"{row}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).resize((side, side)).save(path, quality=90)
        paths = [str(path) for path in sorted(folder.rglob("*.jpg"))]
        started = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(lambda path: decode_jpeg(read_file(path)), paths):
                pass
        alone = len(paths) / (time.perf_counter() - started)
        source = Origin(str(folder)).open()
        started = time.perf_counter()
        build_store(source, size=side, cache_dir=Path(name) / "cache", workers=workers)
        ours = len(paths) / (time.perf_counter() - started)
    return {
        f"decode {side} px, torchvision, faces/s": round(alone),
        f"cache {side} px, faces/s": round(ours),
        "cache of decode": round(ours / alone, 3),
    }


def time_audit(images: NDArray[np.uint8], given: list[str], device: str) -> float:
    """Seconds of an audit of the drawn faces, frozen gradient histograms, five folds, nothing cached."""
    with tempfile.TemporaryDirectory() as folder:
        settings = labelaudit.AuditSettings(
            device=device,
            cache_dir=Path(folder) / "cache",
            nets=labelaudit.NetSettings(weights="none", backbone="gradients"),
        )
        started = time.perf_counter()
        labelaudit.audit((images, given), out=Path(folder) / "run", settings=settings)
        return time.perf_counter() - started


def time_large_audit(device: str, folds: int, ranks: Ranks) -> dict[str, object]:
    """Seconds of an audit as large as RAF-DB's: drawn faces of 100 px, ResNet-18 at 224 px from scratch, 40 epochs."""
    with tempfile.TemporaryDirectory() as own:
        root = Path(ranks.tell(own))
        if ranks.is_first:
            write_dataset(draw_dataset(RAFDB_ROWS, seed=0, size=RAFDB_SIDE), root / "faces")
        ranks.agree(lambda: None)
        settings = labelaudit.AuditSettings(
            device=device,
            folds=folds,
            cache_dir=root / "cache",
            training=labelaudit.Training.FINE_TUNE,
            nets=labelaudit.NetSettings(weights="none", backbone="resnet18", size=224),
            asm=labelaudit.AsmSettings(epochs=40, warm_up=10, batch=128),
        )
        started = time.perf_counter()
        result = labelaudit.audit(root / "faces", out=root / "run", settings=settings)
        took = time.perf_counter() - started
        ranks.agree(lambda: None)  # the folder goes when all are done
    stages = dict(result.summary.seconds)
    decoding = sum(stages.get(name, 0.0) for name in ("pixels", "duplicates"))
    return {
        f"RAF-DB-sized, folds {folds}, s": round(took, 1),
        f"RAF-DB-sized, folds {folds}, after decode, s": round(took - decoding, 1),
        f"RAF-DB-sized, folds {folds}, stages, s": {name: round(value, 1) for name, value in stages.items()},
    }


def device_name(device: torch.device) -> str:
    """What people call it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} ({platform.machine()})"


if __name__ == "__main__":
    main()
