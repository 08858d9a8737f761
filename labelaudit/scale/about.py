"""What the report of a scored batch says of itself: the model, drift, pictures that it was trained on, notes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from labelaudit._version import __version__
from labelaudit.evidence.known import UNKNOWN, Matches, labels_since
from labelaudit.evidence.scorer import Scorer
from labelaudit.likeness import Drift, Overlap, Scored, SplitOverlap
from labelaudit.records import FloatArray, SampleTable
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.scale.judging import Judging
from labelaudit.settings import ThresholdRule
from labelaudit.source.interface import LabelSource
from labelaudit.source.words import some


@dataclass(frozen=True)
class About:
    """What a report says of itself.

    Attributes:
        scorer: The model.
        source: The batch.
        judging: How its rows were judged.
        name: What people call it.
        fingerprint: Hex digest of it.
    """

    scorer: Scorer
    source: LabelSource
    judging: Judging
    name: str
    fingerprint: str

    def metadata(self, drift: Drift | None, matches: Matches, p: FloatArray) -> ReportMetadata:
        """Metadata, from what was found in the whole batch; p_mislabelled is (N,)."""
        model, frozen, source = self.scorer.model, self.judging.frozen, self.source
        overlap = _overlap(self.scorer, self.judging.table, matches)
        scored = Scored(model.sha256, model.facts["dataset"], drift, overlap)
        calibrated = frozen.rule.rule is ThresholdRule.CALIBRATED
        return ReportMetadata(
            tool_version=__version__,
            dataset=self.name,
            dataset_fingerprint=self.fingerprint,
            source_format=source.format,
            source_why=source.why,
            classes=self.scorer.classes,
            settings=frozen.settings.to_json(),
            seed=frozen.settings.seed,
            device=self.scorer.device,
            weights=model.facts["weights"],
            torch_version=version("torch"),
            model_hash=model.sha256,
            assumed=(*source.assumed, *_notes(scored, self.judging.unknown, calibrated=calibrated)),
            distrust=model.distrust,
            noise_rate=_noise_rate(p) if calibrated else None,
            scored=scored,
        )


def _overlap(scorer: Scorer, table: SampleTable, matches: Matches) -> Overlap:
    """What a batch has in common with the training set."""
    known = scorer.known
    rows = np.flatnonzero(matches.known != UNKNOWN)
    theirs = matches.known[rows]
    pairs = Counter(
        (table.split[row], None if number < 0 else known.splits[number])
        for row, number in zip(rows.tolist(), known.split[theirs].tolist(), strict=True)
    )
    return Overlap(
        rows=len(rows),
        exact=int(matches.exact[rows].sum()),
        other_label=int(labels_since(known, matches, table.given).sum()),
        splits=tuple(SplitOverlap(mine, trained, count) for (mine, trained), count in pairs.most_common()),
    )


def _noise_rate(p: FloatArray) -> Estimate | None:
    judged = p[np.isfinite(p)]
    return Estimate(float(judged.mean())) if len(judged) else None


def _notes(scored: Scored, unknown: dict[str, int], *, calibrated: bool) -> list[str]:
    """What a reader of the report must be told, one sentence each."""
    notes = [f"judged by the model that the audit of {scored.model_dataset} left behind; nothing was trained"]
    if not calibrated:
        notes.append("that audit was not cross-fitted: p_mislabelled is not calibrated, and its thresholds are high")
    if scored.drift is None:
        notes.append("too few pictures are new to the model to tell whether they look like its training data")
    else:
        notes.append(scored.drift.sentence)
    if scored.overlap.rows:
        notes.append(scored.overlap.sentence)
    if unknown:
        count = sum(unknown.values())
        rows = "row has a label" if count == 1 else "rows have labels"
        notes.append(f"{count:,} {rows} that the model does not know ({some(list(unknown))}): kept, not judged")
    return notes
