"""Checks and times everything that an audit runs on a device: views, training steps, features, ridge, a whole audit.

    python examples/benchmarks/device_check.py               # the best device there is
    python examples/benchmarks/device_check.py --device cpu

First it checks that the device and the CPU agree (features, ridge, evidence of a small audit); a difference past its
bound ends the script with an error. Then it prints rates, and appends them as one JSON line, with the device's name, to
device_check.jsonl beside this file. The pictures are drawn; no data is needed.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import labelaudit
from labelaudit.asm.batches import PixelBatches
from labelaudit.asm.peers import build_peers
from labelaudit.asm.step import train_step
from labelaudit.evidence.device import build_accelerator, open_device
from labelaudit.evidence.ridge import leave_one_out_ridge
from labelaudit.faces import DrawnFaces, draw_dataset
from labelaudit.nets.features import trunk_features
from labelaudit.nets.inputs import normalise
from labelaudit.nets.registry import build_net

RESULTS = Path(__file__).with_name("device_check.jsonl")


def main() -> None:
    """Runs the checks and the timings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--faces", type=int, default=2_000)
    arguments = parser.parse_args()
    device = open_device(arguments.device)
    drawn = draw_dataset(arguments.faces, seed=0)
    check_agreement(drawn.images[:200], device)
    line: dict[str, object] = {"device": _device_name(device), "torch": torch.__version__}
    for backbone, size in (("resnet-small", 48), ("mobilefacenet", 96), ("resnet18", 112)):
        step, bare = time_steps(drawn.images, backbone, size=size, device=device)
        line[f"{backbone}@{size} faces/s"] = round(step)
        line[f"{backbone}@{size} of bare steps"] = round(step / bare, 3)
    line["features faces/s"] = round(time_features(drawn.images, device))
    line["audit s"] = round(time_audit(drawn, arguments.device), 1)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    for name, value in line.items():
        print(f"{name:32s} {value}")


def check_agreement(images: np.ndarray, device: torch.device) -> None:
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


def time_steps(images: np.ndarray, backbone: str, *, size: int, device: torch.device) -> tuple[float, float]:
    """Faces a second through our training step, views and all, and through the two networks' bare steps."""
    accelerator = build_accelerator(device, mixed=True)
    peers = build_peers(
        lambda: build_net(backbone, num_classes=7, size=size).to(memory_format=torch.channels_last), seed=0
    )
    spec = build_net(backbone, num_classes=7, size=size).spec
    model, optimizer = accelerator.prepare(peers, torch.optim.AdamW(peers.parameters(), lr=1e-3))
    batches = PixelBatches(images, spec=spec, device=accelerator.device)
    generator = torch.Generator(accelerator.device).manual_seed(0)
    batch = 64
    rows = torch.arange(batch)
    given = torch.arange(batch, device=accelerator.device) % 7
    fixed = normalise(torch.rand(batch, 3, size, size, device=accelerator.device), spec)
    settings = labelaudit.AsmSettings()

    def ours() -> None:
        train_step(
            model,
            optimizer,
            batches,
            rows=rows,
            given=given,
            partition=None,
            anchor=None,
            ramp=0.5,
            settings=settings,
            class_weights=None,
            generator=generator,
            accelerator=accelerator,
        )

    def bare() -> None:
        logits1, logits2 = model(fixed)
        loss = 0.5 * torch.nn.functional.cross_entropy(logits1, given)
        loss = loss + 0.5 * torch.nn.functional.cross_entropy(logits2, given)
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(loss)
        optimizer.step()

    model.train()
    return batch / _seconds(ours, accelerator.device), batch / _seconds(bare, accelerator.device)


def time_features(images: np.ndarray, device: torch.device) -> float:
    """Faces a second through MobileFaceNet's trunk at 112 px, two views each."""
    net = build_net("mobilefacenet", num_classes=7)
    some = images[:512]
    return len(some) / _seconds(lambda: trunk_features(net, some, device=device), device, rounds=2)


def time_audit(drawn: DrawnFaces, device: str) -> float:
    """Seconds of an audit of the drawn faces, frozen gradient histograms, five folds, nothing cached."""
    with tempfile.TemporaryDirectory() as folder:
        settings = labelaudit.AuditSettings(
            device=device,
            cache_dir=Path(folder) / "cache",
            nets=labelaudit.NetSettings(weights="none", backbone="gradients"),
        )
        started = time.perf_counter()
        labelaudit.audit((drawn.images, drawn.given), out=Path(folder) / "run", settings=settings)
        return time.perf_counter() - started


def _seconds(work: Callable[[], object], device: torch.device, *, rounds: int = 10) -> float:
    """The median time of one call, after one that warms up."""
    times = []
    for _ in range(rounds + 1):
        _wait(device)
        started = time.perf_counter()
        work()
        _wait(device)
        times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} ({platform.machine()})"


if __name__ == "__main__":
    main()
