"""The epoch loop of ASM: warm up, then each epoch learn thresholds, mine, and train on three losses.

METHOD in one breath: an evidence pass (no augmentation, eval mode) gives each training sample's confidence; the class
means of it give the epoch's clean and noisy thresholds; they part the samples into clean, ambiguous and noisy; each
part trains by its own loss. Beside the training rows the trainer judges held-out rows, whose labels it never reads.

An epoch after which loss or answers are no numbers does not count: training goes back to the epoch before and on at
half the learning rate. What it goes back to is kept in memory, as a checkpoint would bring it back from a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from labelaudit.asm.answers import JUDGE_BATCH, ask
from labelaudit.asm.batches import Batches, sent
from labelaudit.asm.checkpoint import copied
from labelaudit.asm.mining import Partition, mine
from labelaudit.asm.parts import Pieces
from labelaudit.asm.peers import Peers, build_optimizer
from labelaudit.asm.run import RunState, TrainingRun, run_identity
from labelaudit.asm.schedule import one_cycle, ramp_up
from labelaudit.asm.step import train_step
from labelaudit.asm.team import ALONE, Team
from labelaudit.asm.thresholds import learn_thresholds
from labelaudit.errors import TrainingError
from labelaudit.nets.memory import AtOnce
from labelaudit.settings import AsmSettings

JUDGED_SHARE = 0.34
"""Held-out rows are judged in this last share of the epochs, where the learning rate is low; their mean counts."""

MOST_ROLLBACKS = 3
"""Halvings of the learning rate after which a run gives up: at an eighth of it, the rate is not what is wrong."""


class Trainer:
    """Trains two peers on some rows and judges others.

    Args:
        peers: The networks; trained in place.
        batches: Views of samples by row.
        given: Given labels of all samples in [0, K), (N,); read at ``train_rows`` only.
        train_rows: Rows to learn from, (T,).
        judge_rows: Rows to judge, (J,); may be ``train_rows`` itself in a single run.
        num_classes: K.
        settings: The method's numbers, epochs, warm-up and learning rate decided.
        accelerator: Device and precision.
        seed: Everything random of epoch e comes from (seed, e).
        anchor: Posterior of each training row from evidence that never saw its label, (T, K), for anchored ASM;
            None for the literal form.
        class_weights: Weight of each class's cross-entropy, (K,), or None.
        team: Processes that train these peers together; each calls the same methods. Answers of judged rows are kept
            by the one that leads.
    """

    def __init__(
        self,
        peers: Peers,
        batches: Batches,
        *,
        given: Tensor,
        train_rows: Tensor,
        judge_rows: Tensor,
        num_classes: int,
        settings: AsmSettings,
        accelerator: Accelerator,
        seed: int,
        anchor: Tensor | None = None,
        class_weights: Tensor | None = None,
        team: Team = ALONE,
    ) -> None:
        if not (settings.epochs and settings.warm_up and settings.learning_rate and settings.batch):
            raise ValueError("epochs, warm_up, learning_rate and batch must be decided before training")
        self.epochs = settings.epochs
        self.warm_up = settings.warm_up
        self.first_peak = settings.learning_rate
        self.settings = settings
        self.num_classes = num_classes
        self.batches = batches
        self.seed = seed
        self.device = accelerator.device
        self.accelerator = accelerator
        self.train_rows = train_rows
        self.judge_rows = judge_rows
        self.given = given[train_rows].to(self.device)
        self.anchor = None if anchor is None else anchor.to(self.device)
        self.class_weights = None if class_weights is None else class_weights.to(self.device)
        self.team = team
        self.steps = -(-len(train_rows) // settings.batch)
        team.check_batch(len(train_rows) // self.steps)
        self.raw_peers = team.joined(peers.to(self.device))
        # accelerate's evaluation mode is precision and nothing else: gradients of several processes the team sums
        self.peers = accelerator.prepare_model(peers, evaluation_mode=True)
        self.optimizer = accelerator.prepare_optimizer(build_optimizer(peers, settings))
        self.asked_at_once = AtOnce(JUDGE_BATCH)
        self.state = RunState(
            epochs_done=0,
            judged=torch.zeros(2, len(judge_rows) if team.leads else 0, num_classes),
            judged_epochs=0,
            partitions=torch.zeros(len(train_rows), len(Partition), dtype=torch.int32),
        )

    def fit(self, *, on_epoch: Callable[[Trainer], None] | None = None) -> TrainingRun:
        """Trains to the end, from wherever the state stands.

        Args:
            on_epoch: Called after every whole epoch, and after going back to one: the moments at which the state may
                be saved.

        Raises:
            TrainingError: The loss or a posterior is no number, however low the learning rate.
        """
        good = copied(self.state_dict())
        while self.state.epochs_done < self.epochs:
            if self._run_epoch():
                good = copied(self.state_dict())
            else:
                self._go_back(good)
            if on_epoch is not None:
                on_epoch(self)
        return self._result()

    @property
    def peak(self) -> float:
        """The highest learning rate, as it stands after rollbacks."""
        return self.first_peak * 0.5 ** len(self.state.rolled_back)

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes, as tensors and plain values; a finished run needs its optimiser no more."""
        finished = self.state.epochs_done == self.epochs
        return {
            "identity": self._identity(),
            "state": vars(self.state),
            "peers": self.raw_peers.state_dict(),
            "optimizer": None if finished else self.optimizer.state_dict(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes back to a saved state; the next epoch is exactly the one that followed it.

        Raises:
            TrainingError: The state is that of a run with other settings, labels, rows or networks.
        """
        if saved.get("identity") != self._identity():
            raise TrainingError(
                "the checkpoint is of a run with other settings, labels or networks; start anew with --force"
            )
        self.state = RunState(**saved["state"])
        if not self.team.leads:
            self.state.judged = self.state.judged[:, :0]
        self.raw_peers.load_state_dict(saved["peers"])
        if saved["optimizer"] is not None:
            self.optimizer.load_state_dict(saved["optimizer"])
            for parameter, moments in self.optimizer.state.items():
                for name in ("exp_avg", "exp_avg_sq"):  # a file holds them row by row; lay them out like the weights
                    moments[name] = torch.empty_like(parameter, requires_grad=False).copy_(moments[name])

    def _identity(self) -> str:
        rows = (self.train_rows, self.given.cpu(), self.judge_rows)
        return run_identity(self.settings, self.raw_peers, rows, seed=self.seed, num_classes=self.num_classes)

    def _run_epoch(self) -> bool:
        """Mines, trains and judges; False where loss or answers are no numbers, and then nothing of it counts."""
        epoch = self.state.epochs_done
        generator = self._seed_epoch(epoch)
        partition = self._mine() if epoch >= self.warm_up else None
        loss = self._train_epoch(epoch, partition, generator)
        # The loss is that of before each step: only the networks' answers show what the last one did.
        answers = self._posteriors(self.train_rows[: self.settings.batch])
        sound = self.team.all_say(math.isfinite(loss) and bool(answers.isfinite().all()))
        if epoch >= self._judged_from:
            sound = sound and self._judge()
        self.state.losses.append(loss)
        self.state.epochs_done += sound
        return sound

    def _go_back(self, good: dict[str, Any]) -> None:
        """Goes back to the last whole epoch and on at half the learning rate.

        Raises:
            TrainingError: It was halved often enough.
        """
        failed = self.state.epochs_done + 1
        rolled_back = [*self.state.rolled_back, failed]
        if len(rolled_back) > MOST_ROLLBACKS:
            raise TrainingError(
                f"the networks' answers are no numbers any more in epoch {failed}, though the learning rate was halved "
                f"{MOST_ROLLBACKS} times, from {self.first_peak:g} to {self.peak:g}; start anew with --force and a "
                f"--learning-rate below that"
            )
        self.load_state_dict(copied(good))
        self.state.rolled_back = rolled_back

    def _seed_epoch(self, epoch: int) -> torch.Generator:
        """Seeds torch (dropout) and gives a generator (views), both a function of (seed, epoch) alone."""
        number = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0])
        torch.manual_seed(number)
        return torch.Generator(self.device).manual_seed(number)

    def _mine(self) -> Tensor:
        """Learns this epoch's thresholds and gives every training row its partition, (T,), on the CPU."""
        own = self.team.part(len(self.train_rows)).rows
        posterior = self._posteriors(self.train_rows[own], views=1).mean(dim=0)  # (T, K), or a part of it
        confidence = posterior.gather(1, self.given[own, None]).squeeze(1)
        confidence = self.team.gather(confidence, len(self.train_rows))  # (T,)
        if self.anchor is not None:
            confidence = 0.5 * (confidence + self.anchor.gather(1, self.given[:, None]).squeeze(1))
        thresholds = learn_thresholds(
            confidence,
            self.given,
            self.num_classes,
            kind=self.settings.thresholds,
            clean_scale=self.settings.clean_scale,
            noisy_scale=self.settings.noisy_scale,
        )
        partition = mine(confidence, self.given, thresholds).cpu()
        self.state.remember(partition, self.given.cpu(), thresholds)
        return partition

    def _train_epoch(self, epoch: int, partition: Tensor | None, generator: torch.Generator) -> float:
        """One pass over the training rows in random order; gives the mean loss."""
        self.peers.train()
        order = torch.from_numpy(np.random.default_rng([self.seed, epoch]).permutation(len(self.train_rows)))
        ramp = ramp_up(epoch + 1, self.epochs, beta=self.settings.ramp_beta)
        total = torch.zeros((), device=self.device)
        pieces = Pieces(self.state.pieces)
        steps = order.tensor_split(self.steps)
        self._expect(steps[0])
        for step, chosen in enumerate(steps):
            rate = one_cycle(epoch * self.steps + step, self.epochs * self.steps, peak=self.peak)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            if step + 1 < self.steps:
                self._expect(steps[step + 1])
            there = sent(chosen, self.device)
            parts = train_step(
                self.peers,
                self.optimizer,
                self.batches,
                rows=self.train_rows[chosen],
                given=self.given[there],
                partition=None if partition is None else partition[chosen],
                anchor=None if self.anchor is None else self.anchor[there],
                ramp=ramp,
                settings=self.settings,
                class_weights=self.class_weights,
                generator=generator,
                accelerator=self.accelerator,
                pieces=pieces,
                team=self.team,
            )
            total += parts.total.detach() * len(chosen)
        self.state.pieces = pieces.count
        return float(total) / len(order)

    def _expect(self, chosen: Tensor) -> None:
        """Has this process's part of a batch read before it is needed."""
        self.batches.expect(self.train_rows[chosen[self.team.part(len(chosen)).rows]])

    def _judge(self) -> bool:
        """Adds what the peers now say of the rows to judge; False where these are no numbers."""
        count = len(self.judge_rows)
        posteriors = self._posteriors(self.judge_rows[self.team.part(count).rows]).cpu()
        found = self.team.collect(posteriors.transpose(0, 1), count)  # (J, 2, K)
        if found is not None:
            self.state.judged += found.transpose(0, 1)
        self.state.judged_epochs += 1
        return self.team.all_say(bool(posteriors.isfinite().all()))

    @property
    def _judged_from(self) -> int:
        return self.epochs - max(1, round(JUDGED_SHARE * self.epochs))

    def _posteriors(self, rows: Tensor, *, views: int | None = None) -> Tensor:
        """Each peer's softmax, the mean over its plain views, (2, rows, K), on the device."""
        return ask(self.peers, self.batches, rows, views=views, classes=self.num_classes, at_once=self.asked_at_once)

    def _result(self) -> TrainingRun:
        self.raw_peers.eval()
        judged = (self.state.judged / max(self.state.judged_epochs, 1)).numpy()
        history = [(done, learned.numpy(), counts.numpy()) for done, learned, counts in self.state.history]
        return TrainingRun(
            peer1=judged[0],
            peer2=judged[1],
            partitions=self.state.partitions.numpy(),
            history=history,
            losses=self.state.losses,
            rolled_back=self.state.rolled_back,
            pieces=self.state.pieces,
            peers=self.raw_peers,
        )
