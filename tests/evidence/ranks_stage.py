"""Runs command lines, each by several processes that talk by gloo, as a launcher would start them.

Reads a JSON list a line from stdin: the processes' command lines (equal as a rule), file for their output, and moments
at which one of them is killed; answers with the exit codes. The processes are forks of this one, which has imported
everything, so that each starts at once. The command ``statistics`` compares batch statistics over processes with those
of one.

A moment is the process's number and its N-th optimiser step, at which it gets SIGKILL.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import traceback
from typing import Any

import numpy as np
import torch

import labelaudit.pipeline  # noqa: F401 - what a command would import
from labelaudit.asm import meeting, trainer
from labelaudit.asm.batches import PixelBatches
from labelaudit.asm.peers import build_peers
from labelaudit.asm.ranks import joined_ranks
from labelaudit.asm.team import ALONE, Team
from labelaudit.cli.app import main
from labelaudit.evidence.device import build_accelerator
from labelaudit.nets.registry import build_net
from labelaudit.settings import AsmSettings

meeting._BEAT = 1.0
CPU = torch.device("cpu")


def kill_at(step: int) -> None:
    """Arranges for this process to be killed at its N-th optimiser step."""
    left, real = [step], trainer.train_step

    def watched(*values: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*values, **options)

    trainer.train_step = watched


def compare_statistics() -> None:
    """Trains a small network with batch normalisation alone and in a team, in float32, and prints how they differ."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
    with joined_ranks() as ranks:
        _, _, team = ranks.teams(1)
        assert team is not None
        alone, together = (_trained(pixels, each) for each in (ALONE, team))
    if ranks.is_first:
        apart = {name: float((alone[name] - value).abs().max()) for name, value in together.items()}
        sys.stdout.write(json.dumps({"apart": max(apart.values()), "tensors": len(apart)}))


def _trained(pixels: np.ndarray, team: Team) -> dict[str, torch.Tensor]:
    peers = build_peers(lambda: build_net("resnet-small", num_classes=3, size=16), seed=0)
    run = trainer.Trainer(
        peers,
        PixelBatches(pixels, spec=peers.peer1.spec, device=CPU),  # type: ignore[arg-type]
        given=torch.arange(24) % 3,
        train_rows=torch.arange(23),  # parts of unequal size
        judge_rows=torch.arange(23),
        num_classes=3,
        settings=AsmSettings(epochs=2, warm_up=1, batch=12, learning_rate=1e-3),
        accelerator=build_accelerator(CPU, mixed=False),
        seed=3,
        team=team,
    )
    found = run.fit()
    state = {name: value.double() for name, value in peers.state_dict().items()}
    if team.leads:
        state |= {"peer1": torch.from_numpy(found.peer1).double(), "peer2": torch.from_numpy(found.peer2).double()}
    return state | {"thresholds": torch.from_numpy(np.stack([each[1] for each in found.history])).double()}


def act(rank: int, size: int, port: int, arguments: list[str], said: str, step: int | None) -> int:
    """One process, from its beginning to its exit code."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(size), LOCAL_WORLD_SIZE=str(size))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    output = os.open(f"{said}.{rank}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if step is not None:
        kill_at(step)
    try:
        if arguments == ["statistics"]:
            compare_statistics()
            return 0
        sys.argv = ["labelaudit", *arguments]
        main()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 70
    return 0


def free_port() -> int:
    """A port that nobody listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


for line in sys.stdin:
    commands, said, moments = json.loads(line)
    port, children = free_port(), []
    for rank, arguments in enumerate(commands):
        child = os.fork()
        if child == 0:
            code = act(rank, len(commands), port, arguments, said, dict(moments).get(rank))
            sys.stdout.flush()
            os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.stdout.write(json.dumps(codes) + "\n")
    sys.stdout.flush()
