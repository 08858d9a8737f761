"""The networks that judge a picture whose label no one of them has seen."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from labelaudit.asm.peers import Peers
from labelaudit.evidence.features import HeadFeatures
from labelaudit.evidence.outlier_model import OutlierModel
from labelaudit.evidence.ridge import RidgeModel
from labelaudit.nets.interface import Net


@dataclass(frozen=True)
class Judges:
    """What says something of a picture.

    Attributes:
        trunk: The frozen network.
        components: What prepares its features for heads and outlier scores.
        peers: In eval mode; all are heard, and their mean counts.
        stem: Frozen first layers of peers that are networks, whose maps these expect; None = they are whole, or heads.
        ridge: The ridge model.
        outliers: What scores how odd a picture is.
    """

    trunk: Net
    components: HeadFeatures
    peers: tuple[Peers, ...]
    stem: torch.nn.Module | None
    ridge: RidgeModel
    outliers: OutlierModel
