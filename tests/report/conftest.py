"""A dataset of nine rows and three classes whose every figure can be worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from labelaudit.labels import LabelSpace
from labelaudit.records import (
    Evidence,
    PixelFacts,
    Reason,
    SampleTable,
    ThresholdHistory,
    Verdict,
    VerdictTable,
)
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.table import write_report

NAN = float("nan")


@dataclass(frozen=True)
class Case:
    table: SampleTable
    evidence: Evidence
    facts: PixelFacts
    verdicts: VerdictTable
    metadata: ReportMetadata

    def write(self, path: Path) -> Path:
        write_report(
            path,
            table=self.table,
            evidence=self.evidence,
            facts=self.facts,
            verdicts=self.verdicts,
            metadata=self.metadata,
        )
        return path


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


@pytest.fixture
def case() -> Case:
    labels = LabelSpace(("happy", "neutral", "sad"))
    none = [NAN] * 3
    posterior = np.array(
        [
            [1.0, 0.0, 0.0],  # happy, clean
            [0.75, 0.25, 0.0],  # happy, clean
            [0.1, 0.8, 0.1],  # happy, mislabelled: neutral
            [0.4, 0.5, 0.1],  # happy, ambiguous with neutral
            [0.5, 0.3, 0.2],  # neutral, ambiguous with happy
            [0.0, 0.1, 0.9],  # neutral, mislabelled: sad
            none,  # sad, unreadable
            none,  # "no face", no class
            none,  # no label
        ],
        dtype=np.float32,
    )
    history = ThresholdHistory(
        epoch=ints(1, 1, 2, 2, 2, 2),
        fold=ints(0, 0, 0, 0, 1, 1),
        class_index=ints(0, 1, 0, 1, 0, 1),
        mean_confidence=floats(0.5, 0.4, 0.6, 0.5, 0.8, NAN),
        clean_threshold=floats(0.4, 0.32, 0.48, 0.4, 0.64, NAN),
        noisy_threshold=floats(0.1, 0.08, 0.12, 0.1, 0.16, NAN),
        clean=ints(1, 1, 1, 1, 1, 0),
        ambiguous=ints(1, 0, 1, 0, 1, 0),
        noisy=ints(0, 1, 0, 1, 0, 0),
    )
    return Case(
        table=SampleTable(
            sample_id=[f"s{row}" for row in range(9)],
            given_label=["happy"] * 4 + ["neutral"] * 2 + ["sad", "no face", None],
            path=[f"faces/übel {row}.png" for row in range(8)] + [None],
            split=["train", "test", "train", "train", "train", "train", None, None, "test"],
            labels=labels,
        ),
        evidence=Evidence(
            posterior=posterior,
            peer1=posterior,
            peer2=np.full_like(posterior, 1 / 3),
            epochs_clean=np.arange(9, dtype=np.int32),
            epochs_ambiguous=np.zeros(9, dtype=np.int32),
            epochs_noisy=np.ones(9, dtype=np.int32),
            history=history,
        ),
        facts=PixelFacts(
            error=[None] * 6 + ["image file is truncated", None, None],
            content_sha256=["ab" * 32] * 8 + [None],
            width=np.full(9, 48, dtype=np.int32),
            height=np.full(9, 48, dtype=np.int32),
            sharpness=floats(1, 2, 3, 4, 5, 6, NAN, 8, 9),
            brightness=floats(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, NAN, 0.8, 0.9),
            duplicate_group=ints(0, 0, 1, -1, 1, -1, -1, -1, -1),
            conflict=np.array([False, False, True, False, True, False, False, False, False]),
        ),
        verdicts=VerdictTable(
            verdict=[Verdict.CLEAN] * 2
            + [Verdict.MISLABELLED, Verdict.AMBIGUOUS, Verdict.AMBIGUOUS, Verdict.MISLABELLED]
            + [Verdict.UNREADABLE, Verdict.UNDETERMINED, Verdict.UNDETERMINED],
            reason=[Reason.ABOVE_CLEAN_THRESHOLD] * 2
            + [Reason.BELOW_NOISY_THRESHOLD, Reason.BETWEEN_THRESHOLDS]
            + [Reason.DUPLICATE_CONFLICT, Reason.BELOW_NOISY_THRESHOLD]
            + [Reason.DECODE_ERROR, Reason.NOT_A_CLASS, Reason.NO_LABEL],
            reason_detail=["fine"] * 6 + ["image file is truncated", "no face is none of the audited classes", None],
            suggested=ints(-1, -1, 1, 1, -1, 2, -1, -1, -1),
            suggested_confidence=floats(NAN, NAN, 0.7, 0.4, NAN, 0.9, NAN, NAN, NAN),
            p_mislabelled=floats(0, 0.1, 0.75, 0.5, 0.25, 0.95, NAN, NAN, NAN),
            label_score=floats(1, 0.75, 0.15, 0.45, 0.4, 0.1, NAN, NAN, NAN),
            clean_threshold=floats(0.6, 0.6, 0.6, 0.6, 0.5, 0.5, NAN, NAN, NAN),
            noisy_threshold=floats(0.2, 0.2, 0.2, 0.2, 0.15, 0.15, NAN, NAN, NAN),
            queue_rank=np.array([-1, -1, 2, 3, 4, 1, -1, -1, -1]),
        ),
        metadata=ReportMetadata(
            tool_version="0.1.0",
            dataset="faces",
            dataset_fingerprint="f00d",
            source_format="folder",
            source_why="a folder a class",
            classes=labels.names,
            settings={"folds": 5, "seed": 0, "nets": {"weights": "none"}},
            seed=0,
            device="cpu",
            weights="none",
            torch_version="2.6.0",
            assumed=("labels are the names of folders",),
            queue_precision=Estimate(0.9, 0.8, 0.95),
            noise_matrix=((0.9, 0.1, 0.0), (0.2, 0.8, 0.0), (NAN, NAN, NAN)),
            planted={"recall": 0.8},
        ),
    )
