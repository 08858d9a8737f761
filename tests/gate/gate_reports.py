"""Small reports whose every figure can be worked out by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelaudit.labels import LabelSpace
from labelaudit.likeness import Scored
from labelaudit.records import Evidence, PixelFacts, Reason, SampleTable, ThresholdHistory, Verdict, VerdictTable
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.table import write_report

CLASSES = ("happy", "neutral", "sad")
NAN = float("nan")


@dataclass(frozen=True)
class Face:
    """A row of a report; its content is its name unless said otherwise."""

    name: str
    label: str | None = "happy"
    verdict: Verdict = Verdict.CLEAN
    p: float = 0.1
    rather: str | None = None
    content: str | None = ""
    group: int = -1
    embedded: bool = False

    @property
    def sha256(self) -> str | None:
        return None if self.content is None else sha256_of(self.content or self.name)


def sha256_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def wrong(name: str, label: str = "happy", *, p: float = 0.9, rather: str = "sad", content: str | None = "") -> Face:
    return Face(name, label, Verdict.MISLABELLED, p, rather, content)


def faces(prefix: str, count: int, label: str = "happy", *, p: float = 0.1) -> list[Face]:
    return [Face(f"{prefix}{number:04d}.png", label, p=p) for number in range(count)]


def write_run(
    folder: Path,
    rows: Sequence[Face],
    *,
    classes: Sequence[str] = CLASSES,
    rule: str = "calibrated",
    assumed: Sequence[str] = (),
    scored: Scored | None = None,
    distrust: Sequence[str] = (),
) -> Path:
    """Writes a run folder with a report of some faces."""
    folder.mkdir()
    count = len(rows)
    labels = LabelSpace(tuple(classes))
    nothing, unknown = np.zeros(count, dtype=np.int32), np.full(count, NAN, dtype=np.float32)
    judged = np.array([row.verdict not in (Verdict.UNREADABLE, Verdict.UNDETERMINED) for row in rows], dtype=bool)
    p = np.array([row.p for row in rows], dtype=np.float32)
    p[~judged] = NAN
    posterior = np.full((count, len(classes)), 0.1, dtype=np.float32)
    for row, face in enumerate(rows):
        seen = face.rather or face.label
        posterior[row, classes.index(seen) if seen in classes else 0] = 0.8
    posterior[~judged] = NAN
    suggested = [-1 if row.rather is None else classes.index(row.rather) for row in rows]
    write_report(
        folder / "report.parquet",
        table=SampleTable(
            sample_id=[row.name for row in rows],
            given_label=[row.label for row in rows],
            path=[None if row.embedded else row.name for row in rows],
            split=[None] * count,
            labels=labels,
        ),
        evidence=Evidence(
            posterior=posterior,
            peer1=posterior,
            peer2=posterior,
            epochs_clean=nothing,
            epochs_ambiguous=nothing,
            epochs_noisy=nothing,
            history=ThresholdHistory.empty(),
        ),
        facts=PixelFacts(
            error=["truncated" if row.verdict is Verdict.UNREADABLE else None for row in rows],
            content_sha256=[row.sha256 for row in rows],
            width=nothing,
            height=nothing,
            sharpness=unknown,
            brightness=unknown,
            duplicate_group=np.array([row.group for row in rows], dtype=np.int32),
            conflict=np.zeros(count, dtype=bool),
        ),
        verdicts=VerdictTable(
            verdict=[row.verdict for row in rows],
            reason=[_REASONS[row.verdict] for row in rows],
            reason_detail=["truncated" if row.verdict is Verdict.UNREADABLE else None for row in rows],
            suggested=np.array(suggested, dtype=np.int32),
            suggested_confidence=np.where(np.array(suggested) < 0, NAN, 0.8).astype(np.float32),
            p_mislabelled=p,
            label_score=(1 - p).astype(np.float32),
            clean_threshold=unknown,
            noisy_threshold=unknown,
            queue_rank=np.full(count, -1),
        ),
        metadata=ReportMetadata(
            tool_version="0.1.0",
            dataset="new faces",
            dataset_fingerprint="f00d",
            source_format="folder",
            source_why="a folder a class",
            classes=labels.names,
            settings={"folds": 5, "verdict": {"rule": rule}},
            seed=0,
            device="cpu",
            weights="none",
            torch_version="2.6.0",
            model_hash="0123456789abcdef",
            assumed=tuple(assumed),
            scored=scored,
            distrust=tuple(distrust),
        ),
    )
    return folder


_REASONS = {
    Verdict.CLEAN: Reason.ABOVE_CLEAN_THRESHOLD,
    Verdict.AMBIGUOUS: Reason.BETWEEN_THRESHOLDS,
    Verdict.MISLABELLED: Reason.BELOW_NOISY_THRESHOLD,
    Verdict.UNDETERMINED: Reason.CLASS_TOO_SMALL,
    Verdict.UNREADABLE: Reason.DECODE_ERROR,
}
