"""What learns, and from what: heads on a frozen trunk's features, or whole networks on the pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from labelaudit.asm.batches import Batches, FeatureBatches, PixelBatches
from labelaudit.asm.peers import Head, Peers, build_peers
from labelaudit.asm.ranks import ONE, Ranks
from labelaudit.asm.stem import StemBatches
from labelaudit.evidence.features import load_trunk_features
from labelaudit.evidence.plan import Plan
from labelaudit.nets.features import FeatureArray
from labelaudit.nets.interface import Net
from labelaudit.nets.mobilefacenet import take_stem
from labelaudit.nets.recipe import WITHOUT_WEIGHTS
from labelaudit.nets.registry import build_net, input_size
from labelaudit.nets.weights import load_weights
from labelaudit.pixels.store import PixelStore
from labelaudit.records import Progress
from labelaudit.settings import Training


@dataclass(frozen=True)
class Learners:
    """What a trainer needs beside labels.

    Attributes:
        batches: Views of samples by row of the pixel store.
        build: Makes new peers from a seed.
    """

    batches: Batches
    build: Callable[[int], Peers]


def frozen_features(
    store: PixelStore, plan: Plan, cache_dir: Path, notes: list[str], progress: Progress, *, ranks: Ranks = ONE
) -> tuple[list[FeatureArray], Net]:
    """Features of a trunk that does not learn: the pretrained one, or gradient histograms without weights.

    Args:
        store: Pixels of N rows.
        plan: Which trunk, and where it runs.
        cache_dir: The user's cache folder.
        notes: Gets a sentence on where the features come from.
        progress: Told of faces done.
        ranks: Processes that compute them together; the first one gets them, the others an empty list.

    Returns:
        One (V, N, D_g) array a feature group, and the network.
    """
    settings, weights = plan.settings, plan.weights
    backbone = settings.nets.backbone if weights is not None else WITHOUT_WEIGHTS
    assert backbone is not None
    size = settings.nets.size if settings.training is Training.FROZEN else input_size(backbone)
    # The cache knows features by the weights' hash alone: what those leave out may not differ from run to run.
    torch.manual_seed(0)
    net = build_net(backbone, num_classes=2, size=size)
    if weights is None:
        notes.append("ridge evidence from gradient histograms, for want of pretrained weights")
    else:
        notes.append(load_weights(net, weights).note)
    sha256 = "" if weights is None else weights.sha256
    groups = load_trunk_features(
        net, store, weights_sha256=sha256, cache_dir=cache_dir, device=plan.device, ranks=ranks, progress=progress
    )
    return groups, net


def head_learners(features: Tensor, num_classes: int, accelerator: Accelerator) -> Learners:
    """Peers that are heads on the frozen trunk's features, (V, N, H)."""
    width = features.shape[2]
    batches = FeatureBatches(features, device=accelerator.device)
    return Learners(batches, lambda seed: build_peers(lambda: Head(width, num_classes), seed=seed))


def network_learners(store: PixelStore, plan: Plan, num_classes: int, accelerator: Accelerator) -> Learners:
    """Peers that are whole networks, or all but a pretrained one's first blocks, on the pixels."""
    nets, device = plan.settings.nets, accelerator.device
    assert nets.backbone is not None

    def network() -> Net:
        net = build_net(nets.backbone or "", num_classes=num_classes, size=nets.size)
        if plan.weights is not None:
            load_weights(net, plan.weights)
        return net.to(memory_format=torch.channels_last)

    def without_stem() -> Net:
        net = network()
        take_stem(net, nets.frozen_blocks)
        return net

    net = network()
    batches: Batches = PixelBatches(store.pixels, spec=net.spec, device=device)
    stem = take_stem(net, nets.frozen_blocks)
    if stem is not None:
        batches = StemBatches(batches, stem, device=device)
    return Learners(batches, lambda seed: build_peers(without_stem, seed=seed))
