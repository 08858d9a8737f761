"""The processes of one audit: ``torchrun`` or ``accelerate launch`` started the same command several times.

The first process writes, prints and decides; the others help. They wait for each other as ``meeting`` has it; arrays go
directly from process to process (``torch.distributed``: NCCL between GPUs, gloo between CPUs).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import PrefixStore, ProcessGroup  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from labelaudit.asm.meeting import Meeting
from labelaudit.asm.team import ALONE, Team
from labelaudit.errors import LabelAuditError, OtherProcessError, SettingsError

_START = timedelta(minutes=10)
_AT_ONCE = 1 << 26
"""Bytes of an array that are sent together."""

_Result = TypeVar("_Result")


class Ranks:
    """All processes of an audit, seen from one of them.

    Args:
        rank: This process's place in [0, size).
        size: How many there are.
        local_rank: Its place among those of this machine.
        local_size: How many there are on this machine.
        meeting: Where they meet; None where there is one process.
    """

    def __init__(
        self,
        rank: int = 0,
        size: int = 1,
        *,
        local_rank: int = 0,
        local_size: int = 1,
        meeting: Meeting | None = None,
    ) -> None:
        self.rank = rank
        self.size = size
        self.local_rank = local_rank
        self.local_size = local_size
        self._meeting = meeting

    @property
    def is_first(self) -> bool:
        """True for the process that writes and prints; of one that is alone, always."""
        return self.rank == 0

    def agree(self, work: Callable[[], _Result]) -> _Result:
        """Does work in every process; where it fails in any, it has failed in all.

        Raises:
            LabelAuditError: What the work raised here, in the first process; what it raised in another one.
        """
        if self._meeting is None:
            return work()
        try:
            result = work()
        except LabelAuditError as error:
            said = self._meeting.meet({"error": str(error)})
            if self.is_first:
                raise
            raise _of_others(said) from error
        said = self._meeting.meet({"error": None})
        if any(each["error"] is not None for each in said):
            raise _of_others(said)
        return result

    def first_then_others(self, work: Callable[[], _Result]) -> _Result:
        """Does work in the first process and, when that is done, in the others, which find what it made."""
        if self.is_first:
            result = self.agree(work)
            return self.agree(lambda: result)
        self.agree(lambda: None)
        return self.agree(work)

    def tell(self, value: Any = None) -> Any:
        """Gives what the first process says, a JSON value, to all."""
        if self._meeting is None:
            return value
        return self._meeting.meet({"value": value if self.is_first else None})[0]["value"]

    def share(self, array: Tensor | None) -> Tensor:
        """Gives an array of the first process, on the CPU, to all; the others pass None."""
        if self._meeting is None:
            assert array is not None
            return array
        shape, name = self.tell(None if array is None else [list(array.shape), str(array.dtype).split(".")[1]])
        array = torch.empty(shape, dtype=getattr(torch, name)) if array is None else array.contiguous()
        for piece in torch.split(array.view(-1).view(torch.uint8), _AT_ONCE):
            dist.broadcast(piece, src=0)
        return array

    def gather(self, mine: Tensor) -> list[Tensor] | None:
        """Brings arrays of one shape, on the CPU, to the first process, in order; None for the others."""
        if self._meeting is None:
            return [mine]
        mine = mine.contiguous()
        found = [torch.empty_like(mine) for _ in range(self.size)] if self.is_first else None
        into = None if found is None else [each.view(torch.uint8) for each in found]
        dist.gather(mine.view(torch.uint8), into)
        return found

    def team_sizes(self, folds: int) -> tuple[int, int]:
        """How many teams share F folds, at most F, and how many processes each has; some may be left over.

        They could speed up some folds, and all would wait for the others.
        """
        teams = min(folds, self.size)
        return teams, self.size // teams

    def teams(self, folds: int) -> tuple[int, int, Team | None]:
        """Shares processes out among folds: a fold a process, or several processes a fold where there are enough.

        Args:
            folds: F.

        Returns:
            Number of teams, at most F, all of one size; which one this process is in; and that team, None where the
            process is left over. Team t is to train folds t, t + teams, ...
        """
        if self._meeting is None:
            return 1, 0, ALONE
        teams, size = self.team_sizes(folds)
        mine: Team | None = None
        for number in range(teams):
            members = list(range(number, teams * size, teams))
            group = dist.new_group(members) if size > 1 else None  # everybody takes part in making each
            if self.rank in members:
                mine = Team(members.index(self.rank), size, group if isinstance(group, ProcessGroup) else None)
        return teams, self.rank % teams, mine


ONE = Ranks()
"""A process that no launcher started."""


def _of_others(said: list[dict[str, Any]]) -> OtherProcessError:
    rank, text = next((rank, each["error"]) for rank, each in enumerate(said) if each["error"] is not None)
    return OtherProcessError(f"process {rank + 1} of {len(said)}: {text}")


_joined: Ranks | None = None


def current_ranks() -> Ranks:
    """The processes that this one has joined; a process alone where it has not."""
    return ONE if _joined is None else _joined


@contextlib.contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Joins the processes that a launcher started; without one this is a process alone. May be entered again inside.

    Raises:
        SettingsError: The launcher's variables make no sense, or the processes do not find each other.
    """
    global _joined
    size = _from_environment("WORLD_SIZE", 1)
    if _joined is not None or size == 1:
        yield current_ranks()
        return
    _joined, meeting = _join(size)
    try:
        with meeting.signs_of_life():
            try:
                yield _joined
                meeting.leave()
            except BaseException as error:
                found = meeting.fail(error)
                if found is error:
                    raise
                raise found from error
        dist.destroy_process_group()  # not after an error: it may wait for processes that are gone
    finally:
        _joined = None


def _join(size: int) -> tuple[Ranks, Meeting]:
    rank = _from_environment("RANK", -1)
    local_rank, local_size = _from_environment("LOCAL_RANK", rank), _from_environment("LOCAL_WORLD_SIZE", size)
    if not 0 <= rank < size:
        raise SettingsError(f"WORLD_SIZE is {size} and RANK {rank}; start the processes with torchrun")
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    try:
        store, rank, size = next(iter(rendezvous("env://", timeout=_START)))
        dist.init_process_group(backend, store=PrefixStore("arrays", store), rank=rank, world_size=size)
    except (ValueError, RuntimeError) as error:
        first = str(error).strip().split("\n", 1)[0]
        raise SettingsError(
            f"the {size} processes do not find each other ({first}); start them with torchrun"
        ) from error
    meeting = Meeting(PrefixStore("labelaudit", store), rank=rank, size=size)
    return Ranks(rank, size, local_rank=local_rank, local_size=local_size, meeting=meeting), meeting


def _from_environment(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    try:
        return int(text) if text else default
    except ValueError as error:
        raise SettingsError(f"the environment's {name} is {text!r}, not a number; start with torchrun") from error
