"""Processes that train one pair of peers together, each on its part of every batch.

Every process goes through the same program with the same seed and shows a part of each global batch; gradients are
summed before each update, so all hold the same networks. Batch normalisation takes its statistics over all processes
(``SyncBatchNorm`` on GPUs, ``TeamBatchNorm`` elsewhere): with those of a few samples a process would learn another
network than one process does. A process alone is a team, too, that has nothing to say to anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from labelaudit.asm.losses import LossParts
from labelaudit.asm.parts import Part, whole
from labelaudit.asm.peers import Peers
from labelaudit.errors import TrainingError


class Team:
    """Some processes, seen from one of them.

    Args:
        rank: This process's place in [0, size).
        size: How many there are.
        group: How they talk; None where there is one.
    """

    def __init__(self, rank: int = 0, size: int = 1, group: dist.ProcessGroup | None = None) -> None:
        self.rank = rank
        self.size = size
        self.group = group

    @property
    def leads(self) -> bool:
        """True for the process that keeps what the team finds out."""
        return self.rank == 0

    def part(self, count: int) -> Part:
        """This process's part of so many samples."""
        return list(whole(count).cut(self.size))[self.rank]

    def check_batch(self, smallest: int) -> None:
        """Refuses batches that leave a process without a sample.

        Raises:
            TrainingError: There are fewer samples than processes.
        """
        if smallest < self.size:
            raise TrainingError(
                f"{self.size} processes cannot share batches of {smallest} samples; "
                "raise --batch, or start fewer processes"
            )

    def add_up(self, peers: nn.Module, parts: LossParts) -> LossParts:
        """Sums gradients in place, and losses, over all processes."""
        if self.size == 1:
            return parts
        gradients = [each.grad for each in peers.parameters() if each.grad is not None]
        losses = torch.stack([parts.total, parts.clean, parts.ambiguous, parts.noisy]).float()
        flat = torch.cat([losses, *(each.flatten() for each in gradients)])
        dist.all_reduce(flat, group=self.group)
        pieces = torch.split(flat, [len(losses), *(each.numel() for each in gradients)])
        for gradient, summed in zip(gradients, pieces[1:], strict=True):
            gradient.copy_(summed.view_as(gradient))
        return LossParts(*pieces[0])

    def gather(self, mine: Tensor, count: int) -> Tensor:
        """Joins every process's part of so many samples, (part, ...) -> (count, ...), on its device, for all."""
        if self.size == 1:
            return mine
        padded = self._padded(mine, count)
        found = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(found, padded, group=self.group)
        return self._joined(found, count)

    def collect(self, mine: Tensor, count: int) -> Tensor | None:
        """As ``gather``, from parts on the CPU and for the process that leads alone; None for the others."""
        if self.size == 1:
            return mine
        padded = self._padded(mine, count)
        found = [torch.empty_like(padded) for _ in range(self.size)] if self.leads else None
        dist.gather(padded, found, group=self.group, group_dst=0)
        return None if found is None else self._joined(found, count)

    def all_say(self, said: bool) -> bool:
        """True where it is true in every process."""
        if self.size == 1:
            return said
        votes = torch.tensor(int(said))
        dist.all_reduce(votes, op=dist.ReduceOp.MIN, group=self.group)
        return bool(votes)

    def joined(self, peers: Peers) -> Peers:
        """Gives peers batch statistics over all processes."""
        if self.size > 1:
            _join_statistics(peers, self)
        return peers

    def _padded(self, mine: Tensor, count: int) -> Tensor:
        missing = -(-count // self.size) - len(mine)
        return torch.cat([mine, mine.new_zeros(missing, *mine.shape[1:])]) if missing else mine.contiguous()

    def _joined(self, found: Sequence[Tensor], count: int) -> Tensor:
        parts = whole(count).cut(self.size)
        return torch.cat([each[: len(part)] for each, part in zip(found, parts, strict=True)])


ALONE = Team()
"""The team of a process that shares its peers with no other."""


class TeamBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by the statistics of all processes' samples, for devices that have no ``SyncBatchNorm``."""

    team: Team

    def forward(self, x: Tensor) -> Tensor:
        """Normalised maps, (B, C, H, W)."""
        if not self.training:
            return super().forward(x)
        dims = (0, 2, 3)
        count = _summed(torch.tensor(float(x.numel() // x.shape[1]), device=x.device), self.team)
        values = x.float()
        mean = _summed(values.sum(dims), self.team) / count  # (C,)
        centred = values - mean.view(1, -1, 1, 1)
        variance = _summed(centred.square().sum(dims), self.team) / count
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scaled = centred * (variance + self.eps).rsqrt().view(1, -1, 1, 1)
        return (scaled * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)


class _Sum(torch.autograd.Function):
    """A sum over processes that gradients go back through: each process's losses depend on all processes' values."""

    @staticmethod
    def forward(context: Any, values: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        context.group = group
        summed = values.clone()
        dist.all_reduce(summed, group=group)
        return summed

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        summed = gradients[0].clone()
        dist.all_reduce(summed, group=context.group)
        return summed, None


def _summed(values: Tensor, team: Team) -> Tensor:
    found: Tensor = _Sum.apply(values, team.group)
    return found


def _join_statistics(net: nn.Module, team: Team) -> None:
    """Replaces plain 2-d batch normalisations in place; kinds of their own, as some of timm's, stay as they are."""
    for name, child in net.named_children():
        if type(child) is not nn.BatchNorm2d:
            _join_statistics(child, team)
            continue
        on_gpu = child.weight.is_cuda
        fresh: nn.Module
        if on_gpu:
            fresh = nn.SyncBatchNorm(child.num_features, child.eps, child.momentum, process_group=team.group)
        else:
            fresh = TeamBatchNorm(child.num_features, child.eps, child.momentum)
            fresh.team = team
        fresh.to(child.weight.device).load_state_dict(child.state_dict())
        setattr(net, name, fresh)
