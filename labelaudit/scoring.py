"""Joins the rooms into one scoring: source -> pixels -> a finished audit's judges -> verdicts -> report."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labelaudit._version import __version__
from labelaudit.clock import Clock
from labelaudit.errors import RunFolderError
from labelaudit.evidence.scorer import Scorer
from labelaudit.likeness import Scored
from labelaudit.pixels.build import build_store
from labelaudit.records import Progress, Stage, no_progress
from labelaudit.report.file import open_report
from labelaudit.report.summary import Summary, summarise_run, write_summary
from labelaudit.report.table import write_report, write_report_parts
from labelaudit.rundir import RunDir, cache_folder
from labelaudit.runstart import opened_run
from labelaudit.scale.about import About
from labelaudit.scale.engine import score_parts
from labelaudit.scale.join import joined_parts, look_at_all, order_of_queue
from labelaudit.scale.judging import Judging
from labelaudit.scale.run_url import local_run, run_to_publish
from labelaudit.scale.settings import PartSettings
from labelaudit.source.fingerprint import dataset_fingerprint, dataset_name
from labelaudit.source.given import source_from
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import Origin, write_origin


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
    resume: bool = False,
    parts: PartSettings | None = None,
    progress: Progress = no_progress,
) -> ScoreResult:
    """Judges a batch of new images by a finished audit's model and writes a report. Nothing is trained.

    Args:
        data: As ``audit`` takes it. It may lack classes, hold a single one, or no labels at all.
        model: The audit's run, its folder or URL, or a ``Scorer`` that was loaded from it.
        out: The folder to be, or its URL: it is made on this machine then, and published when it is finished.
        options: What opening the batch is to be told.
        name: What people call the batch; None = the last part of its path.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; a ``Scorer`` has its own.
        workers: Threads that decode pictures; None = one a core.
        cache_dir: Where pixels and scores are kept; None = the user's cache folder.
        force: Replace what an earlier run left there.
        resume: Go on with an interrupted one.
        parts: Score a part of the batch after the other, on this machine or on a Ray cluster, and join them: the report
            is the same, and no pixel cache of the batch is needed. None = all at once.
        progress: Told of every stage.

    Raises:
        WeightsError: There is no model, or it is damaged, altered or of another version.
        LabelAuditError: The batch cannot be scored; the text says what, where, and what to do.
    """
    if not isinstance(model, Scorer):
        found = model if isinstance(model, RunDir) else local_run(model, cache_dir=cache_dir, progress=progress)
        model = Scorer.load(found, device=device)
    known = replace(options or SourceOptions(), classes=model.classes)
    is_place = isinstance(data, str | os.PathLike)
    with run_to_publish(out, cache_dir=cache_dir, force=force, progress=progress) as folder:
        return score_source(
            source_from(data, known),
            scorer=model,
            out=folder,
            name=dataset_name(data) if name is None else name,
            origin=Origin(os.fspath(data), known) if is_place else None,
            workers=workers,
            cache_dir=cache_dir,
            force=force,
            resume=resume,
            parts=parts,
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
    resume: bool = False,
    parts: PartSettings | None = None,
    progress: Progress = no_progress,
) -> ScoreResult:
    """``score`` of a source that is open already; ``origin`` is where later commands find it again."""
    if out.resolve() == scorer.model.where.resolve():
        raise RunFolderError(f"{out} is the model's own run; name another folder with --out")
    cache, clock = cache_folder(cache_dir), Clock(progress)
    judging = Judging.of(scorer, source, name)
    fingerprint = dataset_fingerprint(source)
    mark = {"labelaudit": __version__, "dataset": fingerprint, "scored_by": scorer.model.sha256}
    with opened_run(out, fingerprint=mark, force=force, resume=resume) as run:
        if run.is_finished():
            shutil.rmtree(run.checkpoint, ignore_errors=True)
            return _finished(run)
        if origin is not None:
            write_origin(run, origin)
        seed, note = judging.frozen.settings.seed, None
        about = About(scorer, source, judging, name=name, fingerprint=fingerprint)
        if parts is None:
            store = build_store(source, size=scorer.size, cache_dir=cache, workers=workers, progress=clock)
            found = scorer.score(store, cache_dir=cache, seed=seed, progress=clock)
            computed, note = found.computed, store.note
            rows = range(len(source.table))
            clock(Stage("verdicts", 0, len(rows), "faces"))
            evidence, verdicts = judging.judge(rows, store.facts, found.evidence)
            metadata = about.metadata(found.drift, found.matches, verdicts.p_mislabelled)
            write_report(
                run.report,
                table=judging.table,
                evidence=evidence,
                facts=store.facts,
                verdicts=verdicts,
                metadata=metadata,
            )
        else:
            shelf, computed = score_parts(
                source,
                scorer,
                run.checkpoint,
                parts,
                fingerprint=fingerprint,
                origin=origin,
                workers=workers,
                cache_dir=cache,
                progress=clock,
            )
            whole = look_at_all(shelf, source, scorer, seed=seed, cache_dir=cache, progress=clock)
            clock(Stage("verdicts", 0, len(source.table), "faces"))
            order = order_of_queue(shelf, scorer, whole, judging.judge)
            metadata = about.metadata(whole.drift, whole.matches, order.p)
            joined = joined_parts(shelf, scorer, whole, judging.judge, order)
            write_report_parts(run.report, table=judging.table, parts=joined, metadata=metadata)
        clock(Stage("verdicts", len(source.table), len(source.table), "faces"))
        assert metadata.scored is not None
        summary = summarise_run(run, seconds=clock.seconds(), files=(run.report.name, run.summary.name))
        if note is not None:
            summary = replace(summary, assumed=(*summary.assumed, note))
        write_summary(run.summary, summary)
        shutil.rmtree(run.checkpoint, ignore_errors=True)  # after the summary: until then a killed run needs it
    return ScoreResult(run, summary, metadata.scored, computed)


def _finished(run: RunDir) -> ScoreResult:
    """What a run found that was finished before."""
    scored = open_report(run).metadata.scored
    if scored is None:
        raise RunFolderError(f"{run.root} is an audit and no scored batch; name another folder with --out")
    return ScoreResult(run, summarise_run(run, files=(run.report.name, run.summary.name)), scored, computed=0)
