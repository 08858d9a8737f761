"""Runs command lines, each in a process of its own that gets a signal at an exact moment.

Reads a JSON list a line from stdin: signal, moment, file for stderr, then the command line; answers with the exit code.
The processes are forks of this one, which has imported everything, so that each starts at once.

A moment is ``before:FILE:N`` or ``after:FILE:N``, the N-th time that a finished file is put in its place, or
``step::N``, the N-th optimiser step. Chunks of pixels are small here, so that a small dataset has several.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import labelaudit.pipeline  # noqa: F401 - what a command would import
from labelaudit.asm import trainer
from labelaudit.cli.app import main
from labelaudit.pixels import chunks

SMALL_CHUNK = 32


def interrupt(number: signal.Signals, moment: str) -> None:
    """Arranges for this process to get the signal at the moment."""
    kind, name, count = moment.split(":")
    left = int(count)

    def watched(function: Callable[..., Any], concerns: Callable[..., bool]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            concerned = concerns(*arguments)
            left -= concerned
            now = concerned and left == 0
            if now and kind != "after":
                os.kill(os.getpid(), number)
            result = function(*arguments, **options)
            if now and kind == "after":
                os.kill(os.getpid(), number)
            return result

        return call

    if kind == "step":
        trainer.train_step = watched(trainer.train_step, lambda *_: True)
    else:
        Path.replace = watched(Path.replace, lambda _, target: Path(target).name == name)  # type: ignore[method-assign]


def run(how: str, moment: str, stderr: str, *arguments: str) -> None:
    """Runs a command line to its end, or to the moment."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
    chunks._MAX_CHUNK_ROWS = SMALL_CHUNK
    interrupt(signal.Signals[how], moment)
    sys.argv[1:] = arguments
    main()


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(*json.loads(line))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
