"""What each epoch of one run said of every given label: what AUM and small-loss methods go by.

With z the logits of a network in evaluation mode, without augmentation, and y the given label::

    loss   = -log softmax(z)_y
    margin = z_y - max_{k != y} z_k = log p_y - max_{k != y} log p_k

The area under the margin is the mean margin over the epochs (Pleiss et al., "Identifying Mislabeled Data using the Area
Under the Margin Ranking", NeurIPS 2020). There it is recorded while training goes on; here in a pass after each epoch.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from labelaudit.asm.answers import JUDGE_BATCH
from labelaudit.asm.trainer import Trainer
from labelaudit.records import FloatArray


class LabelTrace:
    """Losses and margins of the training rows after each epoch; give it to ``Trainer.fit`` as ``on_epoch``.

    Attributes:
        losses: Epochs done, from 1 -> (2, n), one row a network.
        margins: Likewise.
    """

    def __init__(self) -> None:
        self.losses: dict[int, FloatArray] = {}
        self.margins: dict[int, FloatArray] = {}

    @torch.no_grad()
    def __call__(self, trainer: Trainer) -> None:
        """Looks at all training rows; an epoch that is repeated is looked at anew."""
        trainer.peers.eval()
        losses, margins = [], []
        for places in torch.split(torch.arange(len(trainer.train_rows)), JUDGE_BATCH):
            view = trainer.batches.plain(trainer.train_rows[places])[0]
            logits = torch.stack(trainer.peers(view)).float()  # (2, B, K)
            loss, margin = label_losses(logits, trainer.given[places.to(trainer.given.device)])
            losses.append(loss.cpu().numpy())
            margins.append(margin.cpu().numpy())
        self.losses[trainer.state.epochs_done] = np.concatenate(losses, axis=1)
        self.margins[trainer.state.epochs_done] = np.concatenate(margins, axis=1)

    def area_under_margin(self) -> FloatArray:
        """Mean over the epochs and both networks, (n,); low = the label is likely wrong."""
        area: FloatArray = np.stack([*self.margins.values()]).mean(axis=(0, 1)).astype(np.float32)
        return area


def label_losses(logits: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and margin of given labels.

    Args:
        logits: Of both networks, (2, B, K).
        given: In [0, K), (B,).

    Returns:
        Each (2, B).
    """
    log_p = F.log_softmax(logits, dim=-1)
    own = given.expand(len(logits), -1).unsqueeze(-1)  # (2, B, 1)
    said = log_p.gather(-1, own).squeeze(-1)
    other = log_p.scatter(-1, own, -torch.inf).amax(dim=-1)
    return -said, said - other
