"""Errors -> one line on stderr and an exit code."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from enum import IntEnum
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from labelaudit.cli.output.words import shown
from labelaudit.errors import LabelAuditError, OtherProcessError

_ARGUMENTS = "labelaudit.arguments"
_DEBUG = "labelaudit.debug"
_RESUMABLE = "labelaudit.resumable"


class ExitCode(IntEnum):
    """What the shell is told."""

    DONE = 0
    FOUND = 1
    """A gate ran and found too much."""
    FAILED = 2
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    """Whoever read stdout went away: what a process that SIGPIPE ended leaves behind."""
    TERMINATED = 143
    """The system asked the process to end, by SIGTERM."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, as a scheduler sends it before it kills: ends a command in the same way as Ctrl-C."""


class CommandGroup(TyperGroup):
    """Runs a command and turns whatever it raises into one line and an exit code."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Keeps the command line, to say how an interrupted command goes on."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Runs the command that was named."""
        try:
            with _sigterm_raises():
                return super().invoke(ctx)
        except BrokenPipeError:
            # What is still buffered for the closed pipe would be complained about once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.PIPE_CLOSED) from None
        except Terminated:
            _say_first(f"terminated{_way_on(ctx)}")
            raise typer.Exit(ExitCode.TERMINATED) from None
        except KeyboardInterrupt:
            _say_first(f"interrupted{_way_on(ctx)}")
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except OtherProcessError as error:
            _trace(ctx)
            _say_first(str(error))
        except LabelAuditError as error:
            _trace(ctx)
            _say(str(error))
        except MemoryError:
            _trace(ctx)
            _say("out of memory; try a smaller --batch or --size, or a machine with more")
        except OSError as error:
            _trace(ctx)
            where = f" ({error.filename})" if error.filename else ""
            _say(f"{error.strerror or error}{where}{_debug_hint(ctx)}")
        except Exception as error:
            if type(error).__module__.startswith(("click", "typer")):  # usage errors and exits have their own words
                raise
            _trace(ctx)
            _say(f"unexpected {type(error).__name__}: {error}{_debug_hint(ctx)}")
        raise typer.Exit(ExitCode.FAILED)


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Makes SIGTERM end what runs here by ``Terminated``, where nobody else has said what it does."""
    is_main = threading.current_thread() is threading.main_thread()  # no other thread may arrange for signals
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's own signature
    # timeout(1) and some schedulers send it to the process and then to its group: twice. Tidying up goes on.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def set_debug(ctx: typer.Context, value: bool) -> bool:
    """Callback of ``--debug``."""
    ctx.meta[_DEBUG] = value
    return value


def set_resumable(ctx: typer.Context) -> None:
    """Says that the running command can be repeated with ``--resume``."""
    ctx.meta[_RESUMABLE] = True


def _way_on(ctx: typer.Context) -> str:
    if not ctx.meta.get(_RESUMABLE):
        return ""
    arguments = [each for each in ctx.meta[_ARGUMENTS] if each not in ("--force", "--resume")]
    return f"; go on with: labelaudit {shlex.join([*arguments, '--resume'])}"


def _debug_hint(ctx: typer.Context) -> str:
    return "" if ctx.meta.get(_DEBUG) else "; rerun with --debug for the traceback"


def _trace(ctx: typer.Context) -> None:
    if ctx.meta.get(_DEBUG):
        traceback.print_exc()


def _say(message: str) -> None:
    name = f"labelaudit, process {_rank() + 1}" if _rank() else "labelaudit"
    typer.echo(f"{name}: {shown(' '.join(message.split()))}", err=True)


def _say_first(message: str) -> None:
    """Says what the processes of a launcher all know, once."""
    if _rank() == 0:
        _say(message)


def _rank() -> int:
    """This process's number among those that a launcher started, 0 for the first and where there is none."""
    rank = os.environ.get("RANK", "")
    return int(rank) if rank.isdecimal() and os.environ.get("WORLD_SIZE", "1") != "1" else 0
