"""Gathers all evidence about the audited samples: ridge on the frozen trunk, cross-fitted peers, and their pool."""

from __future__ import annotations

from dataclasses import dataclass

from labelaudit.asm.peers import Peers
from labelaudit.evidence.combine import Pool
from labelaudit.evidence.features import HeadFeatures
from labelaudit.nets.interface import Net
from labelaudit.records import Evidence


@dataclass(frozen=True)
class Gathered:
    """Evidence, and what it came from.

    Attributes:
        evidence: N rows in input order, NaN where not audited.
        pool: How the sources were combined.
        peers: The peers that judge new images.
        net: The network whose trunk gave the features; None where the peers are whole networks.
        head_features: What prepares a trunk's features for the heads; None where the peers are whole networks.
        notes: What was assumed or found on the way, one sentence each.
    """

    evidence: Evidence
    pool: Pool
    peers: Peers
    net: Net | None
    head_features: HeadFeatures | None
    notes: tuple[str, ...]
