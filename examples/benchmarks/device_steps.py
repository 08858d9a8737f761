"""Our epochs against the two networks' bare steps: what views, mining, losses and bookkeeping cost on a device.

A bare step is one forward and backward pass of both networks and an update, on a random batch that lies on the device,
in the same precision and with the same optimiser. An epoch in the warm-up shows as many samples as bare steps do. A
mined epoch shows more: a forward pass over all samples for the thresholds, and strong views of the noisy ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch.profiler import ProfilerActivity, profile

import labelaudit
from labelaudit.asm.batches import PixelBatches
from labelaudit.asm.peers import Peers, build_optimizer, build_peers
from labelaudit.asm.step import train_step
from labelaudit.asm.trainer import Trainer
from labelaudit.evidence.device import build_accelerator
from labelaudit.nets.registry import build_net

CLASSES = 7
BATCH = 64


@dataclass(frozen=True)
class Case:
    """What is timed.

    Attributes:
        backbone: Its name.
        size: Side of its input in pixels.
        steps: Of an epoch.
    """

    backbone: str
    size: int
    steps: int

    def peers(self, device: torch.device) -> Peers:
        """Both networks with random weights."""
        return build_peers(
            lambda: build_net(self.backbone, num_classes=CLASSES, size=self.size).to(memory_format=torch.channels_last),
            seed=0,
        ).to(device)

    def settings(self) -> labelaudit.AsmSettings:
        """Two epochs of warm-up, of which the first one warms the device, too, and two that mine."""
        return labelaudit.AsmSettings(epochs=4, warm_up=2, batch=BATCH, learning_rate=1e-3)


def time_epochs(case: Case, images: NDArray[np.uint8], device: torch.device) -> dict[str, float]:
    """Seconds of an epoch in the warm-up and of one that mines, of as many bare steps, and how these compare.

    Args:
        case: What is timed.
        images: Pictures to make views of, uint8, (N, s, s, 3); taken again and again.
        device: Where.
    """
    accelerator = build_accelerator(device, mixed=True)
    count = case.steps * BATCH
    rows = torch.arange(count)
    pixels = images[np.arange(count) % len(images)]
    peers = case.peers(device)
    spec = build_net(case.backbone, num_classes=CLASSES, size=case.size).spec
    trainer = Trainer(
        peers,
        PixelBatches(pixels, spec=spec, device=device),
        given=rows % CLASSES,
        train_rows=rows,
        judge_rows=rows[:0],
        num_classes=CLASSES,
        settings=case.settings(),
        accelerator=accelerator,
        seed=0,
        anchor=torch.full((count, CLASSES), 1.0 / CLASSES),
    )
    stamps: list[float] = []

    def stamp(_: Trainer) -> None:
        wait(device)
        stamps.append(time.perf_counter())

    trainer.fit(on_epoch=stamp)
    bare = time_bare_steps(case, accelerator) * case.steps
    warm_up, mined = stamps[1] - stamps[0], stamps[2] - stamps[1]
    return {
        "faces/s": count / warm_up,
        "warm-up of bare": bare / warm_up,
        "mined of bare": bare / mined,
        "shown in mining": (count + float(trainer.state.history[0][2][2].sum())) / count,
    }


def time_bare_steps(
    case: Case, accelerator: Accelerator, *, side_by_side: bool = False, compiled: bool = False
) -> float:
    """Seconds of one bare step, the median of 20.

    Args:
        case: What is timed.
        accelerator: Device and precision.
        side_by_side: Both networks at once, on two streams of a GPU.
        compiled: By ``torch.compile``.
    """
    device = accelerator.device
    peers = case.peers(device)
    peers.side_by_side = side_by_side
    optimizer = build_optimizer(peers, case.settings())
    model = accelerator.prepare_model(peers, evaluation_mode=True).train()
    if compiled:
        model = torch.compile(model)
    shown = torch.rand(BATCH, 3, case.size, case.size, device=device).contiguous(memory_format=torch.channels_last)
    given = torch.arange(BATCH, device=device) % CLASSES

    def bare() -> None:
        logits1, logits2 = model(shown)
        loss = 0.5 * torch.nn.functional.cross_entropy(logits1, given)
        loss = loss + 0.5 * torch.nn.functional.cross_entropy(logits2, given)
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(loss)
        optimizer.step()

    return seconds(bare, device, rounds=20)


def our_step(case: Case, images: NDArray[np.uint8], accelerator: Accelerator) -> Callable[[], object]:
    """One step of ours after warm-up, a third of the batch noisy, to be called again and again."""
    device = accelerator.device
    peers = case.peers(device)
    optimizer = build_optimizer(peers, case.settings())
    model = accelerator.prepare_model(peers, evaluation_mode=True).train()
    spec = build_net(case.backbone, num_classes=CLASSES, size=case.size).spec
    batches = PixelBatches(images, spec=spec, device=device)
    generator = torch.Generator(device).manual_seed(0)
    rows = torch.arange(BATCH)
    given = (rows % CLASSES).to(device)
    anchor = torch.full((BATCH, CLASSES), 1.0 / CLASSES, device=device)

    def step() -> object:
        return train_step(
            model,
            optimizer,
            batches,
            rows=rows,
            given=given,
            partition=(rows % 3).to(torch.uint8),
            anchor=anchor,
            ramp=0.5,
            settings=case.settings(),
            class_weights=None,
            generator=generator,
            accelerator=accelerator,
        )

    return step


def check_nothing_waits(case: Case, images: NDArray[np.uint8], accelerator: Accelerator) -> None:
    """Ends with an error where the host waits for a GPU anywhere in a step of ours."""
    step = our_step(case, images, accelerator)
    step()  # constants are sent once
    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def profiled(case: Case, images: NDArray[np.uint8], accelerator: Accelerator, *, rows: int = 15) -> str:
    """The operations that ten steps of ours spend most time in, as a table."""
    step = our_step(case, images, accelerator)
    step()
    on_gpu = accelerator.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as found:
        for _ in range(10):
            step()
        wait(accelerator.device)
    order = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    table: str = found.key_averages().table(sort_by=order, row_limit=rows, max_name_column_width=60)
    return table


def seconds(work: Callable[[], object], device: torch.device, *, rounds: int = 10) -> float:
    """The median time of one call, after two that warm up."""
    times = []
    for _ in range(rounds + 2):
        wait(device)
        started = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - started)
    return float(np.median(times[2:]))


def wait(device: torch.device) -> None:
    """Until a GPU has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
