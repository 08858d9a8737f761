"""Joins the rooms into one scoring: source -> pixels -> a finished audit's judges -> verdicts -> report."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit._version import __version__
from labelaudit.clock import Clock
from labelaudit.errors import RunFolderError, SourceError
from labelaudit.evidence.known import UNKNOWN, labels_since
from labelaudit.evidence.scorer import BatchEvidence, Scorer
from labelaudit.labels import NO_CLASS, LabelSpace
from labelaudit.likeness import Overlap, Scored, SplitOverlap
from labelaudit.pixels.build import build_store
from labelaudit.records import Evidence, FloatArray, Progress, SampleTable, Stage, VerdictTable, no_progress
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.summary import Summary, summarise_run, write_summary
from labelaudit.report.table import write_report
from labelaudit.rundir import RunDir, cache_folder
from labelaudit.runstart import opened_run
from labelaudit.settings import ThresholdRule
from labelaudit.source.fingerprint import dataset_fingerprint, dataset_name
from labelaudit.source.given import source_from
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import Origin, write_origin
from labelaudit.source.words import some
from labelaudit.verdict.frozen import FrozenRule


@dataclass(frozen=True)
class ScoreResult:
    """A scored batch.

    Attributes:
        run: Its folder: a report and a summary, as of an audit.
        summary: The figures.
        scored: Which model judged, drift, and pictures that it was trained on.
        computed: Pictures that were scored now; the others were known, in the cache, or unreadable.
    """

    run: RunDir
    summary: Summary
    scored: Scored
    computed: int

    @property
    def report(self) -> Path:
        """The Parquet report."""
        return self.run.report


def score(
    data: Any,
    *,
    model: Scorer | RunDir | Path | str,
    out: Path | str,
    options: SourceOptions | None = None,
    name: str | None = None,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | None = None,
    force: bool = False,
    progress: Progress = no_progress,
) -> ScoreResult:
    """Judges a batch of new images by a finished audit's model and writes a report. Nothing is trained.

    Args:
        data: As ``audit`` takes it. It may lack classes, hold a single one, or no labels at all.
        model: The audit's run, its folder, or a ``Scorer`` that was loaded from it.
        out: The folder to be.
        options: What opening the batch is to be told.
        name: What people call the batch; None = the last part of its path.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; a ``Scorer`` has its own.
        workers: Threads that decode pictures; None = one a core.
        cache_dir: Where pixels and scores are kept; None = the user's cache folder.
        force: Replace what an earlier run left there.
        progress: Told of every stage.

    Raises:
        WeightsError: There is no model, or it is damaged, altered or of another version.
        LabelAuditError: The batch cannot be scored; the text says what, where, and what to do.
    """
    scorer = model if isinstance(model, Scorer) else Scorer.load(model, device=device)
    known = replace(options or SourceOptions(), classes=scorer.classes)
    is_place = isinstance(data, str | os.PathLike)
    return score_source(
        source_from(data, known),
        scorer=scorer,
        out=Path(out),
        name=dataset_name(data) if name is None else name,
        origin=Origin(os.fspath(data), known) if is_place else None,
        workers=workers,
        cache_dir=cache_dir,
        force=force,
        progress=progress,
    )


def score_source(
    source: LabelSource,
    *,
    scorer: Scorer,
    out: Path,
    name: str = "dataset",
    origin: Origin | None = None,
    workers: int | None = None,
    cache_dir: Path | None = None,
    force: bool = False,
    progress: Progress = no_progress,
) -> ScoreResult:
    """``score`` of a source that is open already; ``origin`` is where later commands find it again."""
    if out.resolve() == scorer.model.where.resolve():
        raise RunFolderError(f"{out} is the model's own run; name another folder with --out")
    cache, clock = cache_folder(cache_dir), Clock(progress)
    frozen = FrozenRule.read(scorer.model.facts, classes=len(scorer.classes))
    table, unknown = _under_classes(source.table, scorer.classes, name)
    fingerprint = dataset_fingerprint(source)
    mark = {"labelaudit": __version__, "dataset": fingerprint, "scored_by": scorer.model.sha256}
    with opened_run(out, fingerprint=mark, force=force) as run:
        if origin is not None:
            write_origin(run, origin)
        store = build_store(source, size=scorer.size, cache_dir=cache, workers=workers, progress=clock)
        found = scorer.score(store, cache_dir=cache, seed=frozen.settings.seed, progress=clock)
        clock(Stage("verdicts", 0, len(table), "faces"))
        evidence = _judgeable(found.evidence, (table.given == NO_CLASS) | frozen.knows(table.given))
        rows = [row for row, label in enumerate(table.given_label) if label in unknown]
        verdicts = frozen.judge(table, store.facts, evidence, unknown=rows)
        scored = Scored(scorer.model.sha256, scorer.model.facts["dataset"], found.drift, _overlap(scorer, table, found))
        notes = _notes(scored, unknown, calibrated=frozen.rule.rule is ThresholdRule.CALIBRATED)
        metadata = ReportMetadata(
            tool_version=__version__,
            dataset=name,
            dataset_fingerprint=fingerprint,
            source_format=source.format,
            source_why=source.why,
            classes=scorer.classes,
            settings=frozen.settings.to_json(),
            seed=frozen.settings.seed,
            device=scorer.device,
            weights=scorer.model.facts["weights"],
            torch_version=version("torch"),
            model_hash=scorer.model.sha256,
            assumed=(*source.assumed, *notes),
            distrust=scorer.model.distrust,
            noise_rate=_noise_rate(verdicts, frozen),
            scored=scored,
        )
        write_report(
            run.report,
            table=table,
            evidence=evidence,
            facts=store.facts,
            verdicts=verdicts,
            metadata=metadata,
        )
        clock(Stage("verdicts", len(table), len(table), "faces"))
        files = (run.report.name, run.summary.name)
        summary = summarise_run(run, seconds=clock.seconds(), files=files)
        if store.note is not None:
            summary = replace(summary, assumed=(*summary.assumed, store.note))
        write_summary(run.summary, summary)
    return ScoreResult(run, summary, scored, found.computed)


def _under_classes(table: SampleTable, classes: tuple[str, ...], name: str) -> tuple[SampleTable, dict[str, int]]:
    """The samples under a model's classes, and the batch's classes that are none of these, with their rows."""
    found = replace(table, labels=LabelSpace(classes), votes=None, votes_outside=None, ballots=None)
    outside = (label for label in table.given_label if label in table.labels and label not in found.labels)
    unknown = dict(Counter(str(label) for label in outside).most_common())
    if unknown and (found.given == NO_CLASS).all():
        raise SourceError(
            f"none of the labels of {name} ({some(list(unknown))}) is a class of the model ({some(classes)}); "
            "say which is which with --label-map"
        )
    return found, unknown


def _judgeable(evidence: Evidence, rows: NDArray[np.bool_]) -> Evidence:
    """Evidence of some rows alone, (N,): what a model says of a class of which it has seen next to nothing is none."""

    def kept(values: FloatArray | None) -> FloatArray:
        assert values is not None
        return np.where(rows[:, None], values, np.float32(np.nan))

    return replace(
        evidence,
        posterior=kept(evidence.posterior),
        peer1=kept(evidence.peer1),
        peer2=kept(evidence.peer2),
        ridge=kept(evidence.ridge),
    )


def _overlap(scorer: Scorer, table: SampleTable, found: BatchEvidence) -> Overlap:
    """What a batch has in common with the training set."""
    known = scorer.known
    rows = np.flatnonzero(found.matches.known != UNKNOWN)
    theirs = found.matches.known[rows]
    pairs = Counter(
        (table.split[row], None if number < 0 else known.splits[number])
        for row, number in zip(rows.tolist(), known.split[theirs].tolist(), strict=True)
    )
    return Overlap(
        rows=len(rows),
        exact=int(found.matches.exact[rows].sum()),
        other_label=int(labels_since(known, found.matches, table.given).sum()),
        splits=tuple(SplitOverlap(mine, trained, count) for (mine, trained), count in pairs.most_common()),
    )


def _noise_rate(verdicts: VerdictTable, frozen: FrozenRule) -> Estimate | None:
    judged = verdicts.p_mislabelled[np.isfinite(verdicts.p_mislabelled)]
    if frozen.rule.rule is not ThresholdRule.CALIBRATED or not len(judged):
        return None
    return Estimate(float(judged.mean()))


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
